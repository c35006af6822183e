// SPDX-License-Identifier: Apache-2.0
/*
 * mediated: arguments that another thread changes or takes away while the warden looks at them, and
 * the limit of what a container can have open.
 */
#include "config.h"
#include "mediated.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Another thread turns a part of the path into a link and back. */
static struct {
	const char *dir, *to;
	_Atomic bool stop;
} turned;

static void *turn_thread(void *arg)
{
	char kept[4096];

	(void)arg;
	snprintf(kept, sizeof(kept), "%s.kept", turned.dir);
	while (!turned.stop) {
		rename(turned.dir, kept);
		symlink(turned.to, turned.dir);
		unlink(turned.dir);
		rename(kept, turned.dir);
	}
	return NULL;
}

static int mknod_turned(char **a)
{
	double until = now_ms() + atof(a[2]);
	char path[4096];
	pthread_t t;
	int n = 0;

	turned.dir = a[0];
	turned.to = a[1];
	if (pthread_create(&t, NULL, turn_thread, NULL))
		return -EAGAIN;
	for (; now_ms() < until && n < 200; n++) {
		snprintf(path, sizeof(path), "%s/dn%d", a[0], n);
		mknod(path, S_IFCHR | 0666, makedev(1, 3));
	}
	turned.stop = true;
	pthread_join(t, NULL);
	return 0;
}

/* Another thread changes type and target while the call is looked at. */
static struct {
	char type[16], target[4096];
	const char *types[2], *targets[2];
	_Atomic bool stop;
} swapped;

static void *swap_thread(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; !swapped.stop; i++) {
		strcpy(swapped.type, swapped.types[i & 1]);
		strcpy(swapped.target, swapped.targets[i >> 1 & 1]);
	}
	return NULL;
}

static int mount_swapped(char **a)
{
	double until = now_ms() + atof(a[3]);
	pthread_t t;
	int n = 0;

	swapped.types[0] = "tmpfs";
	swapped.types[1] = a[0];
	swapped.targets[0] = a[1];
	swapped.targets[1] = a[2];
	if (pthread_create(&t, NULL, swap_thread, NULL))
		return -EAGAIN;
	for (; now_ms() < until && n < 150; n++)
		mount("none", swapped.target, swapped.type, 0, NULL);
	swapped.stop = true;
	pthread_join(t, NULL);
	return 0;
}

/* Arguments that are not there, end with their page, or go away while they are read. */
static struct {
	char *page; /* and one behind it that is not there */
	size_t size;
	_Atomic bool stop;
} shaky;

static void *shake_thread(void *arg)
{
	(void)arg;
	while (!shaky.stop) {
		mprotect(shaky.page, shaky.size, PROT_NONE);
		madvise(shaky.page, shaky.size, MADV_DONTNEED);
		mprotect(shaky.page, shaky.size, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

static void call_all(const char *s, const char *target)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	mount(s, target, s, 0, NULL);
	mount("none", s, "proc", 0, NULL);
	mount("none", target, "proc", 0, s);
	mount(s, s, NULL, 4096 /* MS_BIND */, NULL);
	mount(NULL, s, NULL, 32 | 4096 | 1 /* MS_REMOUNT, MS_BIND, MS_RDONLY */, NULL);
	umount2(s, 0);
	mknod(s, S_IFCHR | 0666, makedev(1, 3));
	mknodat(AT_FDCWD, s, S_IFCHR | 0666, makedev(1, 5));
	syscall(SYS_fsopen, s, 0);
	syscall(SYS_mount_setattr, AT_FDCWD, s, 0, &attr, sizeof(attr));
	syscall(SYS_mount_setattr, AT_FDCWD, target, 0, s, sizeof(attr));
	sysinfo((struct sysinfo *)s);
	syscall(SYS_sched_getaffinity, 0, 128, s);
	while (umount2(target, 2 /* MNT_DETACH */) == 0)
		;
}

static int call_shaky(char **a)
{
	double until = now_ms() + atof(a[1]);
	long page = sysconf(_SC_PAGESIZE), n = 0;
	pthread_t t;

	shaky.size = page;
	shaky.page = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);
	if (shaky.page == MAP_FAILED || munmap(shaky.page + page, page) < 0 ||
	    pthread_create(&t, NULL, shake_thread, NULL))
		return -ENOMEM;
	for (; now_ms() < until; n++) {
		const char *const where[] = { NULL,
					      (char *)8,
					      (char *)-4096,
					      shaky.page,
					      shaky.page + page - 1,
					      shaky.page + page - 5,
					      shaky.page + page,
					      (char *)(1UL << 62) };

		call_all(where[n % (sizeof(where) / sizeof(where[0]))], a[0]);
	}
	shaky.stop = true;
	pthread_join(t, NULL);
	printf("rounds %ld\n", n);
	return 0;
}

/* A view opened again and again, and kept, by as many processes as there may be. */
static int open_views(char **a)
{
	double until = now_ms() + atof(a[0]);

	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			char text[64];

			while (now_ms() < until) {
				int fd = open("/proc/meminfo", O_RDONLY);

				if (fd < 0)
					continue;
				(void)!read(fd, text, sizeof(text));
			}
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}

const struct call mediated_races[] = {
	{ "mount-swapped", mount_swapped, 4, "TYPE TARGET TARGET MILLISECONDS" },
	{ "shaky", call_shaky, 2, "TARGET MILLISECONDS" },
	{ "open-views", open_views, 1, "MILLISECONDS" },
	{ "mknod-turned", mknod_turned, 3, "DIRECTORY LINK-TO MILLISECONDS" },
	{ 0 },
};
