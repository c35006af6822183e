/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls: text to value as the kernel does it, and the store. The judge is the kernel: sysctls of
 * a network and an IPC namespace of the test's own take the same bytes.
 */
#include "config.h"
#include "lib/fd.h"
#include "lib/sysctl-scan.h"
#include "lib/sysctl-store.h"

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

/* Return: what write(2) gives. */
static ssize_t put(const struct sysctl *s, struct sysctl_value *value, const char *text, size_t len,
		   off_t offset)
{
	size_t consumed;
	int r = sysctl_write(s, value, text, len, offset, &consumed);

	return r < 0 ? r : (ssize_t)consumed;
}

static ssize_t put_text(const char *name, struct sysctl_value *value, const char *text)
{
	return put(get(name), value, text, strlen(text), 0);
}

/* The finer of two units says what the other begins with. */
static void twins_agree(const struct sysctl *s)
{
	const struct sysctl *twin = sysctl_twin(s);
	struct sysctl_value v, first, twins, shown;

	sysctl_initial(s, &first);
	sysctl_initial(twin, &shown);
	v = first;
	sysctl_follow(s, &v, &twins);
	if (s->mul * twin->div > twin->mul * s->div)
		return;
	assert_int_equal(v.n[0], first.n[0]);
	assert_int_equal(twins.n[0], shown.n[0]);
}

/* The search is by halves, and a place in the store is known by its hash. */
static void table_is_sorted_and_sound(void **state)
{
	assert_true(sysctls_count <= SYSCTL_ROWS_MAX);
	for (int i = 0; i < sysctls_count; i++) {
		const struct sysctl *s = &sysctls[i];

		if (i > 0)
			assert_true(strcmp(sysctls[i - 1].path, s->path) < 0);
		assert_ptr_equal(sysctl_find(s->path), s);
		assert_non_null(sysctl_reason(s));
		assert_true(strlen(s->path) < 96 && s->count <= SYSCTL_MAX_VALUES);
		if (sysctl_is_text(s))
			assert_true(s->max <= SYSCTL_STRING_MAX &&
				    strlen(s->words) < SYSCTL_STRING_MAX);
		if (sysctl_is_shared(s))
			assert_true(s->count == 1 && s->cap != 0 && s->mode == 0644);
		if (s->quirk == SYSCTL_CLEARS || s->quirk == SYSCTL_FOLLOWS)
			assert_ptr_equal(sysctl_twin(sysctl_twin(s)), s);
		if (s->quirk == SYSCTL_FOLLOWS)
			twins_agree(s);
	}
	assert_null(sysctl_find("proc/sys/kernel/panic_"));
	assert_null(sysctl_find(""));
}

/* What the table says a container begins with, it could have written. */
static void initial_values_can_be_written(void **state)
{
	static const char *const special[] = {
		"kernel/kexec_load_disabled",	 "kernel/modules_disabled",
		"kernel/max_rcu_stall_to_panic", "vm/dirty_bytes",
		"vm/dirty_background_bytes",	 NULL
	};

	for (int i = 0; i < sysctls_count; i++) {
		const struct sysctl *s = &sysctls[i];
		struct sysctl_value value, again;
		char text[SYSCTL_TEXT_MAX];
		size_t len;
		bool is_special = s->mode == 0200;

		for (int j = 0; special[j]; j++)
			is_special |= strcmp(s->path + 9, special[j]) == 0;
		if (s->policy == SYSCTL_KERNEL || s->policy == SYSCTL_HIDDEN || is_special)
			continue;
		sysctl_initial(s, &value);
		again = value;
		len = sysctl_format(s, &value, text);
		assert_true(len <= sizeof(text));
		if (put(s, &again, text, len, 0) != (ssize_t)len)
			fail_msg("%s does not take its own %.*s", s->path, (int)len, text);
		assert_memory_equal(&value, &again, sizeof(value));
	}
}

