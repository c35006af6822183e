/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The providers over captured trees (cgroup v1, v2, hybrid): values, and what must hold whatever
 * the sources say.
 */
#include "config.h"
#include "fs-fixture.h"
#include "fusefs/cpu-facts.h"
#include "lib/views.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fixture f;
static struct text out;

static int teardown(void **state)
{
	fixture_free(&f);
	text_free(&out);
	return 0;
}

static const char *render(const char *path)
{
	assert_int_equal(fixture_render(&f, path, &out), 0);
	return out.buf;
}

static void every_rendered_view_has_a_provider(void **state)
{
	for (int i = 0; i < views_count; i++)
		if (views[i].kind == VIEW_RENDERED)
			assert_non_null(provider_find(views[i].path));
}

static char *read_manual(void)
{
	const char *srcdir = getenv("srcdir");
	char path[512], *text = calloc(1, 1 << 17);
	size_t n;
	FILE *file;

	snprintf(path, sizeof(path), "%s/doc/views.md", srcdir ? srcdir : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, (1 << 17) - 1, file);
	assert_true(n > 0 && n < (1 << 17) - 1);
	fclose(file);
	return text;
}

static bool is_view(const char *path, size_t len)
{
	for (int i = 0; i < views_count; i++)
		if (strlen(views[i].path) == len && memcmp(views[i].path, path, len) == 0)
			return true;
	return false;
}

/* Each path in the first cell of a row of the section "Rendered" is in views[]. */
static void check_rows(const char *text)
{
	for (; *text && strncmp(text, "## ", 3) != 0; text = parse_next_line(text)) {
		const char *end = strncmp(text, "| `/", 4) == 0 ? strstr(text, "` |") : NULL;

		for (const char *p = text; end && p < end; p++) {
			size_t len = strcspn(p + 1, "`");

			if (p[0] != '`' || p[1] != '/')
				continue;
			if (!is_view(p + 2, len - 1))
				fail_msg("doc/views.md: no view %.*s", (int)len, p + 1);
			p += len;
		}
	}
}

static void every_view_is_in_the_manual(void **state)
{
	char *text = read_manual(), row[256];
	const char *rendered = strstr(text, "\n## Rendered\n");

	for (int i = 0; i < views_count; i++) {
		snprintf(row, sizeof(row), "`/%s`", views[i].path);
		if (!strstr(text, row))
			fail_msg("doc/views.md has no %s", row);
		assert_true(strlen(views[i].source) > 0);
	}
	assert_non_null(rendered);
	check_rows(rendered + 4);
	free(text);
}

static void v2_meminfo(void **state)
{
	const char *t;

	fixture_load(&f, "v2");
	t = render("proc/meminfo");
	assert_int_equal(field(t, "MemTotal"), 1048576);
	assert_int_equal(field(t, "MemFree"), 1048576 - 307200);
	assert_int_equal(field(t, "Cached"), 153600);
	assert_int_equal(field(t, "Mapped"), 51200); /* lxcfs: 0, "file" swallows "file_mapped" */
	assert_int_equal(field(t, "Dirty"), 8000);
	assert_int_equal(field(t, "Writeback"), 4000);
	assert_int_equal(field(t, "AnonPages"), 102400);
	assert_int_equal(field(t, "AnonHugePages"), 2048);
	assert_int_equal(field(t, "SReclaimable"), 10240);
	assert_int_equal(field(t, "Slab"), 16384);
	assert_int_equal(field(t, "SwapTotal"), 524288);
	assert_int_equal(field(t, "SwapFree"), 524288 - 10240);
	assert_int_equal(field(t, "Hugepagesize"), 2048);
	assert_int_equal(field(t, "DirectMap1G"), 0);
	assert_int_equal(field(t, "Committed_AS"), 0);
	assert_int_equal(field(t, "VmallocTotal"), 0);
}

/* The same lines as the host's, and numbers that end at the same column. */
static void meminfo_has_the_hosts_layout(void **state)
{
	char *host;
	const char *a, *b;

	fixture_load(&f, "v1");
	host = fixture_text(&f, FACT_MEMINFO, 0);
	b = render("proc/meminfo");
	for (a = host; *a; a = parse_next_line(a), b = parse_next_line(b)) {
		size_t name = strcspn(a, ":");

		assert_memory_equal(a, b, name + 1);
		if (strncmp(a, "VmallocTotal", 12) != 0) /* wider than its column on the host */
			assert_int_equal(strcspn(a, "\n"), strcspn(b, "\n"));
	}
	assert_string_equal(b, "");
	free(host);
}

