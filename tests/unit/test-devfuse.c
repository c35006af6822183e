/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/devfuse: a request that is there is taken at once, and one that comes late is slept for.
 * lib/fuseconn: a container's connections are found by a process that is still there.
 */
#include "config.h"
#include "lib/devfuse.h"
#include "lib/fuseconn.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ms; what a machine that does other things as well may add to it does not matter here */
#define LATE 200

static long thread_cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *write_late(void *arg)
{
	const struct timespec wait = { .tv_nsec = LATE * 1000000L };

	nanosleep(&wait, NULL);
	assert_int_equal(write(*(int *)arg, "late", 4), 4);
	return NULL;
}

static void test_there_already(void **state)
{
	uint64_t waited = UINT64_MAX;
	char buf[8];
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(devfuse_prepare(p[0]), 0);
	assert_true(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(write(p[1], "now", 3), 3);
	assert_int_equal(devfuse_read(p[0], buf, sizeof(buf), &waited), 3);
	assert_true(waited != UINT64_MAX);
	close(p[0]);
	close(p[1]);
}

static void test_sleeps(void **state)
{
	pthread_t writer;
	uint64_t waited;
	char buf[8];
	long cpu;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(devfuse_prepare(p[0]), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_late, &p[1]), 0);
	cpu = thread_cpu_ms();
	assert_int_equal(devfuse_read(p[0], buf, sizeof(buf), &waited), 4);
	assert_true(thread_cpu_ms() - cpu < LATE / 4);
	assert_true(waited > LATE / 2 * 1000000u);
	pthread_join(writer, NULL);
	close(p[0]);
	close(p[1]);
}

static void test_no_connection(void **state)
{
	uint64_t waited;
	char buf[8];

	assert_int_equal(devfuse_prepare(-1), -EBADF);
	assert_int_equal(devfuse_read(-1, buf, sizeof(buf), &waited), -EBADF);
}

/* Somebody else may have its pid by now. */
static void test_of_who_has_ended(void **state)
{
	pid_t pid = fork();
	siginfo_t info;
	int pidfd;

	while (pid == 0)
		pause();
	assert_true(pid > 0);
	pidfd = sys_pidfd_open(pid);
	assert_true(pidfd >= 0);
	assert_int_not_equal(fuseconn_abort(getpid(), pidfd), -ESRCH);
	assert_int_equal(sys_pidfd_send_signal(pidfd, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED), 0);
	assert_int_equal(fuseconn_abort(getpid(), pidfd), -ESRCH);
	close(pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_already),
		cmocka_unit_test(test_sleeps),
		cmocka_unit_test(test_no_connection),
		cmocka_unit_test(test_of_who_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
