/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "process": what to run, as whom, and with which powers and limits. Also of `exec --process`.
 */
#include "config.h"
#include "runtime/spec-internal.h"

#include "runtime/caps.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* include/uapi/linux/binfmts.h: one string of argv or envp, with its NUL. */
#define ARG_PAGES_MAX 32
/* fs/exec.c: argv and envp together never get more than 3/4 of 8 MiB, whatever the limits are. */
#define ARGS_MAX      (6 << 20)
#define GROUPS_MAX    65536
#define UMASK_DEFAULT 0022

static const struct {
	const char *name;
	int resource;
} rlimits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },	      { "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },	      { "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },     { "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },	      { "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },     { "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },   { "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_STACK", RLIMIT_STACK },     { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
};

/**
 * spec_rlimit_name() - "RLIMIT_NOFILE" of the resource of prlimit(2)
 */
const char *spec_rlimit_name(int resource)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rlimits); i++)
		if (rlimits[i].resource == resource)
			return rlimits[i].name;
	return "?";
}

static bool parse_cap_set(json_t *json, const char *key, uint64_t *set, GPtrArray *warnings,
			  GError **error)
{
	const char *where = "process.capabilities";
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(json, where, key, &array, error))
		return false;
	json_array_foreach(array, i, item)
	{
		g_autofree char *name = g_strdup_printf("%s[%zu]", key, i);
		const char *text;
		int cap;

		if (!spec_string_value(item, where, name, 255, &text, error))
			return false;
		cap = caps_from_name(text);
		if (cap < 0)
			spec_warn(warnings, where, name, "unknown capability \"%s\" is not granted",
				  text);
		else if (!(caps_all() >> cap & 1))
			spec_warn(warnings, where, name, "this kernel has no %s", text);
		else
			*set |= 1ULL << cap;
	}
	return true;
}

static bool parse_caps(json_t *process, struct spec_process *p, GError **error)
{
	struct spec_caps *caps = &p->caps;
	json_t *json;

	return spec_get_object(process, "process", "capabilities", &json, error) &&
	       parse_cap_set(json, "bounding", &caps->bounding, p->warnings, error) &&
	       parse_cap_set(json, "effective", &caps->effective, p->warnings, error) &&
	       parse_cap_set(json, "permitted", &caps->permitted, p->warnings, error) &&
	       parse_cap_set(json, "inheritable", &caps->inheritable, p->warnings, error) &&
	       parse_cap_set(json, "ambient", &caps->ambient, p->warnings, error);
}

static int rlimit_from_name(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rlimits); i++)
		if (strcmp(name, rlimits[i].name) == 0)
			return rlimits[i].resource;
	return -1;
}

static bool parse_rlimit(json_t *json, const char *where, GArray *array, GError **error)
{
	struct spec_rlimit limit;
	const char *type;

	if (!spec_is_object(json, where, error) ||
	    !spec_get_name(json, where, "type", &type, error))
		return false;
	limit.resource = rlimit_from_name(type);
	if (limit.resource < 0)
		return spec_bad(error, where, "type", "unknown limit \"%s\"", type);
	if (!spec_get_u64(json, where, "soft", true, &limit.soft, error) ||
	    !spec_get_u64(json, where, "hard", true, &limit.hard, error))
		return false;
	if (limit.soft > limit.hard)
		return spec_bad(error, where, "soft", "of %s is above hard", type);
	for (guint i = 0; i < array->len; i++)
		if (g_array_index(array, struct spec_rlimit, i).resource == limit.resource)
			return spec_bad(error, where, "type", "\"%s\" is given twice", type);
	g_array_append_val(array, limit);
	return true;
}

static bool parse_rlimits(json_t *process, GArray *limits, GError **error)
{
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(process, "process", "rlimits", &array, error))
		return false;
	json_array_foreach(array, i, item)
	{
		char where[SPEC_WHERE_MAX];

		g_snprintf(where, sizeof(where), "process.rlimits[%zu]", i);
		if (!parse_rlimit(item, where, limits, error))
			return false;
	}
	return true;
}

