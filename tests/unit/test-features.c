/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `features`: nothing is advertised that the parser or the compiler of filters refuses. And the
 * documents that launch and `spec` write are ones that Cloister takes.
 */
#include "config.h"
#include "launcher/launcher.h"
#include "launcher/launchspec.h"
#include "runtime/features.h"
#include "runtime/seccomp.h"

#include <stdlib.h>

#include "spec-text.h"

/* Of main.c; where the template of throw-away roots would be. */
const char *launcher_root = "/nonexistent";

static json_t *features;

static json_t *at(const char *a, const char *b, const char *c)
{
	json_t *json = json_object_get(features, a);

	json = b ? json_object_get(json, b) : json;
	return c ? json_object_get(json, c) : json;
}

static bool has(json_t *array, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		if (g_strcmp0(json_string_value(item), name) == 0)
			return true;
	}
	return false;
}

static void each_version_between_min_and_max_is_taken(void **state)
{
	static const char *const keys[] = { "ociVersionMin", "ociVersionMax" };

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *text = g_strdup_printf(
			"{'ociVersion':'%s','root':{'path':'r'}}",
			json_string_value(json_object_get(features, keys[i])));
		autospec spec = spec_accepts(text);

		assert_non_null(spec);
	}
}

static void each_mount_option_is_taken(void **state)
{
	json_t *item;
	size_t i;

	assert_true(json_array_size(at("mountOptions", NULL, NULL)) > 50);
	json_array_foreach(at("mountOptions", NULL, NULL), i, item)
	{
		const char *name = json_string_value(item);
		bool copyup = strcmp(name, "tmpcopyup") == 0;
		g_autofree char *text = g_strdup_printf(
			WITH("'linux':{'namespaces':[{'type':'user'}]},'mounts':[{'destination':"
			     "'/x','source':'/s','type':'%s','options':['%s']}]"),
			copyup ? "tmpfs" : "bind", name);
		autospec spec = spec_accepts(text);

		assert_null(spec_mount_at(spec, 0)->data);
	}
}

static void each_namespace_is_taken(void **state)
{
	json_t *item;
	size_t i;

	assert_int_equal(json_array_size(at("linux", "namespaces", NULL)), SPEC_NS_COUNT);
	json_array_foreach(at("linux", "namespaces", NULL), i, item)
	{
		g_autofree char *text = g_strdup_printf(WITH_LINUX("'namespaces':[{'type':'%s'}]"),
							json_string_value(item));
		autospec spec = spec_accepts(text);

		assert_non_null(spec);
	}
}

static void each_hook_is_taken(void **state)
{
	json_t *item;
	size_t i;

	assert_int_equal(json_array_size(at("hooks", NULL, NULL)), SPEC_HOOK_COUNT);
	json_array_foreach(at("hooks", NULL, NULL), i, item)
	{
		g_autofree char *text = g_strdup_printf(WITH("'hooks':{'%s':[{'path':'/x'}]}"),
							json_string_value(item));
		autospec spec = spec_accepts(text);

		assert_int_equal(spec->hooks[i]->len, 1);
	}
}

static void each_capability_is_granted_without_a_warning(void **state)
{
	json_t *item;
	size_t i;

	assert_true(has(at("linux", "capabilities", NULL), "CAP_SYS_ADMIN"));
	json_array_foreach(at("linux", "capabilities", NULL), i, item)
	{
		g_autofree char *text = g_strdup_printf(
			WITH_PROCESS("'capabilities':{'bounding':['%s']}"),
			json_string_value(item));
		autospec spec = spec_accepts(text);

		assert_int_equal(spec->warnings->len, 0);
		assert_true(spec->process.caps.bounding == 1ULL << i);
	}
}

/* @profile: with @ where @name belongs */
static void compiles(const char *profile_text, const char *name)
{
	g_auto(GStrv) parts = g_strsplit(profile_text, "@", 2);
	g_autofree char *text = g_strconcat(parts[0], name, parts[1], NULL);
	g_autoptr(GError) error = NULL;
	struct sock_fprog filter = { 0 };
	json_t *profile = json_loads(g_strdelimit(text, "'", '"'), 0, NULL);

	assert_non_null(profile);
	if (!seccomp_compile(profile, &filter, &error))
		fail_msg("%s: %s", name, error->message);
	g_free(filter.filter);
	json_decref(profile);
}

static void each_seccomp_name_compiles(void **state)
{
	json_t *item;
	size_t i;

	assert_true(has(at("linux", "seccomp", "actions"), "SCMP_ACT_ERRNO"));
	assert_true(has(at("linux", "seccomp", "archs"), "SCMP_ARCH_X86_64") ||
		    has(at("linux", "seccomp", "archs"), "SCMP_ARCH_AARCH64"));
	assert_true(has(at("linux", "seccomp", "operators"), "SCMP_CMP_MASKED_EQ"));
	json_array_foreach(at("linux", "seccomp", "actions"), i, item)
		compiles("{'defaultAction':'SCMP_ACT_LOG','listenerPath':'/x','syscalls':[{'names':"
			 "['getpid'],'action':'@'}]}",
			 json_string_value(item));
	json_array_foreach(at("linux", "seccomp", "archs"), i, item) compiles(
		"{'defaultAction':'SCMP_ACT_LOG','architectures':['@']}", json_string_value(item));
	json_array_foreach(at("linux", "seccomp", "operators"), i, item)
		compiles("{'defaultAction':'SCMP_ACT_LOG','syscalls':[{'names':['getpid'],'action':"
			 "'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,'op':'@'}]}]}",
			 json_string_value(item));
	json_array_foreach(at("linux", "seccomp", "knownFlags"), i, item)
		compiles("{'defaultAction':'SCMP_ACT_LOG','flags':['@']}", json_string_value(item));
	json_array_foreach(at("linux", "seccomp", "supportedFlags"), i, item)
		assert_true(has(at("linux", "seccomp", "knownFlags"), json_string_value(item)));
}

static struct spec *launch_spec(bool privileged)
{
	static char *command[] = { (char *)"sh", NULL };
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	struct launch_options o = { .rootfs = (char *)"/",
				    .hostname = (char *)"h",
				    .volumes = none,
				    .tmpfs = none,
				    .env = none,
				    .sysctls = none,
				    .privileged = privileged,
				    .command = command };
	g_autoptr(GError) error = NULL;
	json_t *json = launchspec_make(&o, -1, true, &error);
	struct spec *spec = json ? spec_from_json(json, "/", &error) : NULL;

	if (!spec)
		fail_msg("%s", error->message);
	return spec;
}

static void what_launch_writes_is_taken(void **state)
{
	for (int privileged = 0; privileged < 2; privileged++) {
		autospec spec = launch_spec(privileged);

		assert_true(spec_check_namespaces(spec, NULL));
		assert_true(spec_check_mappings(spec, NULL));
		assert_int_equal(spec->warnings->len, 0);
		assert_true(spec->ns[SPEC_NS_USER].present && spec->ns[SPEC_NS_TIME].present);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_version_between_min_and_max_is_taken),
		cmocka_unit_test(each_mount_option_is_taken),
		cmocka_unit_test(each_namespace_is_taken),
		cmocka_unit_test(each_hook_is_taken),
		cmocka_unit_test(each_capability_is_granted_without_a_warning),
		cmocka_unit_test(each_seccomp_name_compiles),
		cmocka_unit_test(what_launch_writes_is_taken),
	};
	int failed;

	features = features_json();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(features);
	return failed;
}
