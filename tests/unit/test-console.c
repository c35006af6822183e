/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be relayed to the caller's terminal as the master of a pty from inside, and what not.
 */
#include "config.h"
#include "lib/fd.h"
#include "runtime/console.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void refuse(int fd)
{
	g_autoptr(GError) error = NULL;

	assert_true(fd >= 0);
	assert_false(console_check(fd, &error));
	assert_non_null(error);
	close(fd);
}

static void test_master(void **state)
{
	autofd master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	g_autoptr(GError) error = NULL;

	if (master < 0)
		skip();
	assert_true(console_check(master, &error));
	assert_null(error);
}

/* The other end: whoever writes there writes to whom holds the master. */
static void test_slave(void **state)
{
	autofd master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0)
		skip();
	assert_int_equal(unlockpt(master), 0);
	refuse(open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static void test_others(void **state)
{
	static const char *const paths[] = { "/dev/null", "/dev/zero", "/proc/self/mem",
					     "/",	  "/proc",     "/etc/passwd" };
	int pair[2];

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
		refuse(open(paths[i], O_RDONLY | O_CLOEXEC));
	refuse(open("/dev/pts/ptmx", O_PATH | O_CLOEXEC));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	refuse(pair[0]);
	refuse(pair[1]);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	refuse(pair[0]);
	refuse(pair[1]);
}

static void test_closed(void **state)
{
	g_autoptr(GError) error = NULL;

	assert_false(console_check(-1, &error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_master),
		cmocka_unit_test(test_slave),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