static void v1_meminfo(void **state)
{
	const char *t;

	fixture_load(&f, "v1");
	t = render("proc/meminfo");
	assert_int_equal(field(t, "MemTotal"), 524288);
	assert_int_equal(field(t, "MemFree"), 524288 - 1496);
	assert_int_equal(field(t, "Cached"), 284);
	assert_int_equal(field(t, "AnonPages"), 116);
	assert_int_equal(field(t, "Dirty"), 48);
	assert_int_equal(field(t, "SwapTotal"), 0); /* the host has none */
}

static void v2_cpu(void **state)
{
	const char *t;

	fixture_load(&f, "v2"); /* four CPUs, quota 2.5 */
	assert_string_equal(render("sys/devices/system/cpu/online"), "1,4-5\n");
	t = render("proc/cpuinfo");
	assert_non_null(strstr(t, "processor\t: 1\n"));
	assert_non_null(strstr(t, "processor\t: 5\n"));
	assert_null(strstr(t, "processor\t: 6\n"));
	assert_non_null(strstr(t, "2001.000")); /* the blocks of CPUs 1, 4 and 5 */
	assert_non_null(strstr(t, "2005.000"));
	assert_null(strstr(t, "2006.000"));
	assert_int_equal(field(strstr(t, "siblings"), "siblings\t"), 3);
	t = render("proc/stat");
	assert_non_null(strstr(t, "\ncpu1 "));
	assert_non_null(strstr(t, "\ncpu5 "));
	assert_null(strstr(t, "\ncpu0 "));
	assert_null(strstr(t, "\ncpu6 "));
	assert_int_equal(field(t, "cpu"), 834);
	assert_int_equal(field(t, "btime"), 1700001000);
	assert_int_equal(field(t, "ctxt"), 0);
	/* 3 CPUs * 100 s - (8.34 + 4.00) s */
	assert_string_equal(render("proc/uptime"), "100.00 287.66\n");
}

/* A cgroup that was in use before: that is not the container's, and its idle time begins now. */
static void usage_before_the_container(void **state)
{
	struct usage_base base = { 0 };

	fixture_load(&f, "v2");
	fixture_set(&f, FACT_V2_CPU_STAT, 0, "user_usec 7000000000\nsystem_usec 5000000000\n");
	assert_int_equal(cpu_usage_begin(&f.facts, &base), 0);
	assert_string_equal(render("proc/uptime"), "100.00 300.00\n");
	fixture_set(&f, FACT_V2_CPU_STAT, 0, "user_usec 7001000000\nsystem_usec 5000000000\n");
	assert_int_equal(field(render("proc/stat"), "cpu"), 100);
	assert_int_equal(cpu_usage_begin(&f.facts, &base), 0); /* a successor's */
	assert_int_equal(field(render("proc/stat"), "cpu"), 100);
}

static void v1_and_hybrid_cpu(void **state)
{
	fixture_load(&f, "v1"); /* two CPUs, quota 0.5 */
	assert_string_equal(render("sys/devices/system/cpu/online"), "0\n");
	fixture_set(&f, FACT_V1_CFS_QUOTA, 0, "-1\n");
	assert_string_equal(render("sys/devices/system/cpu/online"), "0-1\n");
	fixture_set(&f, FACT_V1_CFS_QUOTA, 1, "100000\n"); /* an ancestor's */
	assert_string_equal(render("sys/devices/system/cpu/online"), "0\n");
	fixture_free(&f);
	fixture_load(&f, "hybrid");
	assert_string_equal(render("sys/devices/system/cpu/online"), "0-1\n");
	assert_int_equal(field(render("proc/meminfo"), "MemTotal"), 524288);
}

