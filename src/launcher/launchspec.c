/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the options of `cloister launch` to an ordinary OCI specification: what an engine would
 * write, so that there is one way through the runtime.
 */
#include "config.h"
#include "launcher/launchspec.h"

#include "launcher/hostroot.h"
#include "launcher/launcher.h"
#include "launcher/launchmounts.h"
#include "launcher/options.h"
#include "runtime/caps.h"
#include "runtime/error.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CPU_PERIOD_US 100000
#define DEFAULT_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What Docker gives a container that asks for nothing. */
static const char *const default_caps[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",	   "CAP_FOWNER",
	"CAP_MKNOD",   "CAP_NET_RAW",	   "CAP_SETGID",	   "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP",	   "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
	"CAP_KILL",    "CAP_AUDIT_WRITE",
};

/*
 * Kernel code that a container has no use for, or that knows no namespaces. Everything else is
 * left to the kernel, which judges by the user namespace.
 */
static const char *const denied_calls[] = {
	"acct",
	"add_key",
	"bpf",
	"clock_adjtime",
	"clock_settime",
	"create_module",
	"delete_module",
	"finit_module",
	"get_kernel_syms",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"ioperm",
	"iopl",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"lookup_dcookie",
	"nfsservctl",
	"open_by_handle_at",
	"perf_event_open",
	"query_module",
	"quotactl",
	"quotactl_fd",
	"request_key",
	"settimeofday",
	"stime",
	"swapoff",
	"swapon",
	"_sysctl",
	"sysfs",
	"syslog",
	"uselib",
	"userfaultfd",
	"ustat",
	"vm86",
	"vm86old",
};

static json_t *strings(const char *const *items, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(items[i]));
	return array;
}

/* A name counts for more than ALL, and ALL for more than what is usual, as in Docker. */
static uint64_t wanted_caps(const struct launch_options *o)
{
	uint64_t usual = o->privileged ? UINT64_MAX : 0;

	for (size_t i = 0; i < G_N_ELEMENTS(default_caps); i++)
		usual |= 1ULL << caps_from_name(default_caps[i]);
	if (o->caps_add == UINT64_MAX)
		return o->caps_drop == UINT64_MAX ? 0 : ~o->caps_drop;
	return o->caps_drop == UINT64_MAX ? o->caps_add : (usual | o->caps_add) & ~o->caps_drop;
}

static json_t *caps_json(const struct launch_options *o)
{
	json_t *names = json_array();
	uint64_t caps = wanted_caps(o) & caps_all();

#ifdef MUTANT_CAPS_UNASKED
	caps = caps_all();
#endif
	for (int i = 0; i < 64; i++)
		if ((caps >> i & 1) && caps_name(i))
			json_array_append_new(names, json_string(caps_name(i)));
	return json_pack("{s:O, s:O, s:o}", "bounding", names, "effective", names, "permitted",
			 names);
}

/* The last of a name counts: of two, most programs would see the first. */
static json_t *env_json(const struct launch_options *o, bool terminal)
{
	char **env = g_environ_setenv(NULL, "PATH", DEFAULT_PATH, true);
	json_t *json;

	env = g_environ_setenv(env, "HOSTNAME", o->hostname, true);
	env = g_environ_setenv(env, "HOME", o->uid == 0 ? "/root" : "/", true);
	env = g_environ_setenv(env, "container", "cloister", true);
	if (terminal)
		env = g_environ_setenv(env, "TERM", "xterm", true);
	for (guint i = 0; i < o->env->len; i++) {
		const char *text = g_ptr_array_index(o->env, i);
		g_autofree char *name = g_strndup(text, strcspn(text, "="));

		env = g_environ_setenv(env, name, text + strlen(name) + 1, true);
	}
	json = strings((const char *const *)env, g_strv_length(env));
	g_strfreev(env);
	return json;
}