static void ranges(void **state)
{
	static const struct {
		const char *name, *text;
		bool ok;
		int64_t value;
	} cases[] = {
		{ "kernel/panic", "-1", true, -1 },
		{ "kernel/panic", "2147483648", false, 0 },
		{ "kernel/kptr_restrict", "2\n", true, 2 },
		{ "kernel/kptr_restrict", "3", false, 0 },
		{ "vm/overcommit_memory", "2", true, 2 },
		{ "vm/overcommit_memory", "-1", false, 0 },
		{ "vm/mmap_min_addr", "9223372036854775807", true, LONG_MAX },
		{ "vm/mmap_min_addr", "9223372036854775808", false, 0 },
		{ "vm/nr_hugepages", "18446744073709551615", true, -1 },
		{ "fs/nr_open", "63", false, 0 },
		{ "fs/nr_open", "64", true, 64 },
		{ "fs/nr_open", "2147483585", false, 0 },
		{ "fs/file-max", "-1", false, 0 },
		{ "fs/pipe-max-size", "1", true, 4096 },
		{ "fs/pipe-max-size", "5000", true, 8192 },
		{ "fs/pipe-max-size", "2147483648", true, 2147483648 },
		{ "fs/pipe-max-size", "2147483649", false, 0 },
		{ "kernel/modules_disabled", "0", false, 0 },
		{ "kernel/modules_disabled", "1", true, 1 },
		{ "vm/dirty_bytes", "8191", false, 0 },
		{ "vm/drop_caches", "5", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sysctl_value value, was;
		ssize_t r;

		sysctl_initial(get(cases[i].name), &was);
		value = was;
		r = put_text(cases[i].name, &value, cases[i].text);
		assert_int_equal(r, cases[i].ok ? (ssize_t)strlen(cases[i].text) : -EINVAL);
		assert_int_equal(value.n[0], cases[i].ok ? cases[i].value : was.n[0]);
	}
}

static void locks(void **state)
{
	struct sysctl_value v;

	sysctl_initial(get("kernel/yama/ptrace_scope"), &v);
	assert_int_equal(put_text("kernel/yama/ptrace_scope", &v, "3"), 1);
	assert_int_equal(put_text("kernel/yama/ptrace_scope", &v, "1"), -EINVAL);
	assert_int_equal(put_text("kernel/yama/ptrace_scope", &v, "3"), 1);
	sysctl_initial(get("kernel/unprivileged_bpf_disabled"), &v);
	assert_int_equal(put_text("kernel/unprivileged_bpf_disabled", &v, "1"), 1);
	assert_int_equal(put_text("kernel/unprivileged_bpf_disabled", &v, "0"), -EPERM);
	assert_int_equal(v.n[0], 1);
}

static void words(void **state)
{
	struct sysctl_value v;

	sysctl_initial(get("kernel/printk_devkmsg"), &v);
	assert_string_equal(v.text, "ratelimit");
	assert_int_equal(put_text("kernel/printk_devkmsg", &v, "off\n"), 4);
	assert_string_equal(v.text, "off");
	assert_int_equal(put_text("kernel/printk_devkmsg", &v, "off"), -EINVAL);
	assert_int_equal(put_text("kernel/printk_devkmsg", &v, "office\n"), -EINVAL);
	assert_int_equal(put_text("kernel/printk_devkmsg", &v, "ratelimit\n"), 10);
	assert_string_equal(v.text, "ratelimit");
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
	T("1 2 3"),
	T("1 2 3 4"),
	T("1 2 x"),
	T("1 -2 3"),
	T("9 9 9\n\n"),
	T("4294967295"),
	T("4294967296"),
	T("-4294967295"),
	T("8589934"),
	T("8589935"),
	T("9223372036854775807"),
	T("9223372036854775808"),
	T("18446744073709551615"),
};

/* The same bytes to the kernel's own file: same result, same value. */
static void compare(const char *path, const struct sysctl *s, const char *start)
{
	int fd = open(path, O_RDWR);

	if (fd < 0 && errno == ENOENT) {
		print_message("# this kernel has no %s\n", path);
		return;
	}
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sysctl_value v = { 0 };
		char now[512] = "", mine[SYSCTL_TEXT_MAX + 1] = "";
		ssize_t r, ours;

		assert_int_equal(pwrite(fd, start, strlen(start), 0), strlen(start));
		assert_int_equal(put(s, &v, start, strlen(start), 0), strlen(start));
		r = pwrite(fd, texts[i].text, texts[i].len, 0);
		if (r < 0)
			r = -errno;
		assert_true(pread(fd, now, sizeof(now) - 1, 0) >= 0);
		ours = put(s, &v, texts[i].text, texts[i].len, 0);
		sysctl_format(s, &v, mine);
		if (r != ours || strcmp(now, mine) != 0)
			fail_msg("%s, text %zu '%s': kernel %zd, %s; ours %zd, %s", path, i,
				 texts[i].text, r, now, ours, mine);
	}
	close(fd);
}

