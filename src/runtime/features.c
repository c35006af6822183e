/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "features" document of the OCI runtime specification: what this program understands. Lists
 * come from the tables that the parser uses, or from asking the code in question (a seccomp profile
 * is compiled for each name), so that they cannot claim what does not work.
 */
#include "config.h"
#include "runtime/features.h"

#include "lib/sys.h"
#include "runtime/caps.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What no table says. A line becomes true with the code that acts on the property, not with the
 * parser that reads it.
 */
#define HAS_CGROUP_RDMA	   true
#define HAS_CGROUP_SYSTEMD true
#define HAS_APPARMOR	   true
#define HAS_SELINUX	   false
#define HAS_INTEL_RDT	   false
#define HAS_NET_DEVICES	   false
#define HAS_MEMORY_POLICY  false

static const char *const actions[] = {
	"SCMP_ACT_ALLOW",	 "SCMP_ACT_ERRNO",	 "SCMP_ACT_KILL",
	"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
	"SCMP_ACT_NOTIFY",	 "SCMP_ACT_TRACE",	 "SCMP_ACT_TRAP",
};

static const char *const operators[] = {
	"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",	    "SCMP_CMP_LE",
	"SCMP_CMP_LT", "SCMP_CMP_NE", "SCMP_CMP_MASKED_EQ",
};

static const char *const archs[] = {
	"SCMP_ARCH_AARCH64",	 "SCMP_ARCH_ARM",    "SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",	 "SCMP_ARCH_MIPS",   "SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32",	 "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64",
	"SCMP_ARCH_PPC",	 "SCMP_ARCH_PPC64",  "SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_RISCV64",	 "SCMP_ARCH_S390",   "SCMP_ARCH_S390X",
	"SCMP_ARCH_SH",		 "SCMP_ARCH_SHEB",   "SCMP_ARCH_X32",
	"SCMP_ARCH_X86",	 "SCMP_ARCH_X86_64",
};

static const struct {
	const char *name;
	unsigned int flag; /* of seccomp(2) */
} flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1U << 5 }, /* newer than some headers */
};

/* Whether seccomp.c takes @profile; consumes it. */
static bool compiles(json_t *profile)
{
	struct seccomp seccomp = { 0 };
	bool ok = profile && seccomp_prepare(profile, -1, &seccomp, NULL);

	seccomp_clear(&seccomp);
	json_decref(profile);
	return ok;
}

static json_t *rule_profile(const char *action, const char *operator)
{
	bool notify = g_str_equal(action, "SCMP_ACT_NOTIFY");

	return json_pack(
		"{s:s, s:s*, s:[{s:[s], s:s, s:[{s:i, s:i, s:i, s:s}]}]}", "defaultAction",
		g_str_equal(action, "SCMP_ACT_ALLOW") ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW",
		"listenerPath", notify ? "/run/none" : NULL, "syscalls", "names", "getpid",
		"action", action, "args", "index", 0, "value", 1, "valueTwo", 1, "op", operator);
}

static json_t *list_profile(const char *key, const char *name)
{
	return json_pack("{s:s, s:[s]}", "defaultAction", "SCMP_ACT_ALLOW", key, name);
}

static json_t *seccomp_actions(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
		if (compiles(rule_profile(actions[i], "SCMP_CMP_EQ")))
			json_array_append_new(array, json_string(actions[i]));
	return array;
}

static json_t *seccomp_operators(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < G_N_ELEMENTS(operators); i++)
		if (compiles(rule_profile("SCMP_ACT_ERRNO", operators[i])))
			json_array_append_new(array, json_string(operators[i]));
	return array;
}

static json_t *seccomp_archs(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < G_N_ELEMENTS(archs); i++)
		if (compiles(list_profile("architectures", archs[i])))
			json_array_append_new(array, json_string(archs[i]));
	return array;
}

