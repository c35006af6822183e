/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading config.json of the OCI runtime specification into struct spec.
 *
 * What is read here comes from the engine (trusted) or from `cloister launch`; paths in it are
 * still only names: they are resolved later, once, to descriptors.
 */
#include "config.h"
#include "runtime/spec.h"

#include "lib/sys.h"
#include "runtime/caps.h"
#include "runtime/error.h"
#include "runtime/resources.h"

#include <linux/mount.h>
#include <string.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	uint64_t set, clear;
} mount_flags[] = {
	{ "ro", MOUNT_ATTR_RDONLY, 0 },
	{ "rw", 0, MOUNT_ATTR_RDONLY },
	{ "nosuid", MOUNT_ATTR_NOSUID, 0 },
	{ "suid", 0, MOUNT_ATTR_NOSUID },
	{ "nodev", MOUNT_ATTR_NODEV, 0 },
	{ "dev", 0, MOUNT_ATTR_NODEV },
	{ "noexec", MOUNT_ATTR_NOEXEC, 0 },
	{ "exec", 0, MOUNT_ATTR_NOEXEC },
	{ "noatime", MOUNT_ATTR_NOATIME, 0 },
	{ "nodiratime", MOUNT_ATTR_NODIRATIME, 0 },
	{ "relatime", MOUNT_ATTR_RELATIME, 0 },
	{ "strictatime", MOUNT_ATTR_STRICTATIME, 0 },
	{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "defaults", 0, 0 },
};

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

static char *get_string(json_t *object, const char *key)
{
	return g_strdup(json_string_value(json_object_get(object, key)));
}

static char **get_strv(json_t *object, const char *key)
{
	GStrvBuilder *builder = g_strv_builder_new();
	char **strv;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(object, key), i, item)
	{
		if (json_is_string(item))
			g_strv_builder_add(builder, json_string_value(item));
	}
	strv = g_strv_builder_end(builder);
	g_strv_builder_unref(builder);
	return strv;
}

static void mount_free(void *data)
{
	struct spec_mount *m = data;

	g_free(m->destination);
	g_free(m->type);
	g_free(m->source);
	g_free(m->data);
	g_free(m);
}

static bool apply_flag(struct spec_mount *m, const char *option)
{
	for (size_t i = 0; i < G_N_ELEMENTS(mount_flags); i++) {
		if (strcmp(option, mount_flags[i].name) != 0)
			continue;
		m->set = (m->set & ~mount_flags[i].clear) | mount_flags[i].set;
		m->clear = (m->clear & ~mount_flags[i].set) | mount_flags[i].clear;
		return true;
	}
	return false;
}

static void parse_mount_options(struct spec_mount *m, json_t *options)
{
	g_autoptr(GString) data = g_string_new(NULL);
	json_t *item;
	size_t i;

	json_array_foreach(options, i, item)
	{
		const char *option = json_string_value(item);

		if (!option || apply_flag(m, option))
			continue;
		if (strcmp(option, "bind") == 0 || strcmp(option, "rbind") == 0) {
			m->bind = true;
			m->recursive = option[0] == 'r';
		} else if (g_str_has_suffix(option, "private") ||
			   g_str_has_suffix(option, "slave")) {
			continue; /* the container's tree is private; host mounts do not arrive */
		} else {
			g_string_append_printf(data, "%s%s", data->len ? "," : "", option);
		}
	}
	if (data->len)
		m->data = g_strdup(data->str);
}