static void disks_and_swaps(void **state)
{
	fixture_load(&f, "v2");
	assert_string_equal(render("proc/diskstats"),
			    " 254       0 vda 30 0 2048 0 12 0 1024 0 0 0 0 1 0 8 0 0 0\n");
	assert_non_null(strstr(render("proc/swaps"), "virtual\t\t524288\t\t10240\t\t0\n"));
	assert_non_null(strstr(render("proc/swaps"), "\nnone "));
	/* What can be switched has a name that swapoff(8) takes. */
	f.facts.fd[FACT_SWAP][0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	f.facts.n[FACT_SWAP] = 1;
	assert_non_null(strstr(render("proc/swaps"), "\n/dev/swap "));
	fixture_remove(&f, FACT_V2_IO_STAT);
	assert_string_equal(render("proc/diskstats"), "");
	fixture_free(&f);
	fixture_load(&f, "v1");
	assert_string_equal(render("proc/diskstats"),
			    " 254       0 vda 64 0 8192 0 2 0 16 0 0 0 0 0 0 0 0 0 0\n");
}

/* One busy task since the start: the kernel's own damping, and no memory of who looked how often.
 */
static void loadavg(void **state)
{
	fixture_load(&f, "v2");
	fixture_set(&f, FACT_V2_CPU_STAT, 0, "user_usec 100000000\nsystem_usec 0\n");
	/* 1 - 1884/2048 ^ 20 = 0.81, 1 - 2014/2048 ^ 20, 1 - 2037/2048 ^ 20 */
	assert_string_equal(render("proc/loadavg"), "0.81 0.28 0.10 1/17 0\n");
	for (int i = 1; i <= 150; i++) { /* idle for 300 s, with a look every 2 s */
		fixture_now_ns += 2000000000u;
		render("proc/loadavg");
	}
	/* 540 / 2048 less a 35th part 60 times, cut each time as the kernel does */
	assert_string_equal(out.buf, "0.00 0.09 0.07 1/17 0\n");
}

/* A successor goes on with the average of its predecessor. */
static void loadavg_survives(void **state)
{
	struct load_saved saved = { 0 };

	fixture_load(&f, "v2");
	load_restore(&f.load, &saved);
	fixture_set(&f, FACT_V2_CPU_STAT, 0, "user_usec 100000000\nsystem_usec 0\n");
	assert_string_equal(render("proc/loadavg"), "0.81 0.28 0.10 1/17 0\n");
	fixture_now_ns += 60000000000u;
	assert_string_equal(render("proc/loadavg"), "0.30 0.23 0.10 1/17 0\n");
	memset(&f.load.now, 0, sizeof(f.load.now));
	load_restore(&f.load, &saved);
	assert_string_equal(render("proc/loadavg"), "0.30 0.23 0.10 1/17 0\n");
}

static struct {
	uint64_t total[10];
} last;

/* All columns of all cpuN add up to cpu, and nothing ran backwards. */
static void check_stat(const char *t)
{
	uint64_t total[10], sum[10] = { 0 }, v;
	char name[16];
	int used;

	for (; strncmp(t, "cpu", 3) == 0; t = parse_next_line(t)) {
		const char *p = t;

		assert_int_equal(sscanf(p, "%15s%n", name, &used), 1);
		p += used;
		for (int i = 0; i < 10; i++, p += used) {
			assert_int_equal(sscanf(p, " %ju%n", &v, &used), 1);
			if (strcmp(name, "cpu") == 0)
				total[i] = v;
			else
				sum[i] += v;
		}
	}
	assert_memory_equal(total, sum, sizeof(sum));
	for (int i = 0; i < 10; i++)
		assert_true(total[i] >= last.total[i]);
	memcpy(last.total, total, sizeof(total));
}

static void check_meminfo(const char *t, uint64_t host_total)
{
	uint64_t total = field(t, "MemTotal"), available = field(t, "MemAvailable");

	assert_true(total <= host_total);
	assert_true(field(t, "MemFree") <= total);
	assert_true(available <= total && available >= field(t, "MemFree"));
	assert_true(field(t, "MemFree") + field(t, "Buffers") + field(t, "Cached") +
			    field(t, "SReclaimable") <=
		    total);
	assert_true(field(t, "SwapFree") <= field(t, "SwapTotal"));
	assert_true(field(t, "Shmem") <= field(t, "Cached"));
}

static void check_all(uint64_t host_total)
{
	if (fixture_render(&f, "proc/meminfo", &out) == 0)
		check_meminfo(out.buf, host_total);
	if (fixture_render(&f, "proc/stat", &out) == 0)
		check_stat(out.buf);
	for (int i = 0; i < views_count; i++)
		if (views[i].kind == VIEW_RENDERED)
			fixture_render(&f, views[i].path, &out);
}

static void counters_only_grow(void **state)
{
	static const char *const usage[] = {
		"0", "1", "700", "5", "123456", "0", "18446744073709551615"
	};
	static const char *const cpus[] = { "0", "0-7", "1,3", "0-63", "2", "0-2", "0-7" };
	char buf[128];

	fixture_load(&f, "v1");
	memset(&last, 0, sizeof(last));
	fixture_set(&f, FACT_V1_CFS_QUOTA, 0, "-1\n");
	for (int i = 0; i < 49; i++) {
		snprintf(buf, sizeof(buf), "user %s\nsystem %s\n", usage[i % 7], usage[i / 7]);
		fixture_set(&f, FACT_V1_CPUACCT_STAT, 0, buf);
		fixture_set(&f, FACT_V1_CPUSET, 0, cpus[(i + i / 7) % 7]);
		fixture_now_ns += i % 5 * 700000000u;
		check_stat(render("proc/stat"));
	}
}

/* Replaces one number or a tail of the text. */
static void spoil(char *text, unsigned int seed)
{
	static const char *const absurd[] = { "0",
					      "18446744073709551615",
					      "99999999999999999999999",
					      "-1",
					      "9223372036854775807",
					      "max",
					      "x",
					      "" };
	size_t len = strlen(text);
	char *at = text + seed % (len + 1), tail[1 << 16];

	if (seed % 3 == 0) {
		*at = '\0';
		return;
	}
	at += strcspn(at, "0123456789");
	strcpy(tail, at + strspn(at, "0123456789"));
	strcpy(at, absurd[seed / 7 % 8]);
	strcat(at, tail);
}

static void absurd_sources(void **state)
{
	static const char *const trees[] = { "v1", "v2", "hybrid" };

	srand(1);
	for (int i = 0; i < 3000; i++) {
		int id = rand() % FACT_COUNT;

		fixture_load(&f, trees[i % 3]);
		memset(&last, 0, sizeof(last));
		/* the host's own files are the kernel's, and taken as they are */
		for (int k = rand() % 4; k >= 0; k--, id = rand() % FACT_COUNT) {
			if (fact_sources[id].where != FACT_HOST && f.facts.n[id] > 0) {
				char *text = fixture_text(&f, id, 0);

				spoil(text, rand());
				fixture_set(&f, id, 0, text);
				free(text);
			}
			check_all(24682416);
			fixture_now_ns += 123456789;
		}
		fixture_free(&f);
	}
}

/* A number that is not 0, other than in a name as "avg10". */
static bool tells_a_number(const char *text)
{
	bool in_name = false;

	for (; *text; text++) {
		if (*text >= '1' && *text <= '9' && !in_name)
			return true;
		if (*text < '0' || *text > '9')
			in_name = *text >= 'a' && *text <= 'z';
	}
	return false;
}

/* Without one of its facts a view is refused or shows none, but never the host's number. */
static void missing_facts_show_nothing_of_the_host(void **state)
{
	static const char *const trees[] = { "v1", "v2", "hybrid" };

	for (int tree = 0; tree < 3; tree++) {
		for (int id = 0; id < FACT_COUNT; id++) {
			fixture_load(&f, trees[tree]);
			fixture_remove(&f, id);
			memset(&last, 0, sizeof(last));
			check_all(24682416);
			if (fixture_render(&f, "proc/meminfo", &out) == 0) {
				assert_true(field(out.buf, "MemTotal") <= 1048576);
				assert_true(field(out.buf, "SwapTotal") <= 524288);
			}
			if (fixture_render(&f, "proc/diskstats", &out) == 0)
				assert_null(strstr(out.buf, "2599866"));
			fixture_free(&f);
		}
		fixture_load(&f, trees[tree]);
		for (int id = 0; id < FACT_COUNT; id++)
			if (fact_sources[id].where != FACT_HOST)
				fixture_remove(&f, id);
		for (int i = 0; i < views_count; i++)
			if (views[i].kind == VIEW_RENDERED &&
			    fixture_render(&f, views[i].path, &out) == 0)
				assert_false(tells_a_number(out.buf));
		fixture_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rendered_view_has_a_provider),
		cmocka_unit_test(every_view_is_in_the_manual),
		cmocka_unit_test_teardown(v2_meminfo, teardown),
		cmocka_unit_test_teardown(v1_meminfo, teardown),
		cmocka_unit_test_teardown(meminfo_has_the_hosts_layout, teardown),
		cmocka_unit_test_teardown(v2_cpu, teardown),
		cmocka_unit_test_teardown(v1_and_hybrid_cpu, teardown),
		cmocka_unit_test_teardown(usage_before_the_container, teardown),
		cmocka_unit_test_teardown(disks_and_swaps, teardown),
		cmocka_unit_test_teardown(loadavg, teardown),
		cmocka_unit_test_teardown(loadavg_survives, teardown),
		cmocka_unit_test_teardown(counters_only_grow, teardown),
		cmocka_unit_test_teardown(absurd_sources, teardown),
		cmocka_unit_test_teardown(missing_facts_show_nothing_of_the_host, teardown),
	};

	return cmocka_run_group_tests_name("fs-views", tests, NULL, NULL);
}