#define KERNEL_HZ 250

/* Files of namespaces that only this process is in, made by the same functions of the kernel. */
static void same_as_the_kernel(void **state)
{
	static const struct sysctl row = { .type = SYSCTL_INT, .count = 1, .max = INT_MAX };
	struct sysctl s = row;

	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
		print_message("# not root: not compared with the kernel\n");
		return;
	}
	s.min = INT_MIN; /* proc_dointvec */
	compare("/proc/sys/net/ipv4/conf/lo/tag", &s, "3");
	s.min = 0, s.max = 1; /* proc_dointvec_minmax */
	compare("/proc/sys/kernel/shm_rmid_forced", &s, "0");
	s.min = -(INT_MAX / KERNEL_HZ), s.max = INT_MAX / KERNEL_HZ; /* proc_dointvec_jiffies */
	compare("/proc/sys/net/ipv4/neigh/lo/gc_stale_time", &s, "60");
	s.min = 1, s.max = INT_MAX, s.count = 3; /* a vector */
	compare("/proc/sys/net/ipv4/tcp_rmem", &s, "5\t6\t7");
	s = row, s.type = SYSCTL_UINT, s.min = 1, s.max = 0x7ff; /* proc_douintvec_minmax */
	compare("/proc/sys/net/ipv4/fib_multipath_hash_fields", &s, "7");
	s.min = 0, s.max = 1; /* proc_dou8vec_minmax */
	compare("/proc/sys/net/ipv4/tcp_migrate_req", &s, "0");
	s = row, s.type = SYSCTL_ULONG, s.max = -1; /* proc_doulongvec_minmax */
	compare("/proc/sys/kernel/shmmax", &s, "4096");
	s = row, s.type = SYSCTL_STRING, s.max = 65; /* proc_dostring */
	compare("/proc/sys/kernel/domainname", &s, "abc");
}

/* Strings are written on where the last write ended, other values only at the start. */
static void offsets(const char *path, const struct sysctl *s)
{
	static const struct {
		const char *text;
		off_t offset;
	} writes[] = { { "hello\n", 0 }, { "xy", 2 },	    { "zz\n", 9 }, { "q", 4 },
		       { "", 0 },	 { "one\ntwo", 0 }, { "3", 3 },	   { "44", 4 } };
	int fd = open(path, O_RDWR);
	struct sysctl_value v = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "5\n", 2, 0), put(s, &v, "5\n", 2, 0));
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		size_t len = strlen(writes[i].text);
		char now[512] = "", mine[SYSCTL_TEXT_MAX + 1] = "";
		ssize_t r = pwrite(fd, writes[i].text, len, writes[i].offset);

		r = r < 0 ? -errno : r;
		assert_int_equal(r, put(s, &v, writes[i].text, len, writes[i].offset));
		assert_true(pread(fd, now, sizeof(now) - 1, 0) >= 0);
		sysctl_format(s, &v, mine);
		assert_string_equal(now, mine);
	}
	close(fd);
}

static void same_offsets_as_the_kernel(void **state)
{
	const struct sysctl text = { .type = SYSCTL_STRING, .count = 1, .max = 65 };
	const struct sysctl number = {
		.type = SYSCTL_INT, .count = 1, .min = INT_MIN, .max = INT_MAX
	};

	if (unshare(CLONE_NEWNET | CLONE_NEWUTS) < 0)
		return;
	offsets("/proc/sys/kernel/domainname", &text);
	offsets("/proc/sys/net/ipv4/conf/lo/tag", &number);
}

/* printk as the kernel prints it: our text for the values that the host has now. */
static void printk_reads_like_the_kernels(void **state)
{
	struct sysctl_value v;
	char line[128], text[SYSCTL_TEXT_MAX];
	int n = fd_read_file_at(AT_FDCWD, "/proc/sys/kernel/printk", line, sizeof(line));

	assert_true(n > 0); /* without its newline */
	line[n++] = '\n';
	sysctl_initial(get("kernel/printk"), &v);
	assert_int_equal(put(get("kernel/printk"), &v, line, n, 0), n);
	assert_int_equal(sysctl_format(get("kernel/printk"), &v, text), n);
	assert_memory_equal(text, line, n);
}

