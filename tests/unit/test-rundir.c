/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state root: names, records, the lock that outlives processes, removal; and naming processes.
 */
#include "config.h"
#include "lib/claims.h"
#include "lib/fd.h"
#include "lib/proc.h"
#include "lib/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/cloister-rundir.XXXXXX";
static int root = -1;

static int set_up(void **state)
{
	strcpy(strrchr(dir, '.') + 1, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	root = rundir_open(dir);
	return root < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	unlinkat(root, ".claims/.lock", 0);
	unlinkat(root, ".claims", AT_REMOVEDIR);
	unlinkat(root, ".lock", 0);
	close(root);
	return rmdir(dir);
}

static void names_cannot_leave_the_directory(void **state)
{
	char longest[RUNDIR_ID_MAX + 2];

	assert_true(rundir_valid_id("web-1.a_b+c"));
	assert_false(rundir_valid_id(""));
	assert_false(rundir_valid_id("."));
	assert_false(rundir_valid_id(".."));
	assert_false(rundir_valid_id(".hidden"));
	assert_false(rundir_valid_id("a/b"));
	assert_false(rundir_valid_id("a\nb"));
	memset(longest, 'a', sizeof(longest));
	longest[RUNDIR_ID_MAX] = '\0';
	assert_true(rundir_valid_id(longest));
	longest[RUNDIR_ID_MAX] = 'a';
	longest[RUNDIR_ID_MAX + 1] = '\0';
	assert_false(rundir_valid_id(longest));
}

static void a_root_that_others_can_write_is_refused(void **state)
{
	assert_int_equal(fchmod(root, 0777), 0);
	assert_int_equal(rundir_open(dir), -EPERM);
	assert_int_equal(fchmod(root, 0700), 0);
}

static void a_new_root_is_for_its_owner_alone(void **state)
{
	static const char *const names[] = { "new", "new/", "parent/new//" };
	char path[64];
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		fd = rundir_open(path);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
		close(fd);
		assert_int_equal(rmdir(path), 0);
	}
	assert_int_equal(unlinkat(root, "parent", AT_REMOVEDIR), 0);
}

static void records_are_read_as_written(void **state)
{
	struct rundir_record in = { .init = { 12, 345 },
				    .launcher = { 67, 89 },
				    .auto_remove = true,
				    .cgroup = " a/b c\td\xff/ ",
				    .helpers_cgroup = "cloister-helpers-a.1",
				    .scope = "docker-1.scope" };
	struct rundir_record out;
	int alive, fd = rundir_create(root, "a", &alive);

	assert_true(fd >= 0);
	assert_int_equal(rundir_write_record(fd, &in), 0);
	assert_int_equal(rundir_read_record(fd, &out), 0);
	assert_memory_equal(&in.init, &out.init, sizeof(in.init));
	assert_memory_equal(&in.launcher, &out.launcher, sizeof(in.launcher));
	assert_true(out.auto_remove);
	assert_string_equal(in.cgroup, out.cgroup);
	assert_string_equal(in.helpers_cgroup, out.helpers_cgroup);
	assert_string_equal(in.scope, out.scope);
	assert_false(out.cgroup_own);
	assert_int_equal(rundir_own_cgroup(fd), 0);
	assert_int_equal(rundir_read_record(fd, &out), 0);
	assert_true(out.cgroup_own);
	assert_string_equal(in.scope, out.scope);
	memset(in.cgroup, 'x', sizeof(in.cgroup) - 1);
	in.scope[0] = '\0';
	assert_int_equal(rundir_write_record(fd, &in), 0);
	assert_int_equal(rundir_read_record(fd, &out), 0);
	assert_int_equal(strlen(out.cgroup), RUNDIR_CGROUP_MAX - 1);
	assert_string_equal(in.cgroup, out.cgroup);
	assert_string_equal(out.scope, "");
	in.cgroup[7] = '\n';
	assert_int_equal(rundir_write_record(fd, &in), -EINVAL);
	assert_int_equal(fd_replace_file_at(fd, "record", "init x", 6, 0600), 0);
	assert_true(rundir_read_record(fd, &out) < 0);
	assert_int_equal(rundir_own_cgroup(fd), -EINVAL);
	close(fd);
	close(alive);
	assert_int_equal(rundir_remove(root, "a"), 0);
}

static void a_container_is_orphaned_when_the_last_holder_dies(void **state)
{
	int alive, fd = rundir_create(root, "b", &alive);
	int pipefd[2];
	pid_t child;

	assert_true(fd >= 0);
	assert_int_equal(rundir_create(root, "b", &alive), -EEXIST);
	assert_int_equal(pipe(pipefd), 0);
	child = fork();
	if (child == 0) {
		char c;

		close(pipefd[1]);
		_exit(read(pipefd[0], &c, 1) != 0);
	}
	close(alive);
	assert_false(rundir_orphaned(fd)); /* the child still has it */
	close(pipefd[1]);
	waitpid(child, NULL, 0);
	assert_true(rundir_orphaned(fd));
	close(pipefd[0]);
	close(fd);
	assert_int_equal(rundir_remove(root, "b"), 0);
	assert_int_equal(rundir_enter(root, "b"), -ENOENT);
}

