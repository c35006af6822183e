/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls: text to value as the kernel does it, and the store. The judge is the kernel: sysctls of
 * a network and an IPC namespace of the test's own take the same bytes.
 */
#include "config.h"
#include "lib/sysctl.h"
#include "lib/views.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const struct sysctl *get(const char *name)
{
	char path[128];
	const struct sysctl *s;

	snprintf(path, sizeof(path), "proc/sys/%s", name);
	s = sysctl_find(path);
	assert_non_null(s);
	return s;
}

/* Return: what write(2) gives; the first value is left in *@value. */
static ssize_t put(const char *name, const char *text, size_t len, int64_t *value)
{
	const struct sysctl *s = get(name);
	int64_t values[SYSCTL_MAX_VALUES];
	size_t consumed;
	ssize_t r;

	memcpy(values, s->initial, sizeof(values));
	r = sysctl_parse(s, text, len, values, &consumed);
	*value = values[0];
	return r < 0 ? r : (ssize_t)consumed;
}

static void every_sysctl_view_is_known(void **state)
{
	int n = 0;

	for (int i = 0; i < views_count; i++) {
		if (views[i].kind == VIEW_SYSCTL) {
			assert_non_null(sysctl_find(views[i].path));
			n++;
		}
	}
	assert_int_equal(n, sysctls_count);
}

static void ranges(void **state)
{
	static const struct {
		const char *name, *text;
		int64_t value; /* INT64_MIN: refused */
	} cases[] = {
		{ "kernel/dmesg_restrict", "1\n", 1 },
		{ "kernel/dmesg_restrict", "2\n", INT64_MIN },
		{ "kernel/dmesg_restrict", "-1\n", INT64_MIN },
		{ "kernel/kptr_restrict", "2", 2 },
		{ "vm/overcommit_memory", "3", INT64_MIN },
		{ "kernel/panic", "-2147483648", INT_MIN },
		{ "kernel/panic", "2147483648", INT64_MIN },
		{ "fs/nr_open", "63", INT64_MIN },
		{ "fs/nr_open", "64", 64 },
		{ "fs/nr_open", "2147483584", 2147483584 },
		{ "fs/nr_open", "2147483585", INT64_MIN },
		{ "fs/file-max", "9223372036854775807", INT64_MAX },
		{ "fs/file-max", "9223372036854775808", INT64_MIN },
		{ "fs/file-max", "-1", INT64_MIN },
		{ "vm/mmap_min_addr", "0x10000", 65536 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t value, was = get(cases[i].name)->initial[0];
		size_t len = strlen(cases[i].text);
		ssize_t r = put(cases[i].name, cases[i].text, len, &value);

		if (cases[i].value == INT64_MIN) {
			assert_int_equal(r, -EINVAL);
			assert_int_equal(value, was);
		} else {
			assert_int_equal(r, len);
			assert_int_equal(value, cases[i].value);
		}
	}
}

static void vectors(void **state)
{
	const struct sysctl *s = get("kernel/printk");
	int64_t v[SYSCTL_MAX_VALUES];
	char text[SYSCTL_TEXT_MAX];
	size_t consumed;

	memcpy(v, s->initial, sizeof(v));
	assert_int_equal(sysctl_parse(s, " 3\t2 \n", 6, v, &consumed), 2);
	assert_int_equal(consumed, 6);
	assert_int_equal(sysctl_format(s, v, text), 8);
	assert_memory_equal(text, "3\t2\t1\t7\n", 8);
	/* what was good before the first bad one is kept, as in the kernel */
	assert_int_equal(sysctl_parse(s, "5 x", 3, v, &consumed), -EINVAL);
	assert_int_equal(v[0], 5);
	/* more values than there are: left over, for the next write to ignore */
	assert_int_equal(sysctl_parse(s, "1 2 3 4 5", 9, v, &consumed), 4);
	assert_int_equal(consumed, 8);
}

static const struct {
	const char *text;
	size_t len;
} texts[] = {
#define T(s)                                                                                       \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}
	T("7"),
	T("7\n"),
	T(" 7"),
	T("\t\n 7 \n"),
	T("7 8"),
	T("7x"),
	T("x"),
	T("\n"),
	T(" "),
	T("0x1f\n"),
	T("0X1F"),
	T("017"),
	T("018"),
	T("0x"),
	T("0xg"),
	T("-1\n"),
	T("-"),
	T("--1"),
	T("+1"),
	T("7\0"),
	T("7\0\n"),
	T("2147483647"),
	T("2147483648"),
	T("-2147483648"),
	T("-2147483649"),
	T("000000000000000000007"),
	T("00000000000000000000007"),
	T("18446744073709551616"),
	T("7\v"),
	T("\v7"),
	T("7\r\n"),
	T("\xa0"
	  "7"),
	T("7,8"),
	T("1e3"),
	T("7\n8\n"),
};

/* The same bytes to the kernel's own file: same result, same value. */
static void compare(const char *kernel_path, const char *name)
{
	int fd = open(kernel_path, O_RDWR);
	char start[8], now[32];

	assert_true(fd >= 0);
	snprintf(start, sizeof(start), "%d", (int)get(name)->initial[0]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int64_t ours;
		ssize_t r, mine;

		assert_int_equal(pwrite(fd, start, strlen(start), 0), strlen(start));
		r = pwrite(fd, texts[i].text, texts[i].len, 0);
		if (r < 0)
			r = -errno;
		memset(now, 0, sizeof(now));
		assert_true(pread(fd, now, sizeof(now) - 1, 0) > 0);
		mine = put(name, texts[i].text, texts[i].len, &ours);
		if (r != mine || atoll(now) != ours)
			fail_msg("%s, text %zu '%s': kernel %zd, %s; ours %zd, %lld", name, i,
				 texts[i].text, r, now, mine, (long long)ours);
	}
	close(fd);
}

/* Files of namespaces that only this process is in, made by the same functions of the kernel. */
static void same_as_the_kernel(void **state)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0) {
		print_message("# not root: not compared with the kernel\n");
		return;
	}
	compare("/proc/sys/net/ipv4/conf/lo/tag", "kernel/panic");	      /* proc_dointvec */
	compare("/proc/sys/kernel/shm_rmid_forced", "kernel/dmesg_restrict"); /* ..._minmax */
	compare("/proc/sys/kernel/shmmax", "vm/mmap_min_addr"); /* proc_doulongvec_minmax */
}

