/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "linux.seccomp" object of the OCI specification, compiled to a filter by libseccomp and
 * exported as BPF: PID 1 loads it with one system call, without libseccomp in the way.
 */
#include "config.h"
#include "runtime/seccomp.h"

#include "lib/fd.h"
#include "runtime/error.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void ctx_release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static bool parse_action(const char *name, json_t *errno_json, uint32_t *action, GError **error)
{
	uint32_t err = errno_json ? json_integer_value(errno_json) : EPERM;

	if (g_strcmp0(name, "SCMP_ACT_ALLOW") == 0)
		*action = SCMP_ACT_ALLOW;
	else if (g_strcmp0(name, "SCMP_ACT_ERRNO") == 0)
		*action = SCMP_ACT_ERRNO(err);
	else if (g_strcmp0(name, "SCMP_ACT_KILL") == 0 ||
		 g_strcmp0(name, "SCMP_ACT_KILL_THREAD") == 0)
		*action = SCMP_ACT_KILL_THREAD;
	else if (g_strcmp0(name, "SCMP_ACT_KILL_PROCESS") == 0)
		*action = SCMP_ACT_KILL_PROCESS;
	else if (g_strcmp0(name, "SCMP_ACT_TRAP") == 0)
		*action = SCMP_ACT_TRAP;
	else if (g_strcmp0(name, "SCMP_ACT_LOG") == 0)
		*action = SCMP_ACT_LOG;
	else
		return error_set(error, "linux.seccomp: unknown action \"%s\"", name ?: "");
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
	uint64_t value = json_integer_value(json_object_get(json, "value"));
	uint64_t value2 = json_integer_value(json_object_get(json, "valueTwo"));
	json_int_t index = json_integer_value(json_object_get(json, "index"));

	if (index < 0 || index > 5)
		return error_set(error, "linux.seccomp: argument index %lld", (long long)index);
	for (size_t i = 0; i < G_N_ELEMENTS(ops); i++) {
		if (g_strcmp0(name, ops[i].name) != 0)
			continue;
		*cmp = (struct scmp_arg_cmp){ index, ops[i].op, value, value2 };
		return true;
	}
	return error_set(error, "linux.seccomp: unknown operator \"%s\"", name ?: "");
}

static bool add_rule(scmp_filter_ctx ctx, json_t *rule, uint32_t default_action, GError **error)
{
	json_t *args = json_object_get(rule, "args");
	struct scmp_arg_cmp cmp[6];
	unsigned int n = MIN(json_array_size(args), 6);
	uint32_t action;
	json_t *name;
	size_t i;

	if (!parse_action(json_string_value(json_object_get(rule, "action")),
			  json_object_get(rule, "errnoRet"), &action, error))
		return false;
	if (action == default_action)
		return true;
	for (i = 0; i < n; i++)
		if (!parse_arg(json_array_get(args, i), &cmp[i], error))
			return false;
	json_array_foreach(json_object_get(rule, "names"), i, name)
	{
		int nr = seccomp_syscall_resolve_name(json_string_value(name) ?: "");
		int r;

		if (nr == __NR_SCMP_ERROR)
			continue; /* newer than this library: the profile's default applies */
		r = seccomp_rule_add_array(ctx, action, nr, n, cmp);
		if (r < 0 && r != -EEXIST)
			return error_set_errno(error, r, "linux.seccomp: rule for \"%s\"",
					       json_string_value(name));
	}
	return true;
}

static bool export(scmp_filter_ctx ctx, struct sock_fprog *filter, GError **error)
{
	autofd fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct stat st;
	int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (r < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, r, "linux.seccomp: compile");
	filter->len = st.st_size / sizeof(struct sock_filter);
	filter->filter = g_malloc(st.st_size);
	if (pread(fd, filter->filter, st.st_size, 0) != st.st_size)
		return error_set(error, "linux.seccomp: compile");
	return true;
}

/**
 * seccomp_compile() - compile a profile
 * @filter: on success, its `filter` is to be freed with g_free()
 */
bool seccomp_compile(json_t *profile, struct sock_fprog *filter, GError **error)
{
	__attribute__((cleanup(ctx_release))) scmp_filter_ctx ctx = NULL;
	uint32_t default_action;
	json_t *item;
	size_t i;

	if (!parse_action(json_string_value(json_object_get(profile, "defaultAction")),
			  json_object_get(profile, "defaultErrnoRet"), &default_action, error))
		return false;
	ctx = seccomp_init(default_action);
	if (!ctx)
		return error_set(error, "linux.seccomp: no memory");
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	json_array_foreach(json_object_get(profile, "architectures"), i, item)
	{
		const char *name = json_string_value(item) ?: "";
		g_autofree char *lower = g_ascii_strdown(name, -1);
		uint32_t arch = seccomp_arch_resolve_name(
			g_str_has_prefix(lower, "scmp_arch_") ? lower + 10 : lower);
		int r = arch ? seccomp_arch_add(ctx, arch) : -EINVAL;

		if (r < 0 && r != -EEXIST)
			return error_set_errno(error, r, "linux.seccomp: architecture \"%s\"",
					       name);
	}
	json_array_foreach(json_object_get(profile, "syscalls"), i, item)
	{
		if (!add_rule(ctx, item, default_action, error))
			return false;
	}
	return export(ctx, filter, error);
}