/* The kernel looks at the flags before it looks at the filter. */
static bool kernel_has_flag(unsigned int flag)
{
	if (flag == 1U << 5) /* only together with a listener */
		flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

static void seccomp_add_flags(json_t *seccomp)
{
	json_t *known = json_array(), *supported = json_array();
	/* Code that does not look at flags takes any, and supports none. */
	bool looks = !compiles(list_profile("flags", "SECCOMP_FILTER_FLAG_NONESUCH"));

	for (size_t i = 0; looks && i < G_N_ELEMENTS(flags); i++) {
		if (!compiles(list_profile("flags", flags[i].name)))
			continue;
		json_array_append_new(known, json_string(flags[i].name));
		if (kernel_has_flag(flags[i].flag))
			json_array_append_new(supported, json_string(flags[i].name));
	}
	json_object_set_new(seccomp, "knownFlags", known);
	json_object_set_new(seccomp, "supportedFlags", supported);
}

static json_t *seccomp_json(void)
{
	json_t *json = json_pack("{s:b, s:o, s:o, s:o}", "enabled", true, "actions",
				 seccomp_actions(), "operators", seccomp_operators(), "archs",
				 seccomp_archs());

	seccomp_add_flags(json);
	return json;
}

static int by_name(const void *a, const void *b)
{
	return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

static json_t *namespaces_json(void)
{
	const char *names[SPEC_NS_COUNT];
	json_t *array = json_array();

	for (int ns = 0; ns < SPEC_NS_COUNT; ns++)
		names[ns] = spec_ns_name(ns);
	qsort(names, SPEC_NS_COUNT, sizeof(names[0]), by_name);
	for (int ns = 0; ns < SPEC_NS_COUNT; ns++)
		json_array_append_new(array, json_string(names[ns]));
	return array;
}

static json_t *capabilities_json(void)
{
	json_t *array = json_array();
	uint64_t all = caps_all();

	for (int cap = 0; cap < 64; cap++)
		if ((all >> cap & 1) && caps_name(cap))
			json_array_append_new(array, json_string(caps_name(cap)));
	return array;
}

static json_t *enabled_json(bool enabled)
{
	return json_pack("{s:b}", "enabled", enabled);
}

/* Before 5.12 there is no system call, and shifted copies of mounts are made in another way. */
static bool can_idmap(void)
{
	return sys_mount_setattr(-1, false, MOUNT_ATTR_IDMAP, 0, -1) != -ENOSYS;
}

static json_t *linux_json(void)
{
	json_t *json = json_object();

	json_object_set_new(json, "namespaces", namespaces_json());
	json_object_set_new(json, "capabilities", capabilities_json());
	json_object_set_new(json, "cgroup",
			    json_pack("{s:b, s:b, s:b, s:b, s:b}", "v1", true, "v2", true,
				      "systemd", HAS_CGROUP_SYSTEMD, "systemdUser", false, "rdma",
				      HAS_CGROUP_RDMA));
	json_object_set_new(json, "seccomp", seccomp_json());
	json_object_set_new(json, "apparmor", enabled_json(HAS_APPARMOR));
	json_object_set_new(json, "selinux", enabled_json(HAS_SELINUX));
	json_object_set_new(json, "intelRdt", enabled_json(HAS_INTEL_RDT));
	json_object_set_new(json, "mountExtensions",
			    json_pack("{s:o}", "idmap", enabled_json(can_idmap())));
	json_object_set_new(json, "netDevices", enabled_json(HAS_NET_DEVICES));
	if (HAS_MEMORY_POLICY)
		json_object_set_new(json, "memoryPolicy", json_object());
	return json;
}

static json_t *hooks_json(void)
{
	json_t *array = json_array();

	for (int kind = 0; kind < SPEC_HOOK_COUNT; kind++)
		json_array_append_new(array, json_string(spec_hook_name(kind)));
	return array;
}

static json_t *mount_options_json(void)
{
	g_auto(GStrv) names = spec_mount_option_names();
	json_t *array = json_array();

	for (size_t i = 0; names[i]; i++)
		json_array_append_new(array, json_string(names[i]));
	return array;
}

static json_t *annotations_json(void)
{
	const struct scmp_version *v = seccomp_version();
	g_autofree char *library = g_strdup_printf("%u.%u.%u", v->major, v->minor, v->micro);

	return json_pack("{s:s, s:s, s:s, s:s}", "io.github.seccomp.libseccomp.version", library,
			 "org.cloister.version", PACKAGE_VERSION, "org.cloister.checkpoint.enabled",
			 "false", "org.cloister.userns", "always");
}

/**
 * features_json() - the document; a new reference
 *
 * An annotation that takes isolation away would have to be listed as potentially unsafe: we know
 * none.
 */
json_t *features_json(void)
{
	json_t *json = json_object();

	json_object_set_new(json, "ociVersionMin", json_string(FEATURES_SPEC_MIN));
	json_object_set_new(json, "ociVersionMax", json_string(FEATURES_SPEC_MAX));
	json_object_set_new(json, "hooks", hooks_json());
	json_object_set_new(json, "mountOptions", mount_options_json());
	json_object_set_new(json, "linux", linux_json());
	json_object_set_new(json, "annotations", annotations_json());
	json_object_set_new(json, "potentiallyUnsafeConfigAnnotations", json_array());
	return json;
}
