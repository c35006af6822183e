/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a seccomp profile, compiled to a filter by libseccomp and exported as BPF: PID 1
 * loads it with one system call, without libseccomp in the way.
 *
 * Where the specification leaves open what happens, this does what runc does, because that is what
 * profiles are written against:
 *   - names that libseccomp does not know are skipped (seccomp-enosys.c answers those);
 *   - a rule whose action is the default one is skipped;
 *   - a rule without conditions wins over those with conditions, the first over the later ones
 *     (of those with conditions the first that holds: seccomp-conditions.c);
 *   - several conditions on one argument in one rule mean "any of them", not "all of them".
 */
#include "config.h"
#include "runtime/seccomp-internal.h"

#include "lib/fd.h"
#include "runtime/error.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_ERRNO 4095

static const struct {
	const char *name;
	uint32_t action;
	bool takes_errno;
} actions[] = {
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true },
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
};

static bool parse_action(json_t *object, const char *key, const char *errno_key, uint32_t *action,
			 GError **error)
{
	const char *name = json_string_value(json_object_get(object, key));
	json_t *number = json_object_get(object, errno_key);
	json_int_t value = number ? json_integer_value(number) : EPERM;

	for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
		if (g_strcmp0(name, actions[i].name) != 0)
			continue;
		if (number && !actions[i].takes_errno)
			return error_set(error, "linux.seccomp: %s: %s has no errno", errno_key,
					 name);
		if ((number && !json_is_integer(number)) || value < 0 || value > MAX_ERRNO)
			return error_set(error, "linux.seccomp: %s: not an errno from 0 to %d",
					 errno_key, MAX_ERRNO);
		*action = actions[i].action | (actions[i].takes_errno ? value : 0);
		return true;
	}
	return error_set(error, "linux.seccomp: unknown action \"%s\"", name ?: "");
}

/* libseccomp's architecture of a name of the specification; 0 if it has none. */
static uint32_t parse_arch(const char *name)
{
	g_autofree char *lower = NULL;

	if (!g_str_has_prefix(name, "SCMP_ARCH_"))
		return 0;
	if (strcmp(name, "SCMP_ARCH_NATIVE") == 0)
		return seccomp_arch_native();
	lower = g_ascii_strdown(name + strlen("SCMP_ARCH_"), -1);
	return seccomp_arch_resolve_name(lower);
}

static bool number_of(json_t *json, const char *key, bool required, uint64_t *ret, GError **error)
{
	json_t *value = json_object_get(json, key);

	/* Unsigned 64 bits, of which jansson has the lower 63: larger ones are no integers to it.
	 */
	if ((!value && required) || (value && !json_is_integer(value)))
		return error_set(error, "linux.seccomp: args.%s: not an integer", key);
	*ret = json_integer_value(value);
	return true;
}

static bool parse_arg(json_t *json, struct scmp_arg_cmp *cmp, GError **error)
{
	static const struct {
		const char *name;
		enum scmp_compare op;
	} ops[] = { { "SCMP_CMP_NE", SCMP_CMP_NE },
		    { "SCMP_CMP_LT", SCMP_CMP_LT },
		    { "SCMP_CMP_LE", SCMP_CMP_LE },
		    { "SCMP_CMP_EQ", SCMP_CMP_EQ },
		    { "SCMP_CMP_GE", SCMP_CMP_GE },
		    { "SCMP_CMP_GT", SCMP_CMP_GT },
		    { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ } };
	const char *name = json_string_value(json_object_get(json, "op"));
	uint64_t index = 0, value = 0, value2 = 0;

	if (!number_of(json, "index", true, &index, error) ||
	    !number_of(json, "value", true, &value, error) ||
	    !number_of(json, "valueTwo", false, &value2, error))
		return false;
	if (index > 5)
		return error_set(error, "linux.seccomp: args.index: a system call has 6 arguments");
	for (size_t i = 0; i < G_N_ELEMENTS(ops); i++) {
		if (g_strcmp0(name, ops[i].name) != 0)
			continue;
		*cmp = (struct scmp_arg_cmp){ index, ops[i].op, value, value2 };
		return true;
	}
	return error_set(error, "linux.seccomp: unknown operator \"%s\"", name ?: "");
}

/* While a profile is compiled. */
struct compiler {
	scmp_filter_ctx ctx;
	uint32_t default_action;
	struct seccomp_newest newest[SECCOMP_MAX_ARCHS]; /* one per ABI */
	size_t n_abis;
	GPtrArray *rules;	   /* struct seccomp_rule *, as in the profile */
	GHashTable *unconditional; /* names with a rule that has no conditions */
	GPtrArray *calls;	   /* struct seccomp_call *: the others */
};