/* printk as the kernel prints it: our text for the values that the host has now. */
static void printk_reads_like_the_kernels(void **state)
{
	FILE *in = fopen("/proc/sys/kernel/printk", "r");
	int64_t v[SYSCTL_MAX_VALUES];
	char line[128], text[SYSCTL_TEXT_MAX];
	size_t consumed;

	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	fclose(in);
	assert_int_equal(sysctl_parse(get("kernel/printk"), line, strlen(line), v, &consumed), 4);
	assert_int_equal(sysctl_format(get("kernel/printk"), v, text), strlen(line));
	assert_memory_equal(text, line, strlen(line));
}

static struct sysctl_store *new_store(void)
{
	void *p = mmap(NULL, sysctl_store_size(), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

static void store_keeps_values(void **state)
{
	struct sysctl_store *store = new_store();
	int64_t v[SYSCTL_MAX_VALUES];

	for (int i = 0; i < sysctls_count; i++) {
		sysctl_store_get(store, &sysctls[i], v);
		assert_memory_equal(v, sysctls[i].initial, sizeof(v));
	}
	for (int round = 0; round < 3; round++) {
		int64_t set[SYSCTL_MAX_VALUES] = { round, 2, 3, 4 };

		sysctl_store_put(store, get("kernel/printk"), set);
		sysctl_store_get(store, get("kernel/printk"), v);
		assert_memory_equal(v, set, sizeof(v));
	}
	munmap(store, sysctl_store_size());
}

/* A writer killed at any moment leaves a whole vector. */
static void store_survives_a_killed_writer(void **state)
{
	const struct sysctl *s = get("kernel/printk");
	struct sysctl_store *store = new_store();

	for (int round = 0; round < 100; round++) {
		int64_t v[SYSCTL_MAX_VALUES];
		pid_t pid = fork();

		for (int64_t i = 10; pid == 0; i++)
			sysctl_store_put(store, s, (int64_t[]){ i, i, i, i });
		usleep(rand() % 500);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		sysctl_store_get(store, s, v);
		if (v[0] >= 10)
			assert_true(v[0] == v[1] && v[1] == v[2] && v[2] == v[3]);
	}
	munmap(store, sysctl_store_size());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sysctl_view_is_known),
		cmocka_unit_test(ranges),
		cmocka_unit_test(vectors),
		cmocka_unit_test(same_as_the_kernel),
		cmocka_unit_test(printk_reads_like_the_kernels),
		cmocka_unit_test(store_keeps_values),
		cmocka_unit_test(store_survives_a_killed_writer),
	};

	return cmocka_run_group_tests_name("fs-sysctl", tests, NULL, NULL);
}
