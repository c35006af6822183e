/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup module on this host's own hierarchies. Needs root. What a test changes above its own
 * cgroups is put back.
 */
#include "config.h"
#include "lib/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/fd.h"
#include "lib/sys.h"

/* A parent of its own, so that nothing of a running Cloister is touched. */
static char path[64];
static char parent[32];
static char enabled_before[256];

struct state {
	struct cgroups cg;
	char what[256];
};

static const struct cgroup_hierarchy *v2_of(const struct cgroups *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->h[i].v2)
			return &cg->h[i];
	return NULL;
}

/* Move a process into every cgroup of @cg. Return: 0 or -errno. */
static int add_pid(const struct cgroups *cg, pid_t pid)
{
	char text[16];
	int r = 0;

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (int i = 0; r == 0 && i < cg->n; i++)
		if (cg->h[i].dir_fd >= 0)
			r = fd_write_file_at(cg->h[i].dir_fd, "cgroup.procs", text);
	return r;
}

static int group_set_up(void **state)
{
	struct cgroups cg;
	const struct cgroup_hierarchy *v2;

	/* no "cloister" in it: suites that run beside us would take it for a leftover */
	snprintf(parent, sizeof(parent), "test-cgroup-live-%d", (int)getpid());
	snprintf(path, sizeof(path), "%s/c1", parent);
	if (cgroup_detect(&cg) < 0)
		return -1;
	v2 = v2_of(&cg);
	if (v2)
		fd_read_file_at(v2->mount_fd, "cgroup.subtree_control", enabled_before,
				sizeof(enabled_before));
	cgroup_free(&cg);
	return 0;
}

/* Takes back the v2 controllers that a test was the first to enable on this host. */
static int group_tear_down(void **state)
{
	char now[256], off[300] = "", *rest = now, *word;
	const struct cgroup_hierarchy *v2;
	struct cgroups cg;

	if (cgroup_detect(&cg) < 0)
		return -1;
	v2 = v2_of(&cg);
	if (v2 && fd_read_file_at(v2->mount_fd, "cgroup.subtree_control", now, sizeof(now)) > 0)
		while ((word = strsep(&rest, " ")))
			if (*word && !cgroup_list_has(enabled_before, word)) {
				snprintf(off, sizeof(off), "-%s", word);
				fd_write_file_at(v2->mount_fd, "cgroup.subtree_control", off);
			}
	cgroup_free(&cg);
	return 0;
}

static int set_up(void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	int r;

	*state = s;
	if (cgroup_detect(&s->cg) < 0)
		return -1;
	r = cgroup_create(&s->cg, path, s->what, sizeof(s->what));
	if (r < 0)
		print_error("%s: %s\n", s->what, strerror(-r));
	return r;
}

static int tear_down(void **state)
{
	struct state *s = *state;
	struct stat st;
	int r = cgroup_kill(&s->cg, SIGKILL);

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	r |= cgroup_remove(&s->cg, path);
	for (int i = 0; i < s->cg.n; i++) {
		r |= fstatat(s->cg.h[i].mount_fd, path, &st, 0) == 0;
		if (unlinkat(s->cg.h[i].mount_fd, parent, AT_REMOVEDIR) < 0)
			r |= errno != ENOENT;
	}
	cgroup_free(&s->cg);
	free(s);
	return r;
}

static const char *read_at(int dir_fd, const char *file)
{
	static char text[4096];
	int r = fd_read_file_at(dir_fd, file, text, sizeof(text));

	if (r < 0)
		fail_msg("%s: %s", file, strerror(-r));
	return text;
}

/* The file of @controller by its name in v1 or in v2. */
static void expect_file(struct state *s, const char *controller, const char *v1_file,
			const char *v2_file, const char *value)
{
	bool v2;
	int fd = cgroup_controller_fd(&s->cg, controller, &v2);

	assert_true(fd >= 0);
	assert_string_equal(read_at(fd, v2 ? v2_file : v1_file), value);
}

static bool has(struct state *s, const char *controller)
{
	bool v2;

	return cgroup_controller_fd(&s->cg, controller, &v2) >= 0;
}