static void call_free(void *data)
{
	struct seccomp_call *call = data;

	g_ptr_array_unref(call->rules);
	g_free(call);
}

static void compiler_clear(struct compiler *c)
{
	if (c->ctx)
		seccomp_release(c->ctx);
	g_clear_pointer(&c->rules, g_ptr_array_unref);
	g_clear_pointer(&c->unconditional, g_hash_table_unref);
	g_clear_pointer(&c->calls, g_ptr_array_unref);
}

static bool parse_rule(struct compiler *c, json_t *json, GError **error)
{
	json_t *args = json_object_get(json, "args"), *names = json_object_get(json, "names"),
	       *item;
	size_t n = json_array_size(args), i;
	struct seccomp_rule *rule = g_malloc0(sizeof(*rule) + n * sizeof(rule->cmp[0]));
	unsigned int seen = 0;

	g_ptr_array_add(c->rules, rule);
	rule->n = n;
	if (!parse_action(json, "action", "errnoRet", &rule->action, error))
		return false;
	if (!json_array_size(names))
		return error_set(error, "linux.seccomp: a rule without names");
	json_array_foreach(names, i, item)
	{
		if (!json_is_string(item))
			return error_set(error, "linux.seccomp: names: not a string");
		if (n == 0 && rule->action != c->default_action)
			g_hash_table_add(c->unconditional, (void *)json_string_value(item));
	}
	json_array_foreach(args, i, item)
	{
		if (!parse_arg(item, &rule->cmp[i], error))
			return false;
		rule->any = rule->any || (seen >> rule->cmp[i].arg & 1);
		seen |= 1U << rule->cmp[i].arg;
	}
	return true;
}

static void add_call(struct compiler *c, const char *name, struct seccomp_rule *rule)
{
	struct seccomp_call *call = NULL;

	for (guint i = 0; i < c->calls->len && !call; i++) {
		call = g_ptr_array_index(c->calls, i);
		if (strcmp(call->name, name) != 0)
			call = NULL;
	}
	if (!call) {
		call = g_new0(struct seccomp_call, 1);
		call->name = name;
		call->rules = g_ptr_array_new();
		g_ptr_array_add(c->calls, call);
	}
	g_ptr_array_add(call->rules, rule);
}

static int add_to_library(scmp_filter_ctx ctx, int nr, const struct seccomp_rule *rule)
{
	int r = 0;

	if (!rule->any)
		return seccomp_rule_add_array(ctx, rule->action, nr, rule->n, rule->cmp);
	for (size_t i = 0; i < rule->n && (r == 0 || r == -EEXIST); i++)
		r = seccomp_rule_add_array(ctx, rule->action, nr, 1, &rule->cmp[i]);
	return r;
}

static bool has_number_everywhere(const struct compiler *c, const char *name)
{
	for (size_t i = 0; i < c->n_abis; i++)
		if (seccomp_syscall_resolve_name_arch(c->newest[i].token, name) < 0)
			return false;
	return true;
}

static bool add_rule(struct compiler *c, json_t *json, struct seccomp_rule *rule, GError **error)
{
	json_t *item;
	size_t i;

	if (rule->action == c->default_action)
		return true;
	json_array_foreach(json_object_get(json, "names"), i, item)
	{
		const char *name = json_string_value(item);
		int nr = seccomp_syscall_resolve_name(name), r;

		if (nr == __NR_SCMP_ERROR ||
		    (rule->n > 0 && g_hash_table_contains(c->unconditional, name)))
			continue;
		if (rule->n > 0)
			add_call(c, name, rule);
		if (rule->n > 0 && has_number_everywhere(c, name))
			continue;
		r = add_to_library(c->ctx, nr, rule);
		if (r < 0 && r != -EEXIST)
			return error_set_errno(error, r, "linux.seccomp: rule for \"%s\"", name);
	}
	return true;
}

static bool add_rules(struct compiler *c, json_t *syscalls, GError **error)
{
	json_t *json;
	size_t i;

	json_array_foreach(syscalls, i, json)
	{
		if (!parse_rule(c, json, error))
			return false;
	}
	json_array_foreach(syscalls, i, json)
	{
		if (!add_rule(c, json, g_ptr_array_index(c->rules, i), error))
			return false;
	}
	return true;
}

static bool add_arch(scmp_filter_ctx ctx, uint32_t token, const char *name,
		     struct seccomp_newest *newest, size_t *n, GError **error)
{
	int r = token ? seccomp_arch_add(ctx, token) : -EINVAL;