static gint compare_groups(gconstpointer a, gconstpointer b)
{
	const gid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/**
 * spec_process_order_groups() - what the kernel would make of them, and each once: it keeps a group
 * twice that is given twice, as engines do, and then id(1) shows it so
 */
void spec_process_order_groups(struct spec_process *p)
{
	guint n = 0;

	g_array_sort(p->groups, compare_groups);
	for (guint i = 0; i < p->groups->len; i++) {
		gid_t gid = g_array_index(p->groups, gid_t, i);

		if (n == 0 || g_array_index(p->groups, gid_t, n - 1) != gid)
			g_array_index(p->groups, gid_t, n++) = gid;
	}
	g_array_set_size(p->groups, n);
}

static bool parse_groups(json_t *user, const char *where, GArray *groups, GError **error)
{
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(user, where, "additionalGids", &array, error))
		return false;
	if (json_array_size(array) > GROUPS_MAX)
		return spec_bad(error, where, "additionalGids", "has more than %d groups",
				GROUPS_MAX);
	json_array_foreach(array, i, item)
	{
		json_int_t value = json_integer_value(item);
		gid_t gid = value;

		if (!json_is_integer(item) || value < 0 || value >= UINT32_MAX)
			return spec_bad(error, where, "additionalGids", "entry %zu is no id", i);
		g_array_append_val(groups, gid);
	}
	return true;
}

static bool parse_user(json_t *process, struct spec_process *p, GError **error)
{
	const char *where = "process.user";
	int64_t uid, gid, mask;
	bool present;
	json_t *user;

	if (!spec_get_object(process, "process", "user", &user, error) ||
	    !spec_get_int(user, where, "uid", 0, UINT32_MAX - 1, &present, &uid, error) ||
	    !spec_get_int(user, where, "gid", 0, UINT32_MAX - 1, &present, &gid, error) ||
	    !spec_get_int(user, where, "umask", 0, 07777, &present, &mask, error) ||
	    !parse_groups(user, where, p->groups, error))
		return false;
	spec_process_order_groups(p);
	p->uid = uid;
	p->gid = gid;
	p->umask = present ? mask & 0777 : UMASK_DEFAULT;
	return true;
}

static size_t strv_bytes(char **strv)
{
	size_t bytes = 0;

	for (; *strv; strv++)
		bytes += strlen(*strv) + 1 + sizeof(char *);
	return bytes;
}

static bool parse_command(json_t *json, struct spec_process *p, GError **error)
{
	size_t one = ARG_PAGES_MAX * sysconf(_SC_PAGESIZE) - 1;

	if (!spec_get_strv(json, "process", "args", one, &p->args, error) ||
	    !spec_get_strv(json, "process", "env", one, &p->env, error) ||
	    !spec_get_string(json, "process", "cwd", SPEC_PATH_MAX, &p->cwd, error))
		return false;
	if (!p->args[0])
		return spec_bad(error, "process", "args", "no command given");
	if (strv_bytes(p->args) + strv_bytes(p->env) > ARGS_MAX)
		return spec_bad(error, "process", "args",
				"and env have more than the %d bytes that the kernel takes",
				ARGS_MAX);
	for (size_t i = 0; p->env[i]; i++)
		if (p->env[i][0] == '=' || !strchr(p->env[i], '='))
			return spec_bad(error, "process", "env",
					"entry %zu, \"%s\", is not NAME=VALUE", i, p->env[i]);
	if (!p->cwd || p->cwd[0] != '/')
		return spec_bad(error, "process", "cwd", "\"%s\" is not an absolute path",
				p->cwd ?: "");
	return true;
}

static bool parse_console(json_t *json, struct spec_process *p, GError **error)
{
	const char *where = "process.consoleSize";
	int64_t width, height;
	json_t *size;

	if (!spec_get_bool(json, "process", "terminal", &p->terminal, error))
		return false;
	if (!p->terminal)
		return true; /* the size must be ignored then */
	if (!spec_get_object(json, "process", "consoleSize", &size, error))
		return false;
	if (!size)
		return true;
	if (!spec_get_int(size, where, "width", 0, UINT16_MAX, NULL, &width, error) ||
	    !spec_get_int(size, where, "height", 0, UINT16_MAX, NULL, &height, error))
		return false;
	p->console_width = width;
	p->console_height = height;
	return true;
}