static int new_file(struct sysctl_store *store)
{
	int fd = memfd_create("store", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(sysctl_store_map(store, fd), 0);
	return fd;
}

static void store_keeps_values(void **state)
{
	struct sysctl_store store, again, copy;
	int fd = new_file(&store);
	size_t consumed;

	for (int i = 0; i < sysctls_count; i++) {
		struct sysctl_value v, first;

		sysctl_store_get(&store, &sysctls[i], &v);
		sysctl_initial(&sysctls[i], &first);
		assert_memory_equal(&v, &first, sizeof(v));
	}
	for (int round = 0; round < 3; round++) {
		char text[64];
		struct sysctl_value v;
		const struct sysctl *s = get("kernel/core_pattern");
		int len = snprintf(text, sizeof(text), "core.%d\n", round);

		assert_int_equal(sysctl_store_write(&store, s, text, len, 0, &consumed), 0);
		assert_int_equal(sysctl_store_map(&again, fd), 0);
		sysctl_store_get(&again, s, &v);
		assert_int_equal(strlen(v.text), len - 1);
		assert_memory_equal(v.text, text, len - 1);
		sysctl_store_close(&again);
	}
	assert_int_equal(sysctl_store_load(&copy, fd), 0);
	assert_true(sysctl_store_marks(&copy, get("kernel/core_pattern")) & SYSCTL_ASKED);
	assert_false(sysctl_store_marks(&copy, get("kernel/modprobe")) & SYSCTL_ASKED);
	sysctl_store_close(&copy);
	sysctl_store_close(&store);
	close(fd);
}

static int64_t stored(const struct sysctl_store *store, const char *name)
{
	struct sysctl_value v;

	sysctl_store_get(store, get(name), &v);
	return v.n[0];
}

static void one_of_a_pair_is_zero(void **state)
{
	struct sysctl_store store;
	int fd = new_file(&store);
	size_t consumed;

	assert_int_equal(stored(&store, "vm/dirty_ratio"), 20);
	assert_int_equal(sysctl_store_write(&store, get("vm/dirty_bytes"), "8192", 4, 0, &consumed),
			 0);
	assert_int_equal(stored(&store, "vm/dirty_ratio"), 0);
	assert_int_equal(sysctl_store_write(&store, get("vm/dirty_ratio"), "30", 2, 0, &consumed),
			 0);
	assert_int_equal(stored(&store, "vm/dirty_bytes"), 0);
	assert_int_equal(stored(&store, "vm/dirty_ratio"), 30);
	sysctl_store_close(&store);
	close(fd);
}

/* Of a device's own file, which is the namespace's. */
static int64_t of_device(const char *family, const char *name, const char *put)
{
	char path[128], text[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/neigh/lo/%s", family, name);
	if (put) {
		fd = open(path, O_WRONLY);
		assert_int_equal(write(fd, put, strlen(put)), strlen(put));
		close(fd);
	}
	return fd_read_file_at(AT_FDCWD, path, text, sizeof(text)) < 0 ? -1 : atoll(text);
}

static void follow_one(struct sysctl_store *store, const char *family, const char *name,
		       const char *text)
{
	char path[64];
	const struct sysctl *s, *twin;
	size_t consumed;

	snprintf(path, sizeof(path), "net/%s/neigh/default/%s", family, name);
	s = get(path);
	twin = sysctl_twin(s);
	assert_int_equal(sysctl_store_write(store, s, text, strlen(text), 0, &consumed), 0);
	assert_int_equal(stored(store, s->path + 9), of_device(family, name, text));
	assert_int_equal(stored(store, twin->path + 9),
			 of_device(family, strrchr(twin->path, '/') + 1, NULL));
}

/* What the kernel shows in two units: as it does itself where a device has the same two. */
static void twins_follow(void **state)
{
	static const char *const names[] = { "base_reachable_time", "base_reachable_time_ms",
					     "retrans_time",	    "retrans_time_ms",
					     "unres_qlen",	    "unres_qlen_bytes" };
	static const char *const values[] = { "1", "33", "77", "1500", "1501", "99999" };
	struct sysctl_store store;
	int fd = new_file(&store);

	if (unshare(CLONE_NEWNET) < 0 ||
	    of_device("ipv4", "base_reachable_time_ms", "1") != 1000 / KERNEL_HZ)
		print_message("# not root, or a kernel with another tick\n");
	else
		for (size_t i = 0; i < 12 * sizeof(values) / sizeof(values[0]); i++)
			follow_one(&store, i % 12 < 6 ? "ipv4" : "ipv6", names[i % 6],
				   values[i / 12]);
	sysctl_store_close(&store);
	close(fd);
}

/* The server owns the file: bytes of its choice lead nobody astray. */
static void store_of_random_bytes(void **state)
{
	int fd = memfd_create("store", MFD_CLOEXEC);
	size_t size = sysctl_store_size();
	char *bytes = malloc(size);
	struct sysctl_store store;

	assert_non_null(bytes);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < size; i++)
			bytes[i] = round % 2 ? rand() : rand() % 300 == 0;
		assert_int_equal(pwrite(fd, bytes, size, 0), size);
		assert_int_equal(sysctl_store_load(&store, fd), 0);
		for (int i = 0; i < sysctls_count; i++) {
			struct sysctl_value v;
			char text[SYSCTL_TEXT_MAX];

			sysctl_store_get(&store, &sysctls[i], &v);
			assert_true(sysctl_format(&sysctls[i], &v, text) <= sizeof(text));
			assert_true(sysctl_store_dir(&store, &sysctls[i]) <
				    strlen(sysctls[i].path));
		}
		sysctl_store_close(&store);
	}
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(sysctl_store_load(&store, fd), -EIO);
	free(bytes);
	close(fd);
}