static bool parse_mount(json_t *json, GPtrArray *mounts, GError **error)
{
	struct spec_mount *m = g_new0(struct spec_mount, 1);
	json_t *annotations = json_object_get(json, "annotations");
	const char *shift = json_string_value(json_object_get(annotations, ANNOTATION_SHIFT));

	g_ptr_array_add(mounts, m);
	m->destination = get_string(json, "destination");
	m->type = get_string(json, "type");
	m->source = get_string(json, "source");
	m->shift_optional = g_strcmp0(shift, "optional") == 0;
	parse_mount_options(m, json_object_get(json, "options"));
	if (!m->destination || m->destination[0] != '/')
		return error_set(error, "mounts: destination \"%s\" must be an absolute path",
				 m->destination ?: "");
	if (g_strcmp0(m->type, "bind") == 0)
		m->bind = true;
	if (m->bind && (!m->source || m->source[0] != '/'))
		return error_set(error, "mounts: source \"%s\" of \"%s\" must be an absolute path",
				 m->source ?: "", m->destination);
	return true;
}

static bool parse_caps(json_t *json, struct spec_caps *caps, GError **error)
{
	const struct {
		const char *key;
		uint64_t *set;
	} sets[] = { { "bounding", &caps->bounding },
		     { "effective", &caps->effective },
		     { "permitted", &caps->permitted },
		     { "inheritable", &caps->inheritable },
		     { "ambient", &caps->ambient } };
	uint64_t known = caps_all();

	for (size_t s = 0; s < G_N_ELEMENTS(sets); s++) {
		json_t *item;
		size_t i;

		json_array_foreach(json_object_get(json, sets[s].key), i, item)
		{
			const char *name = json_string_value(item) ?: "";
			int cap = caps_from_name(name);

			if (cap < 0)
				return error_set(
					error, "process.capabilities.%s: unknown capability \"%s\"",
					sets[s].key, name);
			*sets[s].set |= (1ULL << cap) & known;
		}
	}
	return true;
}

static bool parse_rlimits(json_t *json, GArray *array, GError **error)
{
	json_t *item;
	size_t i;

	json_array_foreach(json, i, item)
	{
		const char *type = json_string_value(json_object_get(item, "type"));
		struct spec_rlimit limit = { .resource = -1 };

		for (size_t k = 0; type && k < G_N_ELEMENTS(rlimits); k++)
			if (strcmp(type, rlimits[k].name) == 0)
				limit.resource = rlimits[k].resource;
		if (limit.resource < 0)
			return error_set(error, "process.rlimits: unknown type \"%s\"", type ?: "");
		limit.soft = json_integer_value(json_object_get(item, "soft"));
		limit.hard = json_integer_value(json_object_get(item, "hard"));
		if (limit.soft > limit.hard)
			return error_set(error, "process.rlimits: %s: soft limit above hard limit",
					 type);
		g_array_append_val(array, limit);
	}
	return true;
}

static bool parse_id(json_t *user, const char *key, uint32_t *ret, GError **error)
{
	json_int_t value = json_integer_value(json_object_get(user, key));

	if (value < 0 || value >= UINT32_MAX)
		return error_set(error, "process.user.%s: %lld is not an id", key,
				 (long long)value);
	*ret = value;
	return true;
}

/**
 * spec_parse_process() - read the specification's "process" object (also `exec --process`)
 */
bool spec_parse_process(json_t *json, struct spec_process *p, GError **error)
{
	json_t *user = json_object_get(json, "user");
	json_t *umask = json_object_get(user, "umask");
	json_t *oom = json_object_get(json, "oomScoreAdj");
	json_t *item;
	size_t i;

	p->groups = g_array_new(false, false, sizeof(gid_t));
	p->rlimits = g_array_new(false, false, sizeof(struct spec_rlimit));
	p->terminal = json_is_true(json_object_get(json, "terminal"));
	p->no_new_privs = json_is_true(json_object_get(json, "noNewPrivileges"));
	p->args = get_strv(json, "args");
	p->env = get_strv(json, "env");
	p->cwd = get_string(json, "cwd");
	p->umask = umask ? json_integer_value(umask) & 0777 : 0022;
	p->has_oom_score_adj = oom != NULL;
	p->oom_score_adj = json_integer_value(oom);
	if (!p->args[0])
		return error_set(error, "process.args: no command given");
	if (!p->cwd || p->cwd[0] != '/')
		return error_set(error, "process.cwd: \"%s\" must be an absolute path",
				 p->cwd ?: "");
	if (!parse_id(user, "uid", &p->uid, error) || !parse_id(user, "gid", &p->gid, error))
		return false;
	json_array_foreach(json_object_get(user, "additionalGids"), i, item)
	{
		gid_t gid = json_integer_value(item);

		g_array_append_val(p->groups, gid);
	}
	return parse_caps(json_object_get(json, "capabilities"), &p->caps, error) &&
	       parse_rlimits(json_object_get(json, "rlimits"), p->rlimits, error);
}

