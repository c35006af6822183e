/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restricted mounts on this host, without a container: what is found by whatever name, and how long
 * it takes.
 */
#include "config.h"
#include "policy/policy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static bool judge(struct policy *p, const char *path, bool readonly, char **message)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	const struct policy_mount m = { .fd = fd,
					.source = path,
					.destination = "/m",
					.recursive = true,
					.readonly = readonly };
	g_autoptr(GError) error = NULL;
	struct policy_grant grant;
	bool ok;

	assert_true(fd >= 0);
	ok = policy_judge(p, &m, &grant, &error);
	*message = error ? g_strdup(error->message) : NULL;
	policy_grant_clear(&grant);
	close(fd);
	return ok;
}

static void begin(struct policy *p, const char *text)
{
	g_autofree char *copy = g_strdup(text);
	const struct subject who = { .id = "unit" };

	assert_true(policy_begin(p, settings_parse(copy, "f", NULL), &who, NULL, NULL));
	p->quiet = true;
}

static void test_judge(void **state)
{
	static const struct {
		const char *path;
		bool readonly, ok;
	} cases[] = {
		{ "/", false, false },	       { "/", true, false },
		{ "/etc", true, false },       { "/proc", false, false },
		{ "/proc/1", true, false },    { "/usr", true, true },
		{ "/usr", false, false },      { "/tmp", false, true },
		{ "/usr/share", false, true }, { "/dev", false, false },
		{ "/dev/null", false, true },  { "/etc/passwd", false, true },
	};
	struct policy p;

	begin(&p, "{}");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message = NULL;

		if (judge(&p, cases[i].path, cases[i].readonly, &message) != cases[i].ok)
			fail_msg("%s%s: %s", cases[i].path, cases[i].readonly ? " ro" : "",
				 message ?: "passed");
	}
	policy_end(&p);
	(void)state;
}

static void test_off(void **state)
{
	g_autofree char *message = NULL;
	struct policy p;

	begin(&p, "{ \"enhancedContainerIsolation\": { \"value\": false } }");
	assert_true(judge(&p, "/etc", false, &message));
	policy_end(&p);
	begin(&p, "{ \"cloister\": { \"restrictedMounts\": { \"mode\": \"audit\" } } }");
	assert_true(judge(&p, "/etc", false, &message));
	assert_int_equal(p.events->len, 1);
	assert_int_equal(p.warnings->len, 0);
	policy_end(&p);
	(void)state;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* A container with four mounts, from reading the mounts to the last word. Bounds a factor, not a
 * promise: the machine is shared, so what counts is our own time. */
static void test_time(void **state)
{
	static const char *const paths[] = { "/tmp", "/etc/hostname", "/etc/hosts", "/var/tmp" };
	double took[31];

	for (size_t i = 0; i < G_N_ELEMENTS(took); i++) {
		double start = now_ms();
		struct policy p;

		begin(&p, "{}");
		for (size_t k = 0; k < G_N_ELEMENTS(paths); k++) {
			g_autofree char *message = NULL;

			judge(&p, paths[k], false, &message);
		}
		policy_end(&p);
		took[i] = now_ms() - start;
	}
	qsort(took, G_N_ELEMENTS(took), sizeof(*took), by_value);
	print_message("# four mounts judged in %.3f ms of CPU time (median of 31)\n",
		      took[G_N_ELEMENTS(took) / 2]);
	assert_true(took[G_N_ELEMENTS(took) / 2] < 20);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_judge),
					    cmocka_unit_test(test_off),
					    cmocka_unit_test(test_time) };

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests_name("policy-mounts", tests, NULL, NULL);
}