static json_t *process_json(const struct launch_options *o, bool terminal)
{
	return json_pack("{s:b, s:{s:i, s:i}, s:o, s:o, s:s, s:o}", "terminal", terminal, "user",
			 "uid", (int)o->uid, "gid", (int)o->gid, "args",
			 strings((const char *const *)o->command, g_strv_length(o->command)), "env",
			 env_json(o, terminal), "cwd", o->workdir ?: "/", "capabilities",
			 caps_json(o));
}

static json_t *resources_json(const struct launch_options *o)
{
	json_t *resources = json_object();
	json_t *cpu = json_object();

	if (o->memory)
		json_object_set_new(resources, "memory",
				    json_pack("{s:I}", "limit", (json_int_t)o->memory));
	if (o->cpu_quota) {
		json_object_set_new(cpu, "quota", json_integer(o->cpu_quota));
		json_object_set_new(cpu, "period", json_integer(CPU_PERIOD_US));
	}
	if (o->cpuset)
		json_object_set_new(cpu, "cpus", json_string(o->cpuset));
	json_object_set_new(resources, "cpu", cpu);
	if (o->pids)
		json_object_set_new(resources, "pids",
				    json_pack("{s:I}", "limit", (json_int_t)o->pids));
	/* Any device: read as any that is harmless. */
	if (o->privileged)
		json_object_set_new(resources, "devices",
				    json_pack("[{s:b, s:s}]", "allow", 1, "access", "rwm"));
	return resources;
}

/* What a machine has, and is of no harm in a user namespace; if this one has it. */
static json_t *devices_json(void)
{
	static const char *const paths[] = { "/dev/fuse", "/dev/net/tun" };
	json_t *array = json_array();
	struct stat st;

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
		if (stat(paths[i], &st) == 0 && S_ISCHR(st.st_mode))
			json_array_append_new(
				array,
				json_pack("{s:s, s:s, s:I, s:I, s:i}", "path", paths[i], "type",
					  "c", "major", (json_int_t)major(st.st_rdev), "minor",
					  (json_int_t)minor(st.st_rdev), "fileMode", 0666));
	return array;
}

/* A new one of each kind; without ids in it, the user namespace gets a range of its own. */
static json_t *namespaces_json(void)
{
	json_t *array = json_array();

	for (int ns = 0; ns < SPEC_NS_COUNT; ns++)
		json_array_append_new(array, json_pack("{s:s}", "type", spec_ns_name(ns)));
	return array;
}

static json_t *sysctls_json(const struct launch_options *o)
{
	json_t *json = json_object();

	for (guint i = 0; i < o->sysctls->len; i++) {
		const char *text = g_ptr_array_index(o->sysctls, i);
		const char *eq = strchr(text, '=');
		g_autofree char *key = g_strndup(text, eq - text);

		json_object_set_new(json, g_strstrip(key), json_string(eq + 1));
	}
	return json;
}

/*
 * Sockets that know no network namespaces. AF_VSOCK leads to the hypervisor and to the host's own
 * ports; AF_QIPCRTR (before it was confined to the first namespace) to whoever else has one.
 */
static const int denied_families[] = { AF_VSOCK, AF_QIPCRTR };

/* The kernel looks at the lower half of the argument only, so must we. */
static json_t *denied_family(int family)
{
	return json_pack("{s:[s], s:s, s:[{s:i, s:I, s:I, s:s}]}", "names", "socket", "action",
			 "SCMP_ACT_ERRNO", "args", "index", 0, "value", (json_int_t)UINT32_MAX,
			 "valueTwo", (json_int_t)family, "op", "SCMP_CMP_MASKED_EQ");
}

static json_t *denied_json(void)
{
	json_t *array = json_pack("[{s:o, s:s}]", "names",
				  strings(denied_calls, G_N_ELEMENTS(denied_calls)), "action",
				  "SCMP_ACT_ERRNO");

	for (size_t i = 0; i < G_N_ELEMENTS(denied_families); i++)
		json_array_append_new(array, denied_family(denied_families[i]));
	return array;
}