static bool parse_root(json_t *json, const char *bundle, struct spec *spec, GError **error)
{
	json_t *root = json_object_get(json, "root");
	const char *path = json_string_value(json_object_get(root, "path"));
	json_t *annotations = json_object_get(json, "annotations");
	const char *kind = json_string_value(json_object_get(annotations, ANNOTATION_ROOTFS));

	if (!path || !*path)
		return error_set(error, "root.path: no root file system given");
	spec->root_path = g_canonicalize_filename(path, bundle);
	spec->root_readonly = json_is_true(json_object_get(root, "readonly"));
	spec->root_tmpfs = g_strcmp0(kind, "tmpfs") == 0;
	return true;
}

/**
 * spec_from_json() - make a specification of a parsed document
 * @json: taken over
 * @bundle: directory to which root.path may be relative
 */
struct spec *spec_from_json(json_t *json, const char *bundle, GError **error)
{
	autospec spec = g_new0(struct spec, 1);
	json_t *linux_json = json_object_get(json, "linux");
	json_t *item;
	size_t i;

	spec->json = json;
	spec->mounts = g_ptr_array_new_with_free_func(mount_free);
	spec->hostname = get_string(json, "hostname");
	spec->masked_paths = get_strv(linux_json, "maskedPaths");
	spec->readonly_paths = get_strv(linux_json, "readonlyPaths");
	spec->cgroups_path = get_string(linux_json, "cgroupsPath");
	spec->seccomp = json_object_get(linux_json, "seccomp");
	spec->sysctl = json_object_get(linux_json, "sysctl");
	spec->resources = json_object_get(linux_json, "resources");
	if (!resources_parse(spec->resources, &spec->limits, error))
		return NULL;
	json_array_foreach(json_object_get(json, "mounts"), i, item)
	{
		if (!parse_mount(item, spec->mounts, error))
			return NULL;
	}
	if (!parse_root(json, bundle, spec, error) ||
	    !spec_parse_process(json_object_get(json, "process"), &spec->process, error))
		return NULL;
	return g_steal_pointer(&spec);
}

/**
 * spec_load() - read @bundle/@config
 */
struct spec *spec_load(const char *bundle, const char *config, GError **error)
{
	g_autofree char *path = g_build_filename(bundle, config, NULL);
	json_error_t where;
	json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

	if (!json) {
		error_set(error, "%s:%d:%d: %s", path, where.line, where.column, where.text);
		return NULL;
	}
	return spec_from_json(json, bundle, error);
}

void spec_process_clear(struct spec_process *p)
{
	g_strfreev(p->args);
	g_strfreev(p->env);
	g_free(p->cwd);
	g_clear_pointer(&p->groups, g_array_unref);
	g_clear_pointer(&p->rlimits, g_array_unref);
}

void spec_free(struct spec *spec)
{
	spec_process_clear(&spec->process);
	g_clear_pointer(&spec->mounts, g_ptr_array_unref);
	g_free(spec->root_path);
	g_free(spec->hostname);
	g_strfreev(spec->masked_paths);
	g_strfreev(spec->readonly_paths);
	g_free(spec->cgroups_path);
	json_decref(spec->json);
	g_free(spec);
}