/* A label is written to a file of procfs in one piece. */
static bool parse_label(json_t *json, const char *key, char **ret, GError **error)
{
	if (!spec_get_string(json, "process", key, SPEC_PATH_MAX, ret, error))
		return false;
	if (*ret && strchr(*ret, '\n'))
		return spec_bad(error, "process", key, "contains a newline");
	if (*ret && !**ret)
		g_clear_pointer(ret, g_free);
	return true;
}

static bool parse_affinity_list(json_t *json, const char *key, char **ret, GError **error)
{
	const char *where = "process.execCPUAffinity";

	if (!spec_get_string(json, where, key, SPEC_PATH_MAX, ret, error))
		return false;
	if (*ret && strspn(*ret, "0123456789, -") != strlen(*ret))
		return spec_bad(error, where, key, "\"%s\" is no list of CPUs", *ret);
	if (*ret && !**ret)
		g_clear_pointer(ret, g_free);
	return true;
}

static bool parse_scheduling(json_t *json, struct spec_process *p, GError **error)
{
	json_t *scheduler, *ioprio, *affinity;

	return spec_get_object(json, "process", "scheduler", &scheduler, error) &&
	       spec_parse_scheduler(scheduler, "process.scheduler", &p->scheduler, error) &&
	       spec_get_object(json, "process", "ioPriority", &ioprio, error) &&
	       spec_parse_ioprio(ioprio, "process.ioPriority", &p->ioprio, error) &&
	       spec_get_object(json, "process", "execCPUAffinity", &affinity, error) &&
	       parse_affinity_list(affinity, "initial", &p->cpu_affinity_initial, error) &&
	       parse_affinity_list(affinity, "final", &p->cpu_affinity_final, error);
}

static bool parse_oom(json_t *json, struct spec_process *p, GError **error)
{
	int64_t value;

	if (!spec_get_int(json, "process", "oomScoreAdj", -1000, 1000, &p->has_oom_score_adj,
			  &value, error))
		return false;
	p->oom_score_adj = value;
	return true;
}

/* What a specification without a process gets: lists that can be walked, and nothing to run. */
static void process_init(struct spec_process *p)
{
	p->groups = g_array_new(false, false, sizeof(gid_t));
	p->rlimits = g_array_new(false, false, sizeof(struct spec_rlimit));
	p->warnings = g_ptr_array_new_with_free_func(g_free);
	p->args = g_new0(char *, 1);
	p->env = g_new0(char *, 1);
	p->cwd = g_strdup("/");
	p->umask = UMASK_DEFAULT;
	p->ioprio = -1;
}

/**
 * spec_parse_process() - read the specification's "process" object (also `exec --process`)
 * @json: NULL: there is none
 * @p: zeroed; cleared with spec_process_clear(), also on failure
 */
bool spec_parse_process(json_t *json, struct spec_process *p, GError **error)
{
	process_init(p);
	if (!json)
		return true;
	return spec_is_object(json, "process", error) && parse_command(json, p, error) &&
	       parse_console(json, p, error) && parse_user(json, p, error) &&
	       parse_caps(json, p, error) && parse_rlimits(json, p->rlimits, error) &&
	       parse_oom(json, p, error) && parse_scheduling(json, p, error) &&
	       spec_get_bool(json, "process", "noNewPrivileges", &p->no_new_privs, error) &&
	       parse_label(json, "apparmorProfile", &p->apparmor_profile, error) &&
	       parse_label(json, "selinuxLabel", &p->selinux_label, error);
}

/**
 * spec_process_clear() - free what @p points to; it is not zeroed as a whole
 */
void spec_process_clear(struct spec_process *p)
{
	g_clear_pointer(&p->args, g_strfreev);
	g_clear_pointer(&p->env, g_strfreev);
	g_clear_pointer(&p->cwd, g_free);
	g_clear_pointer(&p->apparmor_profile, g_free);
	g_clear_pointer(&p->selinux_label, g_free);
	g_clear_pointer(&p->cpu_affinity_initial, g_free);
	g_clear_pointer(&p->cpu_affinity_final, g_free);
	g_clear_pointer(&p->groups, g_array_unref);
	g_clear_pointer(&p->rlimits, g_array_unref);
	g_clear_pointer(&p->warnings, g_ptr_array_unref);
}