/* A child in the container's cgroups that does nothing until it is killed. */
static pid_t start_child(struct state *s, int into_v2)
{
	int fds[CGROUP_MAX_HIERARCHIES], ready[2];
	int n = cgroup_tasks_fds(&s->cg, fds);
	char ok = 0;
	pid_t pid;

	assert_true(n >= 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = sys_clone3(0, SIGCHLD, NULL, into_v2);
	assert_true(pid >= 0);
	if (pid == 0) {
		ok = cgroup_enter_self(fds, n) == 0;
		if (write(ready[1], &ok, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &ok, 1), 1);
	assert_int_equal(ok, 1);
	close(ready[0]);
	while (n > 0)
		close(fds[--n]);
	return pid;
}

static void expect_member(struct state *s, pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (int i = 0; i < s->cg.n; i++)
		if (s->cg.h[i].dir_fd >= 0)
			assert_string_equal(read_at(s->cg.h[i].dir_fd, "cgroup.procs"), text);
}

static void test_create(void **state)
{
	struct state *s = *state;
	struct cgroups again;

	assert_true(s->cg.n > 0);
	for (int i = 0; i < s->cg.n; i++) {
		const struct cgroup_hierarchy *h = &s->cg.h[i];

		assert_true(h->dir_fd >= 0);
		assert_non_null(h->own);
		if (cgroup_list_has(h->controllers, "memory"))
			assert_string_equal(read_at(h->dir_fd, "memory.use_hierarchy"), "1");
		if (cgroup_list_has(h->controllers, "cpuset")) {
			assert_string_not_equal(read_at(h->dir_fd, "cpuset.cpus"), "");
			assert_string_not_equal(read_at(h->dir_fd, "cpuset.mems"), "");
		}
	}
	assert_int_equal(cgroup_detect(&again), 0);
	assert_int_equal(again.n, s->cg.n);
	assert_int_equal(cgroup_open(&again, path), 0);
	for (int i = 0; i < again.n; i++)
		assert_true(again.h[i].dir_fd >= 0);
	assert_int_equal(cgroup_open(&again, "cloister-test/never"), 0);
	assert_int_equal(again.h[0].dir_fd, -1);
	assert_int_equal(cgroup_create(&again, "../x", s->what, sizeof(s->what)), -EINVAL);
	assert_int_equal(cgroup_create(&again, "/", s->what, sizeof(s->what)), -EINVAL);
	cgroup_free(&again);
}

static void test_limits(void **state)
{
	struct state *s = *state;
	struct cgroup_limits l = { .memory = 64 << 20,
				   .memory_swap = 96 << 20,
				   .cpu_quota = 50000,
				   .cpu_period = 200000,
				   .cpu_shares = 512,
				   .pids = 33,
				   .cpuset_cpus = "0",
				   .cpuset_mems = "0" };
	int r = cgroup_set_limits(&s->cg, &l, s->what, sizeof(s->what));

	if (r < 0)
		fail_msg("%s: %s", s->what, strerror(-r));
	expect_file(s, "memory", "memory.limit_in_bytes", "memory.max", "67108864");
	expect_file(s, "pids", "pids.max", "pids.max", "33");
	expect_file(s, "cpuset", "cpuset.cpus", "cpuset.cpus", "0");
	expect_file(s, "cpu", "cpu.shares", "cpu.weight",
		    cgroup_mode(&s->cg) == CGROUP_V2 ? "59" : "512");
	/* Up again, beyond the old sum of memory and swap, which has to go first. */
	l = (struct cgroup_limits){ .memory = 256 << 20, .memory_swap = 256 << 20, .pids = -1 };
	assert_int_equal(cgroup_set_limits(&s->cg, &l, s->what, sizeof(s->what)), 0);
	expect_file(s, "memory", "memory.limit_in_bytes", "memory.max", "268435456");
	expect_file(s, "pids", "pids.max", "pids.max", "max");
	l = (struct cgroup_limits){ .memory = 256 << 20, .memory_swap = -1, .cpu_quota = -1 };
	assert_int_equal(cgroup_set_limits(&s->cg, &l, s->what, sizeof(s->what)), 0);
}

static void test_refused_limits(void **state)
{
	struct state *s = *state;
	struct cgroup_limits l = { .cpuset_cpus = "4000" };

	assert_true(cgroup_set_limits(&s->cg, &l, s->what, sizeof(s->what)) < 0);
	assert_non_null(strstr(s->what, "cpuset.cpus"));
	l = (struct cgroup_limits){ .cpuset_cpus = "zero" };
	assert_int_equal(cgroup_set_limits(&s->cg, &l, s->what, sizeof(s->what)), -EINVAL);
	l = (struct cgroup_limits){ .cpuset_mems = "77" };
	assert_true(cgroup_set_limits(&s->cg, &l, s->what, sizeof(s->what)) < 0);
	assert_non_null(strstr(s->what, "cpuset.mems"));
	l = (struct cgroup_limits){ .memory = 2 << 20, .memory_swap = 1 << 20 };
	assert_int_equal(cgroup_set_limits(&s->cg, &l, s->what, sizeof(s->what)), -EINVAL);
}

static void test_missing_controller(void **state)
{
	struct cgroups none = { 0 };
	struct cgroup_limits l = { .pids = 5 };
	char what[64];

	assert_int_equal(cgroup_set_limits(&none, &l, what, sizeof(what)), -ENODEV);
	assert_non_null(strstr(what, "pids"));
}

static void test_enter_and_kill(void **state)
{
	struct state *s = *state;
	pid_t pid = start_child(s, cgroup_v2_fd(&s->cg));
	int status;

	expect_member(s, pid);
	assert_int_equal(cgroup_kill(&s->cg, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_add_pid(void **state)
{
	struct state *s = *state;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(add_pid(&s->cg, pid), 0);
	expect_member(s, pid);
	assert_int_equal(cgroup_kill(&s->cg, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* Processes that fork all the time, in cgroups of their own making, partly frozen. */
static void test_kill_below(void **state)
{
	struct state *s = *state;
	const char *below[] = { path, "a", "b", "c" };
	char deep[512];
	pid_t pid;

	snprintf(deep, sizeof(deep), "%s/a/b/c", below[0]);
	{
		struct cgroups inner;

		assert_int_equal(cgroup_detect(&inner), 0);
		for (int i = 0; i < inner.n; i++) {
			/* Without controllers: in v2 the levels above have processes too. */
			char level[512];

			snprintf(level, sizeof(level), "%s/a", path);
			assert_int_equal(mkdirat(inner.h[i].mount_fd, level, 0755), 0);
			strcat(level, "/b");
			assert_int_equal(mkdirat(inner.h[i].mount_fd, level, 0755), 0);
		}
		cgroup_free(&inner);
	}
	pid = start_child(s, cgroup_v2_fd(&s->cg));
	for (int i = 0; i < s->cg.n; i++) {
		char text[16];

		if (cgroup_list_has(s->cg.h[i].controllers, "cpuset"))
			continue;
		snprintf(text, sizeof(text), "%d", (int)pid);
		assert_int_equal(fd_write_file_at(s->cg.h[i].dir_fd, "a/b/cgroup.procs", text), 0);
	}
	for (int i = 0; i < 5; i++)
		start_child(s, cgroup_v2_fd(&s->cg));
	assert_int_equal(cgroup_freeze(&s->cg, true), 0);
	assert_int_equal(cgroup_kill(&s->cg, SIGKILL), 0);
	for (int i = 0; i < 6; i++)
		assert_true(waitpid(-1, NULL, 0) > 0);
}

static void test_freeze(void **state)
{
	struct state *s = *state;
	volatile int *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				     -1, 0);
	int seen;
	pid_t pid = fork();

	if (pid == 0)
		for (;; usleep(100))
			++*counter;
	assert_int_equal(add_pid(&s->cg, pid), 0);
	assert_int_equal(cgroup_freeze(&s->cg, true), 0);
	seen = *counter;
	usleep(20000);
	assert_int_equal(*counter, seen);
	assert_int_equal(cgroup_freeze(&s->cg, false), 0);
	usleep(50000);
	assert_true(*counter > seen);
	assert_int_equal(cgroup_kill(&s->cg, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	munmap((void *)counter, 4096);
}

/* What the container made goes too: broad, and deeper than one descriptor a level would allow. */
static void test_remove_below(void **state)
{
	struct state *s = *state;

	for (int i = 0; i < s->cg.n; i++) {
		int fd = openat(s->cg.h[i].dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		for (int depth = 0; depth < 60; depth++) {
			char name[16];
			int next;

			for (int k = 0; depth < 2 && k < 20; k++) {
				snprintf(name, sizeof(name), "side%d", k);
				assert_int_equal(mkdirat(fd, name, 0755), 0);
			}
			assert_int_equal(mkdirat(fd, "deep", 0755), 0);
			next = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			assert_true(next >= 0);
			close(fd);
			fd = next;
		}
		close(fd);
	}
	assert_int_equal(cgroup_remove(&s->cg, path), 0);
	assert_int_equal(cgroup_remove(&s->cg, path), 0);
}

static void test_remove_busy(void **state)
{
	struct state *s = *state;
	pid_t pid = start_child(s, cgroup_v2_fd(&s->cg));

	assert_int_equal(cgroup_remove(&s->cg, path), -EBUSY);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(cgroup_remove(&s->cg, path), 0);
}

static void test_delegate(void **state)
{
	struct state *s = *state;
	struct stat st;

	assert_int_equal(cgroup_delegate(&s->cg, 100000, 100001), 0);
	for (int i = 0; i < s->cg.n; i++) {
		const struct cgroup_hierarchy *h = &s->cg.h[i];

		assert_int_equal(fstat(h->dir_fd, &st), 0);
		assert_int_equal(st.st_uid, 100000);
		assert_int_equal(st.st_gid, 100001);
		assert_int_equal(fstatat(h->dir_fd, "cgroup.procs", &st, 0), 0);
		assert_int_equal(st.st_uid, 100000);
		assert_int_equal(
			fstatat(h->dir_fd, h->v2 ? "cgroup.subtree_control" : "tasks", &st, 0), 0);
		assert_int_equal(st.st_uid, 100000);
		if (cgroup_list_has(h->controllers, "memory")) {
			assert_int_equal(fstatat(h->dir_fd, "memory.limit_in_bytes", &st, 0), 0);
			assert_int_equal(st.st_uid, 0);
		}
		if (h->v2) {
			assert_int_equal(fstatat(h->dir_fd, "cgroup.max.depth", &st, 0), 0);
			assert_int_equal(st.st_uid, 0);
		}
	}
}

/* The shared parent goes with the last container while others are being made. */
static void test_create_remove_race(void **state)
{
	struct state *s = *state;
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] > 0)
			continue;
		for (int k = 0; k < 40; k++) {
			char name[64];
			struct cgroups cg;

			snprintf(name, sizeof(name), "cloister/test-%d-%d", (int)getppid(), i);
			if (cgroup_detect(&cg) < 0 ||
			    cgroup_create(&cg, name, s->what, sizeof(s->what)) < 0 ||
			    cgroup_remove(&cg, name) < 0)
				_exit(1);
			cgroup_free(&cg);
		}
		_exit(0);
	}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static void test_controllers(void **state)
{
	struct state *s = *state;
	bool v2;

	assert_true(has(s, "memory"));
	assert_true(has(s, "freezer"));
	assert_false(has(s, "no-such-thing"));
	assert_int_equal(cgroup_controller_fd(&s->cg, "", &v2), cgroup_v2_fd(&s->cg));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create),	   TEST(test_limits),
		TEST(test_refused_limits), TEST(test_missing_controller),
		TEST(test_enter_and_kill), TEST(test_add_pid),
		TEST(test_kill_below),	   TEST(test_freeze),
		TEST(test_remove_below),   TEST(test_remove_busy),
		TEST(test_delegate),	   TEST(test_create_remove_race),
		TEST(test_controllers),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