	if (r < 0 && r != -EEXIST)
		return error_set(error,
				 "linux.seccomp: architecture \"%s\": not known to libseccomp, or "
				 "of another byte order than this machine",
				 name);
	for (size_t i = 0; i < *n; i++)
		if (newest[i].token == token)
			return true;
	if (*n < SECCOMP_MAX_ARCHS)
		newest[(*n)++].token = token;
	return true;
}

static bool add_archs(scmp_filter_ctx ctx, json_t *archs, struct seccomp_newest *newest, size_t *n,
		      GError **error)
{
	json_t *item;
	size_t i;

	if (!add_arch(ctx, seccomp_arch_native(), "native", newest, n, error))
		return false;
	json_array_foreach(archs, i, item)
	{
		const char *name = json_string_value(item) ?: "";

		if (!add_arch(ctx, parse_arch(name), name, newest, n, error))
			return false;
	}
	return true;
}

static void find_newest(json_t *syscalls, struct seccomp_newest *newest, size_t n)
{
	json_t *rule, *name;
	size_t i, k;

	json_array_foreach(syscalls, i, rule)
	{
		json_array_foreach(json_object_get(rule, "names"), k, name)
		{
			for (size_t a = 0; a < n; a++) {
				int nr = seccomp_syscall_resolve_name_arch(
					newest[a].token, json_string_value(name) ?: "");

				/* Below 0: this ABI does not have it. */
				if (nr > 0 && (uint32_t)nr > newest[a].number)
					newest[a].number = nr;
			}
		}
	}
}

static bool too_long(GError **error)
{
	return error_set(error,
			 "linux.seccomp: the filter is longer than the kernel's limit of %d "
			 "instructions; use fewer rules with arguments",
			 SECCOMP_MAX_LEN);
}

static bool export(scmp_filter_ctx ctx, struct sock_fprog *filter, GError **error)
{
	autofd fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct stat st;
	int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0)
		return error_set_errno(error, r, "linux.seccomp: compile");
	if ((size_t)st.st_size / sizeof(struct sock_filter) > SECCOMP_MAX_LEN)
		return too_long(error);
	filter->len = st.st_size / sizeof(struct sock_filter);
	filter->filter = g_malloc(st.st_size);
	if (pread(fd, filter->filter, st.st_size, 0) == st.st_size)
		return true;
	g_clear_pointer(&filter->filter, g_free);
	return error_set(error, "linux.seccomp: compile");
}

/* Where everything is allowed anyway, so is what is newer; a tracer decides for itself. */
static bool wants_enosys(uint32_t default_action)
{
	uint32_t kind = default_action & SECCOMP_RET_ACTION_FULL;

	return kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE;
}

static bool compile(struct compiler *c, json_t *profile, struct sock_fprog *filter, GError **error)
{
	json_t *syscalls = json_object_get(profile, "syscalls");
	bool fits;

	c->ctx = seccomp_init(c->default_action);
	if (!c->ctx)
		return error_set(error, "linux.seccomp: libseccomp refuses the default action");
	seccomp_attr_set(c->ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (!add_archs(c->ctx, json_object_get(profile, "architectures"), c->newest, &c->n_abis,
		       error) ||
	    !add_rules(c, syscalls, error))
		return false;
	/* A binary tree over the numbers instead of a list; libseccomp 2.5 has it. */
	seccomp_attr_set(c->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!export(c->ctx, filter, error))
		return false;
	fits = seccomp_prepend_conditions(filter, c->calls, c->newest, c->n_abis,
					  c->default_action);
	if (fits && wants_enosys(c->default_action)) {
		find_newest(syscalls, c->newest, c->n_abis);
		fits = seccomp_prepend_enosys(filter, c->newest, c->n_abis);
	}
	if (fits)
		return true;
	g_clear_pointer(&filter->filter, g_free);
	return too_long(error);
}

/**
 * seccomp_compile() - compile a profile
 * @filter: on success, its `filter` is to be freed with g_free()
 */
bool seccomp_compile(json_t *profile, struct sock_fprog *filter, GError **error)
{
	struct compiler c = { .rules = g_ptr_array_new_with_free_func(g_free),
			      .unconditional = g_hash_table_new(g_str_hash, g_str_equal),
			      .calls = g_ptr_array_new_with_free_func(call_free) };
	bool ok = parse_action(profile, "defaultAction", "defaultErrnoRet", &c.default_action,
			       error) &&
		  compile(&c, profile, filter, error);

	compiler_clear(&c);
	return ok;
}
