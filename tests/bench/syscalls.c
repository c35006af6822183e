// SPDX-License-Identifier: Apache-2.0
/*
 * syscalls COUNT: what system calls cost that Cloister never intercepts. Prints a line "NAME
 * NANOSECONDS" for each: the median of COUNT batches, so that an interrupt in one of them does not
 * show.
 *
 * syscalls --time PROGRAM ARG...: nanoseconds that PROGRAM takes, its output thrown away. A
 * container's start and end are not in it.
 */
#include "config.h"
#include "timing.h"

#include <err.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 1000
#define FILE  "/etc/passwd"

static int zero_fd, null_fd, pair[2];

/* The C library would answer some of these by itself, or add calls of its own. */
static bool do_getpid(void)
{
	return syscall(SYS_getpid) > 0;
}

static bool do_read(void)
{
	char c;

	return read(zero_fd, &c, 1) == 1;
}

static bool do_write(void)
{
	return write(null_fd, "", 1) == 1;
}

static bool do_open(void)
{
	int fd = open(FILE, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && close(fd) == 0;
}

static bool do_stat(void)
{
	struct stat st;

	return stat(FILE, &st) == 0;
}

static bool do_mmap(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED && munmap(p, 4096) == 0;
}

static bool do_futex(void)
{
	static int word;

	return syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0;
}

static bool do_send(void)
{
	char c = 0;

	return send(pair[0], &c, 1, 0) == 1 && recv(pair[1], &c, 1, 0) == 1;
}

static const struct {
	const char *name;
	bool (*call)(void);
} calls[] = {
	{ "getpid", do_getpid }, { "read", do_read }, { "write", do_write }, { "open", do_open },
	{ "stat", do_stat },	 { "mmap", do_mmap }, { "futex", do_futex }, { "send", do_send },
};

static void measure(const char *name, bool (*call)(void), long *took, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		long start = now();

		for (int n = 0; n < BATCH; n++)
			if (!call())
				err(1, "%s", name);
		took[i] = now() - start;
	}
	printf("%s %.1f\n", name, (double)median(took, count) / BATCH);
}

static int time_program(char **argv)
{
	long start = now();
	pid_t pid = fork();
	int status;

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (fd < 0 || dup2(fd, 1) < 0)
			err(127, "/dev/null");
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "%s: failed with status %#x", argv[0], (unsigned int)status);
	printf("%ld\n", now() - start);
	return 0;
}

int main(int argc, char **argv)
{
	size_t count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	long *took = calloc(count ? count : 1, sizeof(*took));

	if (argc > 2 && !strcmp(argv[1], "--time"))
		return time_program(argv + 2);
	if (!count || !took)
		errx(2, "usage: syscalls COUNT | --time PROGRAM ARG...");
	zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (zero_fd < 0 || null_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		err(1, "/dev/zero, /dev/null, socketpair");
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		measure(calls[i].name, calls[i].call, took, count);
	return 0;
}
