/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every file that the server renders, over every tree of tests/fixtures/fs (kernels 5.10 to one
 * that is to come, cgroup v1, v2 and both), each source in turn missing, vanished, cut off or
 * absurd: no crash, and no number of the host's. Run under the sanitizers this is the test of the
 * parsers.
 */
#include "config.h"
#include "fs-fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TREES_MAX 16

static char *trees[TREES_MAX];
static int n_trees;
static struct fixture f;
static struct text out;
static const char *tree_now, *doing; /* for messages */

static int find_trees(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/tests/fixtures/fs", srcdir ? srcdir : ".");
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)) && n_trees < TREES_MAX)
		if (e->d_name[0] != '.')
			trees[n_trees++] = strdup(e->d_name);
	closedir(dir);
	assert_true(n_trees >= 7);
	return 0;
}

static int free_trees(void **state)
{
	while (n_trees > 0)
		free(trees[--n_trees]);
	text_free(&out);
	return 0;
}

static void load(const char *tree)
{
	tree_now = tree;
	doing = "as it is";
	fixture_load(&f, tree);
	fixture_taint(&f);
}

/* A difference that went below zero, or its half in kB or pages. */
static bool underflowed(const char *text)
{
	for (; *text; text++) {
		size_t digits = strspn(text, "0123456789");

		if (digits >= 16)
			return true;
		text += digits ? digits - 1 : 0;
	}
	return false;
}

static void render_tainted(struct fixture *fixture, const char *path, void *failures)
{
	int r = fixture_render(fixture, path, &out);

	if (strstr(out.buf, TAINT))
		fail_msg("\"%s\" of %s, %s: %.200s", path, tree_now, doing, strstr(out.buf, TAINT));
	if (failures && r < 0)
		*(int *)failures += 1;
	if (failures && r == 0 && underflowed(out.buf))
		fail_msg("\"%s\" of %s: %.300s", path, tree_now, out.buf);
}

/* What a captured tree has sources for can be shown. */
static void as_captured(void **state)
{
	for (int i = 0; i < n_trees; i++) {
		int failures = 0;

		load(trees[i]);
		fixture_each_path(&f, render_tainted, &failures);
		/* pressure/irq, and schedstat, which not every kernel has */
		assert_true(failures >= 0 && failures <= 2);
		fixture_free(&f);
	}
}

static bool is_cgroups(int id)
{
	return fact_sources[id].where != FACT_HOST;
}

static void each_source(void (*spoil)(int id), bool hosts_too)
{
	for (int i = 0; i < n_trees; i++) {
		for (int id = 0; id < FACT_COUNT; id++) {
			load(trees[i]);
			if (facts_have(&f.facts, id) && (hosts_too || is_cgroups(id))) {
				doing = fact_sources[id].name;
				spoil(id);
				fixture_each_path(&f, render_tainted, NULL);
			}
			fixture_free(&f);
		}
	}
}

static void remove_it(int id)
{
	fixture_remove(&f, id);
}

static void one_source_missing(void **state)
{
	each_source(remove_it, true);
}

static void vanish_it(int id)
{
	fixture_vanish(&f, id);
}

/* The cgroup was removed while its files are open. */
static void one_source_vanished(void **state)
{
	each_source(vanish_it, false);
}

static void the_whole_cgroup_vanished(void **state)
{
	for (int i = 0; i < n_trees; i++) {
		load(trees[i]);
		for (int id = 0; id < FACT_COUNT; id++)
			if (is_cgroups(id))
				fixture_vanish(&f, id);
		fixture_each_path(&f, render_tainted, NULL);
		fixture_free(&f);
	}
}

static const char *content;

static void set_it(int id)
{
	fixture_set(&f, id, 0, content);
}

static void absurd_content(void **state)
{
	static const char *const contents[] = {
		"",
		"\n",
		"max\n",
		"0\n",
		"-1\n",
		"x",
		"18446744073709551615\n",
		"999999999999999999999999 999999999999999999999999\n",
		"max 0\n0 0\n",
		"1,3-4\n",
		"0-4095\n",
		"5-3\n",
		"8192\n",
	};

	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		content = contents[i];
		each_source(set_it, false);
	}
}

