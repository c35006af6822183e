// SPDX-License-Identifier: Apache-2.0
/*
 * granted: makes the system calls that the settings can grant, by name; see calls.h.
 *
 *	granted [-c CAPABILITY] NAME ARG...
 *
 * -c: without that capability, by number.
 */
#include "config.h"
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* With a priority of SCHED_FIFO become another program. */
static int realtime(char **a)
{
	struct sched_param p = { .sched_priority = atoi(a[0]) };
	int r = result(sched_setscheduler(0, SCHED_FIFO, &p));

	return r < 0 ? r : result(execlp(a[1], a[1], a[2], NULL));
}

/* Linux 6.13; <linux/xattr.h>. */
struct value_args {
	uint64_t value;
	uint32_t size, flags;
};

static int set_at(int dir, const char *path, int at, const char *name, const char *value, int flags)
{
	struct value_args v = { (uintptr_t)value, (uint32_t)strlen(value), (uint32_t)flags };

	return result(syscall(463, dir, path, at, name, &v, sizeof(v)));
}

/* As a 32-bit program does, from memory that it can name. */
static int set32(const char *path, const char *name, const char *value, int flags)
{
	char *low = low_memory(), *low_name = low + 4096, *low_value = low + 6144;

	if (!low)
		return -ENOMEM;
	strcpy(low, path);
	strcpy(low_name, name);
	strcpy(low_value, value);
	return (int)call32(226, (long)low, (long)low_name, (long)low_value, strlen(value), flags);
}

static int set_by_fd(const char *path, int open_flags, const char *name, const char *value,
		     int flags)
{
	int fd = open(path, open_flags | O_CLOEXEC);

	return fd < 0 ? -errno : result(fsetxattr(fd, name, value, strlen(value), flags));
}

/* VARIANT PATH NAME VALUE FLAGS */
static int set_attribute(char **a)
{
	const char *how = a[0], *path = a[1], *name = a[2], *value = a[3];
	int flags = atoi(a[4]), dir;

	if (strcmp(how, "set") == 0)
		return result(setxattr(path, name, value, strlen(value), flags));
	if (strcmp(how, "lset") == 0)
		return result(lsetxattr(path, name, value, strlen(value), flags));
	if (strcmp(how, "fset") == 0)
		return set_by_fd(path, O_RDONLY, name, value, flags);
	if (strcmp(how, "fset-path") == 0)
		return set_by_fd(path, O_PATH, name, value, flags);
	if (strcmp(how, "set32") == 0)
		return set32(path, name, value, flags);
	if (strcmp(how, "at") == 0)
		return set_at(AT_FDCWD, path, 0, name, value, flags);
	if (strcmp(how, "at-link") == 0)
		return set_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, name, value, flags);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (strcmp(how, "at-open") == 0)
		return set_at(dir, "", AT_EMPTY_PATH, name, value, flags);
	return strcmp(how, "at-beneath") == 0 ? set_at(dir, "sub", 0, name, value, flags) : -EINVAL;
}

/* DIRECTORY LINK MILLISECONDS: set it on DIRECTORY while that and LINK change names. */
static int set_turned(char **a)
{
	double until = now_ms() + atof(a[2]);
	pid_t pid = fork();
	int set = 0;

	while (pid == 0)
		syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], 2 /* RENAME_EXCHANGE */);
	for (; now_ms() < until;)
		set += setxattr(a[0], "trusted.overlay.opaque", "y", 1, 0) == 0;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("set %d\n", set);
	return 0;
}

static int swap_on(char **a)
{
	return result(swapon(a[0], 0));
}

static int swap_off(char **a)
{
	return result(swapoff(a[0]));
}

/* For so many milliseconds, as quick as can be. */
static int swap_turned(char **a)
{
	double until = now_ms() + atof(a[1]);

	while (now_ms() < until) {
		swapoff(a[0]);
		swapon(a[0], 0);
	}
	return 0;
}

/* As much memory in use until standard input ends. */
static int hold(char **a)
{
	size_t size = (size_t)atoi(a[0]) << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     byte;

	if (p == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < size; i += 4096)
		p[i] = (char)(i >> 12) | 1;
	printf("held\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

static const struct call calls[] = {
	{ "realtime", realtime, 3, "PRIORITY PROGRAM ARGUMENT" },
	{ "swapon", swap_on, 1, "PATH" },
	{ "swapoff", swap_off, 1, "PATH" },
	{ "swap-turned", swap_turned, 2, "PATH MILLISECONDS" },
	{ "hold", hold, 1, "MIB" },
	{ "setxattr", set_attribute, 5, "VARIANT PATH NAME VALUE FLAGS" },
	{ "setxattr-turned", set_turned, 3, "DIRECTORY LINK MILLISECONDS" },
	{ 0 },
};

int main(int argc, char **argv)
{
	static const struct call *const tables[] = { calls, NULL };

	if (argc > 3 && strcmp(argv[1], "-c") == 0) {
		if (drop_capability(atoi(argv[2])) < 0)
			return 2;
		argc -= 2;
		argv += 2;
	}
	return run_calls(tables, argc, argv);
}
