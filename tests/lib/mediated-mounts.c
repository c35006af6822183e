// SPDX-License-Identifier: Apache-2.0
/*
 * mediated: mount(2), umount2(2), fsopen(2), mount_setattr(2) and open_tree_attr(2).
 */
#include "config.h"
#include "mediated.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_fs(char **a)
{
	return result(syscall(SYS_fsopen, a[0], 0));
}

static int set_readonly(char **a)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return result(syscall(SYS_mount_setattr, AT_FDCWD, a[0], 0, &attr, sizeof(attr)));
}

/* The same by what Linux 6.15 has for it. */
static int tree_attr_readonly(char **a)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return result(syscall(467 /* open_tree_attr */, AT_FDCWD, a[0], 0, &attr, sizeof(attr)));
}

/* By the descriptor of a detached clone, which is then attached: as crun does. */
static int clone_readonly(char **a)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, a[0],
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0)
		return -errno;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return result(syscall(SYS_move_mount, fd, "", AT_FDCWD, a[1], MOVE_MOUNT_F_EMPTY_PATH));
}

static int count_mounts(const char *target)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[8192], point[4096];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %*s %*s %4095s", point) == 1 &&
		    strcmp(point, target) == 0)
			n++;
	if (f)
		fclose(f);
	return n;
}

static const struct itimerval often = { { 0, 300 }, { 0, 300 } }, never;
static volatile int storm_left; /* signals until it is over; 0: it goes on */

static void on_signal(int sig)
{
	(void)sig;
	if (storm_left > 0 && --storm_left == 0)
		setitimer(ITIMER_REAL, &never, NULL);
}

/* What a signal left behind is taken back soon. Return: whether there are @want mounts. */
static bool settles(const char *target, int want, bool patient)
{
	for (int ms = 0; patient && ms < 3000 && count_mounts(target) != want; ms += 5)
		usleep(5000);
	return count_mounts(target) == want;
}

/* One mount under a storm of signals, of so many or (0) until it is made, makes one mount. */
static int mount_storm(char **a)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int rounds = atoi(a[2]), r;

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < rounds; i++) {
		storm_left = atoi(a[3]);
		setitimer(ITIMER_REAL, &often, NULL);
		do {
			r = result(mount(a[0], a[1], a[0], 0, NULL));
		} while (r == -EINTR);
		setitimer(ITIMER_REAL, &never, NULL);
		if (r == 0 && !settles(a[1], 1, atoi(a[3]))) {
			printf("%d mounts\n", count_mounts(a[1]));
			return -EEXIST;
		}
		if (r == 0)
			r = result(umount2(a[1], 0));
		if (r < 0)
			return r;
	}
	return settles(a[1], 0, atoi(a[3])) ? 0 : -EEXIST;
}

static void mount_and_unmount(char **a)
{
	mount(a[0], a[1], a[0], 0, NULL);
	umount2(a[1], 0);
}

static int mount_killed(char **a)
{
	return kill_children(mount_and_unmount, a, atof(a[2]), 10000);
}

/* Mount and unmount for so long; each time there is one, and then none. */
static int load(char **a, unsigned long flags)
{
	double until = now_ms() + atof(a[2]);
	int rounds = 0;

	for (; now_ms() < until; rounds++) {
		int r = result(mount(a[0], a[1], a[0], flags, NULL));

		if (r < 0 || count_mounts(a[1]) != 1) {
			printf("round %d: %s, %d mounts\n", rounds, strerror(-r),
			       count_mounts(a[1]));
			return r < 0 ? r : -EEXIST;
		}
		r = result(umount2(a[1], 0));
		if (r < 0 || count_mounts(a[1]) != 0) {
			printf("round %d: unmount: %s\n", rounds, strerror(-r));
			return r < 0 ? r : -EEXIST;
		}
	}
	printf("rounds %d\n", rounds);
	return 0;
}

static int mount_load(char **a)
{
	return load(a, 0);
}

/* A procfs that is read-only is none of those that are clones of one: it is made anew. */
static int mount_load_anew(char **a)
{
	return load(a, MS_RDONLY);
}

/* So many callers at once, of whom none comes back before the others. */
static int flood(char **a)
{
	int n = atoi(a[0]), status, bad = 0;
	struct sysinfo si;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			_exit(sysinfo(&si) < 0 || si.totalram == 0);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	printf("bad %d\n", bad);
	return bad ? -EIO : 0;
}

const struct call mediated_mounts[] = {
	{ "fsopen", open_fs, 1, "TYPE" },
	{ "set-readonly", set_readonly, 1, "PATH" },
	{ "tree-attr-readonly", tree_attr_readonly, 1, "PATH" },
	{ "clone-readonly", clone_readonly, 2, "FROM TO" },
	{ "mount-storm", mount_storm, 4, "TYPE TARGET ROUNDS SIGNALS" },
	{ "mount-killed", mount_killed, 3, "TYPE TARGET MILLISECONDS" },
	{ "flood", flood, 1, "CALLERS" },
	{ "mount-load", mount_load, 3, "TYPE TARGET MILLISECONDS" },
	{ "mount-load-anew", mount_load_anew, 3, "TYPE TARGET MILLISECONDS" },
	{ 0 },
};
