/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack: memory and files that never answer, since the server of their file system (fusetrap)
 * does not: whoever looks at them sleeps, and no signal ends that.
 */
#include "config.h"
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLEEP_FOREVER                                                                              \
	for (;;)                                                                                   \
	pause()

static void *trapped_page(const char *file, void *where)
{
	int fd = open(file, O_RDWR);
	void *page = fd < 0 ? MAP_FAILED
			    : mmap(where, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED | (where ? MAP_FIXED : 0), fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

static int in_processes(int n, void (*fn)(const char *file), const char *file)
{
	for (int i = 0; i < n; i++)
		if (fork() == 0) {
			fn(file);
			perror(file);
			_exit(1);
		}
	puts("trapped");
	fflush(stdout);
	SLEEP_FOREVER;
	return 0;
}

static void mount_from(const char *file)
{
	const char *page = trapped_page(file, NULL);

	mount(page, page, page, 0, page);
}

static void node_from(const char *file)
{
	mknod(trapped_page(file, NULL), S_IFCHR | 0666, 0x103);
}

/* The call's answer is what never gets there. */
static void sysinfo_to(const char *file)
{
	syscall(SYS_sysinfo, trapped_page(file, NULL));
}

/* Whoever takes the descriptor has to close it. */
static void take_file(const char *file)
{
	syscall(432 /* SYS_fsmount */, open(file, O_RDWR), 0, 0);
}

static int mount_trapped(char **a)
{
	return in_processes(atoi(a[1]), mount_from, a[0]);
}

static int node_trapped(char **a)
{
	return in_processes(atoi(a[1]), node_from, a[0]);
}

static int sysinfo_trapped(char **a)
{
	return in_processes(atoi(a[1]), sysinfo_to, a[0]);
}

static int take_trapped(char **a)
{
	return in_processes(atoi(a[1]), take_file, a[0]);
}

/* The lock of a directory: it is listed into memory that never comes. */
static int hold_directory(char **a)
{
	void *page = trapped_page(a[0], NULL);
	int dir = open(a[1], O_RDONLY | O_DIRECTORY);

	if (!page || dir < 0)
		return -errno;
	puts("trapped");
	fflush(stdout);
	return result(syscall(SYS_getdents64, dir, page, 4096));
}

/* Whoever opens that waits until we let go of it, or for fs.lease-break-time. */
static int lease(char **a)
{
	int fd = open(a[0], O_RDWR);

	signal(SIGIO, SIG_IGN);
	if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return -errno;
	puts("leased");
	fflush(stdout);
	SLEEP_FOREVER;
	return 0;
}

static void *wait_here(void *arg)
{
	void **trap = arg;

	if (!trapped_page(trap[0], trap[1]))
		perror("trap");
	else
		puts("trapped");
	fflush(stdout);
	SLEEP_FOREVER;
	return NULL;
}

/* The page where our arguments are: /proc/PID/cmdline, which `ps` reads. */
static int name_trapped(char **a)
{
	static void *trap[2];
	static char file[4096];
	pthread_t thread;

	snprintf(file, sizeof(file), "%s", a[0]);
	trap[0] = file;
	trap[1] = (void *)((uintptr_t)a[0] & ~4095UL);
	/* Our stack may be in that page. */
	if (pthread_create(&thread, NULL, wait_here, trap) != 0)
		return -EAGAIN;
	SLEEP_FOREVER;
	return 0;
}

const struct call attack_traps[] = {
	{ "mount-trapped", mount_trapped, 2, "FILE N" },
	{ "node-trapped", node_trapped, 2, "FILE N" },
	{ "sysinfo-trapped", sysinfo_trapped, 2, "FILE N" },
	{ "take-trapped", take_trapped, 2, "FILE N" },
	{ "hold-directory", hold_directory, 2, "FILE DIRECTORY" },
	{ "lease", lease, 1, "FILE" },
	{ "name-trapped", name_trapped, 1, "FILE" },
	{ 0 },
};