static json_t *linux_json(const struct launch_options *o)
{
	json_t *json = json_pack("{s:o, s:o}", "namespaces", namespaces_json(), "resources",
				 resources_json(o));

	/* The table of lib/identity.c covers what tells of the host, asked for or not. */
	json_object_set_new(json, "maskedPaths", json_array());
	json_object_set_new(json, "readonlyPaths", json_array());
	if (o->sysctls->len > 0)
		json_object_set_new(json, "sysctl", sysctls_json(o));

	if (o->privileged) {
		json_object_set_new(json, "devices", devices_json());
		return json;
	}
#ifdef MUTANT_CALLS_UNDENIED
	return json;
#endif
	json_object_set_new(json, "seccomp",
			    json_pack("{s:s, s:o, s:o}", "defaultAction", "SCMP_ACT_ALLOW",
				      "architectures", seccomp_default_architectures(), "syscalls",
				      denied_json()));
	return json;
}

/* JSON holds nothing else, and an argument must not just vanish on the way. */
static bool check_utf8(const char *what, const char *text, GError **error)
{
	g_autofree char *shown = NULL;

	if (!text || g_utf8_validate(text, -1, NULL))
		return true;
	shown = g_utf8_make_valid(text, -1);
	return error_set(error, "%s \"%s\" is not valid UTF-8", what, shown);
}

static bool all_utf8(const struct launch_options *o, const char *rootfs, GError **error)
{
	const struct {
		const char *what;
		GPtrArray *list;
	} lists[] = { { "volume", o->volumes },
		      { "tmpfs target", o->tmpfs },
		      { "--env", o->env },
		      { "--sysctl", o->sysctls } };
	bool ok = check_utf8("root file system", rootfs, error) &&
		  check_utf8("--hostname", o->hostname, error) &&
		  check_utf8("--workdir", o->workdir, error);

	for (char **arg = o->command; ok && *arg; arg++)
		ok = check_utf8("argument", *arg, error);
	for (size_t l = 0; l < G_N_ELEMENTS(lists); l++)
		for (guint i = 0; ok && i < lists[l].list->len; i++)
			ok = check_utf8(lists[l].what, g_ptr_array_index(lists[l].list, i), error);
	return ok;
}

/**
 * launchspec_make() - write the specification that @o asks for
 * @root_fd: state root, where the template of throw-away roots is kept
 * @terminal: the container gets a pty
 *
 * Return: a new document, or NULL and *@error.
 */
json_t *launchspec_make(const struct launch_options *o, int root_fd, bool terminal, GError **error)
{
	g_autofree char *rootfs = NULL;
	json_t *mounts = json_array();
	json_t *json;

	if (o->rootfs)
		rootfs = option_path("--rootfs", o->rootfs, error);
	else
		rootfs = hostroot_prepare(root_fd, mounts, error);
	if (rootfs && !all_utf8(o, rootfs, error))
		g_clear_pointer(&rootfs, g_free);
	if (!rootfs) {
		json_decref(mounts);
		return NULL;
	}
	launchmounts_kernel(mounts, o->privileged);
	if (!launchmounts_user(mounts, o, error)) {
		json_decref(mounts);
		return NULL;
	}
	json = json_pack("{s:s, s:{s:s, s:b}, s:s, s:o, s:o, s:o}", "ociVersion",
			 LAUNCHER_SPEC_VERSION, "root", "path", rootfs, "readonly", o->read_only,
			 "hostname", o->hostname, "process", process_json(o, terminal), "mounts",
			 mounts, "linux", linux_json(o));
	if (!json)
		error_set(error, "cannot write the specification");
	else if (!o->rootfs)
		json_object_set_new(json, "annotations",
				    json_pack("{s:s}", ANNOTATION_ROOTFS, "tmpfs"));
	return json;
}