/* A writer killed at any moment leaves a whole vector. */
static void store_survives_a_killed_writer(void **state)
{
	const struct sysctl *s = get("kernel/printk");
	struct sysctl_store store;
	int fd = new_file(&store);

	for (int round = 0; round < 100; round++) {
		struct sysctl_value v;
		pid_t pid = fork();

		if (pid == 0)
			for (int64_t i = 10;; i++)
				sysctl_store_put(&store, s,
						 &(struct sysctl_value){ .n = { i, i, i, i } });
		usleep(rand() % 500);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		sysctl_store_get(&store, s, &v);
		if (v.n[0] >= 10)
			assert_true(v.n[0] == v.n[1] && v.n[1] == v.n[2] && v.n[2] == v.n[3]);
	}
	sysctl_store_close(&store);
	close(fd);
}

static void scan_of_this_kernel(void **state)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sysctl_store store;
	int fd = new_file(&store);

	assert_int_equal(sysctl_scan(root, &store, NULL, NULL), 0);
	assert_true(sysctl_store_scanned(&store));
	assert_true(sysctl_store_marks(&store, get("kernel/panic")) & SYSCTL_IS_THERE);
	assert_int_equal(sysctl_store_dir(&store, get("kernel/panic")), 0);
	assert_int_equal(sysctl_store_dir(&store, get("fs/file-max")), 0);
	assert_int_equal(sysctl_store_dir(&store, get("fs/inotify/max_user_watches")),
			 strlen("proc/sys/fs/inotify"));
	for (int i = 0; i < sysctls_count; i++) {
		char path[128];
		bool seen = sysctl_store_marks(&store, &sysctls[i]) & SYSCTL_IS_THERE;

		snprintf(path, sizeof(path), "/%s", sysctls[i].path);
		if (sysctls[i].policy != SYSCTL_KERNEL && !sysctl_namespaced(sysctls[i].path))
			assert_int_equal(seen, access(path, F_OK) == 0);
		if (sysctls[i].policy == SYSCTL_KERNEL)
			assert_int_equal(sysctl_store_dir(&store, &sysctls[i]), 0);
	}
	sysctl_store_close(&store);
	close(fd);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sorted_and_sound),
		cmocka_unit_test(initial_values_can_be_written),
		cmocka_unit_test(ranges),
		cmocka_unit_test(locks),
		cmocka_unit_test(words),
		cmocka_unit_test(same_as_the_kernel),
		cmocka_unit_test(same_offsets_as_the_kernel),
		cmocka_unit_test(printk_reads_like_the_kernels),
		cmocka_unit_test(store_keeps_values),
		cmocka_unit_test(one_of_a_pair_is_zero),
		cmocka_unit_test(twins_follow),
		cmocka_unit_test(store_of_random_bytes),
		cmocka_unit_test(store_survives_a_killed_writer),
		cmocka_unit_test(scan_of_this_kernel),
	};

	return cmocka_run_group_tests_name("fs-sysctl", tests, NULL, NULL);
}