static int part;

/* A third, two thirds, and all but the last two bytes: in the middle of a line and of a number. */
static void cut_it(int id)
{
	char *text = fixture_text(&f, id, 0);
	size_t len = strlen(text);

	text[part == 2 ? (len > 2 ? len - 2 : 0) : len * (part + 1) / 3] = '\0';
	fixture_set(&f, id, 0, text);
	free(text);
}

static void cut_off(void **state)
{
	for (part = 0; part < 3; part++)
		each_source(cut_it, true);
}

static void add_cpus(struct text *cpuinfo, struct text *list, int n)
{
	for (int i = 0; i < n; i++) {
		text_str(cpuinfo, "processor\t: ");
		text_num(cpuinfo, i);
		text_str(cpuinfo, "\nmodel name\t: some\n\n");
		if (i % 2 == 0) {
			text_str(list, i ? "," : "");
			text_num(list, i);
		}
	}
	text_bytes(cpuinfo, "", 1);
	text_str(list, "\n");
	text_bytes(list, "", 1);
}

/* Every other one of 4096, which makes a list of more than a page. */
static void very_many_cpus(void **state)
{
	struct text cpuinfo = { 0 }, list = { 0 };

	load("linux-6.1");
	add_cpus(&cpuinfo, &list, 4096);
	fixture_set(&f, FACT_CPUINFO, 0, cpuinfo.buf);
	fixture_set(&f, FACT_V2_CPUSET, 0, list.buf);
	fixture_remove(&f, FACT_V2_CPU_MAX);
	assert_true(strlen(list.buf) > 4096);
	fixture_each_path(&f, render_tainted, NULL);
	assert_int_equal(fixture_render(&f, "sys/devices/system/cpu/online", &out), 0);
	assert_int_equal(strncmp(out.buf, "0,2,4,6,", 8), 0);
	assert_int_equal(fixture_render(&f, "sys/devices/system/cpu/possible", &out), 0);
	assert_string_equal(out.buf, "0-4094\n");
	assert_int_equal(fixture_render(&f, "proc/cpuinfo", &out), 0);
	assert_non_null(strstr(out.buf, "processor\t: 4094\n"));
	assert_int_equal(fixture_render(&f, "proc/stat", &out), 0);
	assert_non_null(strstr(out.buf, "\ncpu4094 "));
	text_free(&cpuinfo);
	text_free(&list);
	fixture_free(&f);
}

/* CPUs of a sparse set; one of them is unplugged while cpuinfo is read. */
static void sparse_cpus(void **state)
{
	load("v2"); /* six CPUs */
	fixture_set(&f, FACT_V2_CPUSET, 0, "1,3-4\n");
	fixture_remove(&f, FACT_V2_CPU_MAX);
	assert_int_equal(fixture_render(&f, "proc/cpuinfo", &out), 0);
	assert_non_null(strstr(out.buf, "processor\t: 1\n"));
	assert_null(strstr(out.buf, "processor\t: 2\n"));
	assert_non_null(strstr(out.buf, "processor\t: 4\n"));
	assert_int_equal(fixture_render(&f, "sys/devices/system/cpu/possible", &out), 0);
	assert_string_equal(out.buf, "0-4\n");
	fixture_set(&f, FACT_V2_CPUSET, 0, "1,3-4,77\n");
	assert_true(fixture_render(&f, "proc/cpuinfo", &out) < 0);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_captured),	       cmocka_unit_test(one_source_missing),
		cmocka_unit_test(one_source_vanished), cmocka_unit_test(the_whole_cgroup_vanished),
		cmocka_unit_test(absurd_content),      cmocka_unit_test(cut_off),
		cmocka_unit_test(very_many_cpus),      cmocka_unit_test(sparse_cpus),
	};

	return cmocka_run_group_tests_name("fs-fixtures", tests, find_trees, free_trees);
}