/* An engine gives runc, which has no "alive", the same state root. */
static void a_directory_of_another_runtime_is_nobodys_orphan(void **state)
{
	int fd, alive, ours;

	assert_int_equal(mkdirat(root, "theirs", 0711), 0);
	fd = rundir_enter(root, "theirs");
	assert_true(fd >= 0);
	assert_false(rundir_is_ours(fd));
	assert_false(rundir_orphaned(fd));
	assert_int_equal(rundir_create(root, "theirs", &alive), -EEXIST);
	assert_int_equal(faccessat(root, ".new", F_OK, 0), -1);
	close(fd);
	assert_int_equal(unlinkat(root, "theirs", AT_REMOVEDIR), 0);
	/* Who died while he made or removed one stops nobody. */
	assert_int_equal(mkdirat(root, ".new", 0700), 0);
	assert_int_equal(mkdirat(root, ".old", 0700), 0);
	assert_int_equal(mkdirat(root, ".old/sub", 0700), 0);
	ours = rundir_create(root, "ours", &alive);
	assert_true(ours >= 0);
	assert_true(rundir_is_ours(ours));
	close(ours);
	close(alive);
	assert_int_equal(rundir_remove(root, "ours"), 0);
	assert_int_equal(faccessat(root, ".old", F_OK, 0), -1);
}

static void a_process_is_not_its_successor(void **state)
{
	struct proc_id id;
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(proc_identify(child, &id), 0);
	assert_true(proc_alive(&id));
	id.start++;
	assert_false(proc_alive(&id));
	assert_int_equal(proc_kill(&id, SIGKILL), -ESRCH);
	id.start--;
	assert_int_equal(proc_kill(&id, SIGKILL), 0);
	waitpid(child, NULL, 0);
	assert_false(proc_alive(&id));
}

static void *sleep_on(void *arg)
{
	pause();
	return arg;
}

/* "Z", though a thread runs on */
static bool leader_has_left(pid_t pid)
{
	char path[32], buf[1024], *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_file_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return false;
	end = strrchr(buf, ')');
	return end && end[1] && end[2] == 'Z';
}

static void a_process_ends_with_its_last_thread(void **state)
{
	struct proc_id id;
	siginfo_t info;
	pthread_t other;
	pid_t child = fork();

	if (child == 0) {
		if (pthread_create(&other, NULL, sleep_on, NULL) == 0)
			syscall(SYS_exit, 0);
		_exit(1);
	}
	assert_int_equal(proc_identify(child, &id), 0);
	for (int ms = 0; ms < 10000 && !leader_has_left(child); ms++)
		usleep(1000);
	assert_true(leader_has_left(child));
	assert_false(proc_ending(&id));
	kill(child, SIGKILL);
	assert_int_equal(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
	assert_true(proc_ending(&id));
	waitpid(child, NULL, 0);
	assert_true(proc_ending(&id));
	assert_int_equal(proc_identify(getpid(), &id), 0);
	assert_false(proc_ending(&id));
	id.start++;
	assert_true(proc_ending(&id));
}

static void whole_files_or_an_error(void **state)
{
	char buf[8];

	assert_int_equal(fd_replace_file_at(root, "f", "12345678", 8, 0600), 0);
	assert_int_equal(fd_read_file_at(root, "f", buf, sizeof(buf)), -EFBIG);
	assert_int_equal(fd_replace_file_at(root, "f", "1234\n", 5, 0600), 0);
	assert_int_equal(fd_read_file_at(root, "f", buf, sizeof(buf)), 4);
	assert_string_equal(buf, "1234");
	unlinkat(root, "f", 0);
}

static void a_file_is_nobody_elses(void **state)
{
	char tmp[32];
	struct stat st;

	/* what others may have put into a directory that they can write to */
	snprintf(tmp, sizeof(tmp), ".f.%d", (int)getpid());
	assert_int_equal(mkfifoat(root, tmp, 0666), 0);
	autofd theirs = openat(root, tmp, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(theirs >= 0);
	assert_int_equal(fd_replace_file_at(root, "f", "1234", 4, 0600), 0);
	assert_int_equal(fstatat(root, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 4);
	unlinkat(root, "f", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_cannot_leave_the_directory),
		cmocka_unit_test_setup_teardown(a_root_that_others_can_write_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_new_root_is_for_its_owner_alone, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(records_are_read_as_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_container_is_orphaned_when_the_last_holder_dies,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_directory_of_another_runtime_is_nobodys_orphan,
						set_up, tear_down),
		cmocka_unit_test(a_process_is_not_its_successor),
		cmocka_unit_test(a_process_ends_with_its_last_thread),
		cmocka_unit_test_setup_teardown(whole_files_or_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_is_nobody_elses, set_up, tear_down),
	};

	setenv("CLOISTER_PRIVATE_CLAIMS", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
