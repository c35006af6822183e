/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers ask of the host's sysctls, while the host writes values of its own: none of these
 * is undone. In a mount namespace with a file in the sysctl's place.
 */
#include "config.h"
#include "lib/fd.h"
#include "lib/proc.h"
#include "lib/sysctl-host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define FILE_PATH "/proc/sys/fs/inotify/max_user_instances"
#define ROUNDS	  20

static int orders[2], done[2];
static bool racing;

ssize_t __real_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset);

/* Only the look right before the write of a shared sysctl is a pread: the host writes just then. */
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	ssize_t n = __real_pread(fd, buf, len, offset);

	if (racing && write(orders[1], "", 1) == 1)
		usleep(3000);
	racing = false;
	return n;
}

/* All values have four digits: a shorter one would leave something of a longer one. */
static int random_value(void)
{
	return 1000 + rand() % 7000;
}

static void put_value(int value)
{
	autofd fd = open(FILE_PATH, O_WRONLY | O_CLOEXEC);
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", value);

	if (fd < 0 || pwrite(fd, text, len, 0) != len)
		_exit(1);
}

static int value_now(void)
{
	char text[16];

	assert_true(fd_read_file_at(AT_FDCWD, FILE_PATH, text, sizeof(text)) > 0);
	return atoi(text);
}

/* A value for each order; told when it is written. */
static void be_the_host(void)
{
	char c;

	close(orders[1]);
	srand(2); /* never the very value that is asked for */
	while (read(orders[0], &c, 1) == 1) {
		int value = random_value();

		put_value(value);
		if (write(done[1], &value, sizeof(value)) != sizeof(value))
			break;
	}
	_exit(0);
}

static int ask(int state, const struct proc_id *self, struct sysctl_store *store)
{
	const struct sysctl *s = sysctl_find(&FILE_PATH[1]);
	char text[16];
	int value = random_value();
	size_t consumed;

	snprintf(text, sizeof(text), "%d", value);
	assert_int_equal(sysctl_store_write(store, s, text, strlen(text), 0, &consumed), 0);
	assert_int_equal(sysctl_host_ask(state, self, store), 0);
	return value;
}

/* The host has what it wrote itself, or what was asked for if that is more; at the end the former.
 */
static void race(int state, const struct proc_id *self)
{
	struct sysctl_store store;
	int own = 1000, asked;

	assert_int_equal(sysctl_store_new(&store), 0);
	for (int i = 0; i < ROUNDS; i++) {
		racing = true;
		asked = ask(state, self, &store);
		if (!racing) /* there was something to write, and to race with */
			assert_int_equal(read(done[0], &own, sizeof(own)), sizeof(own));
		racing = false;
		assert_int_equal(sysctl_host_ask(state, self, &store), 0);
		assert_int_equal(value_now(), own > asked ? own : asked);
	}
	sysctl_store_close(&store);
	assert_int_equal(sysctl_host_end(state, self), 0);
	assert_int_equal(value_now(), own);
}

static int private_file(const char *dir)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/value", dir);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("value", dir, "tmpfs", 0, NULL) < 0)
		return -errno;
	close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	if (mount(path, FILE_PATH, NULL, MS_BIND, NULL) < 0)
		return -errno;
	put_value(1000);
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void values_of_the_host_stay(void **state)
{
	char dir[] = "/tmp/sysctl-host.XXXXXX";
	struct proc_id self;
	int fd, status;
	pid_t host;

	assert_non_null(mkdtemp(dir));
	fd = private_file(dir);
	if (fd == -EPERM) {
		print_message("# not root\n");
		rmdir(dir);
		return;
	}
	assert_true(fd >= 0);
	setenv("CLOISTER_PRIVATE_CLAIMS", "1", 1);
	assert_int_equal(proc_identify(getpid(), &self), 0);
	assert_true(pipe(orders) == 0 && pipe(done) == 0);
	host = fork();
	if (host == 0)
		be_the_host();
	race(fd, &self);
	close(orders[1]);
	assert_int_equal(waitpid(host, &status, 0), host);
	assert_int_equal(status, 0);
	umount2(FILE_PATH, MNT_DETACH);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(values_of_the_host_stay) };

	return cmocka_run_group_tests_name("sysctl-host", tests, NULL, NULL);
}
