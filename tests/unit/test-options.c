/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the launcher's options: what is taken, and that what is not is named.
 */
#include "config.h"
#include "launcher/options.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void sizes_have_binary_units(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} table[] = { { "65536", 65536 },    { "64k", 65536 },	    { "512m", 512 << 20 },
		      { "512M", 512 << 20 }, { "1.5g", 3LL << 29 }, { "2GiB", 2LL << 30 },
		      { "1t", 1LL << 40 } };

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		int64_t bytes = 0;

		assert_true(option_size(table[i].text, &bytes, NULL));
		assert_int_equal(bytes, table[i].bytes);
	}
}

static void nonsense_sizes_are_named(void **state)
{
	static const char *const table[] = { "",   "m",	  "-1",	 "0",	"0.5",	 "1k",
					     "1x", "1mm", "nan", "inf", "1e300", "5 m" };

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autoptr(GError) error = NULL;
		int64_t bytes;

		assert_false(option_size(table[i], &bytes, &error));
		assert_non_null(strstr(error->message, table[i]));
	}
}

static void cpus_become_a_quota(void **state)
{
	int64_t quota;

	assert_true(option_cpus("1.5", &quota, NULL));
	assert_int_equal(quota, 150000);
	assert_true(option_cpus("0.01", &quota, NULL));
	assert_int_equal(quota, 1000);
	assert_false(option_cpus("0", &quota, NULL));
	assert_false(option_cpus("1,5", &quota, NULL));
	assert_false(option_cpus("nan", &quota, NULL));
}

static void cpu_lists_are_lists(void **state)
{
	static const char *const good[] = { "0", "0-3", "0,2-3,7", "10-10" };
	static const char *const bad[] = { "",	 "a",  "1-",   "-1",	  "3-1",
					   "0,", ",0", "0,,1", "0-99999", "0 1" };

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		assert_true(option_cpuset(good[i], NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(option_cpuset(bad[i], NULL));
}

static void users_are_numbers_of_the_range(void **state)
{
	uint32_t uid, gid;

	assert_true(option_user("1000", &uid, &gid, NULL));
	assert_int_equal(uid, 1000);
	assert_int_equal(gid, 1000);
	assert_true(option_user("0:65535", &uid, &gid, NULL));
	assert_int_equal(gid, 65535);
	assert_false(option_user("65536", &uid, &gid, NULL));
	assert_false(option_user("1..2", &uid, &gid, NULL));
	assert_false(option_user("-1", &uid, &gid, NULL));
	assert_false(option_user("1:2:3", &uid, &gid, NULL));
	assert_false(option_user("root", &uid, &gid, NULL));
}

static void capabilities_have_names_with_and_without_prefix(void **state)
{
	uint64_t caps = 0;

	assert_true(option_caps("--cap-add", "CAP_CHOWN", &caps, NULL));
	assert_true(option_caps("--cap-add", "kill", &caps, NULL));
	assert_int_equal(caps, 1 << 0 | 1 << 5);
	assert_false(option_caps("--cap-add", "CAP_", &caps, NULL));
	assert_false(option_caps("--cap-add", "CAP_CAP_KILL", &caps, NULL));
	assert_false(option_caps("--cap-add", "", &caps, NULL));
	assert_true(option_caps("--cap-add", "all", &caps, NULL));
	assert_true(caps == UINT64_MAX);
}

static void signals_have_names_and_numbers(void **state)
{
	int sig;

	assert_true(option_signal("TERM", &sig, NULL));
	assert_int_equal(sig, SIGTERM);
	assert_true(option_signal("sigkill", &sig, NULL));
	assert_int_equal(sig, SIGKILL);
	assert_true(option_signal("9", &sig, NULL));
	assert_int_equal(sig, 9);
	assert_true(option_signal("RTMIN+3", &sig, NULL));
	assert_int_equal(sig, SIGRTMIN + 3);
	assert_true(option_signal("0", &sig, NULL));
	assert_int_equal(sig, 0);
	assert_false(option_signal("-1", &sig, NULL));
	assert_false(option_signal("NOSUCH", &sig, NULL));
	assert_false(option_signal("9x", &sig, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_binary_units),
		cmocka_unit_test(nonsense_sizes_are_named),
		cmocka_unit_test(cpus_become_a_quota),
		cmocka_unit_test(cpu_lists_are_lists),
		cmocka_unit_test(users_are_numbers_of_the_range),
		cmocka_unit_test(capabilities_have_names_with_and_without_prefix),
		cmocka_unit_test(signals_have_names_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
