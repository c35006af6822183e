// SPDX-License-Identifier: Apache-2.0
/*
 * mount-fuzz: random calls about mounts, namespaces, roots, nodes and attributes, from inside a
 * container, as root with all capabilities.
 *
 *	mount-fuzz SEED CHILDREN CALLS
 *
 * For each line on standard input a round: so many children make so many calls each, then wait as
 * they are, in whatever namespaces they have got to, so that somebody can look at them; "ready" is
 * written, and the next line ends them. Everything follows from the seed.
 */
#define _GNU_SOURCE
#include "config.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in glibc 2.36. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);
int umount2(const char *target, int flags);

#define N(array)	(sizeof(array) / sizeof((array)[0]))
#define FDS		8
#define CHILD_SECONDS	20
#define DEPTH_MAX	3
#define PICK(array)	((array)[pick(N(array))])
#define OWN(dirs, name) "/fz/" dirs "/" name

static uint64_t state;
static int fds[FDS];
static int depth;

static unsigned int pick(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(state >> 33) % n;
}

static const char *const paths[] = {
	"/",
	"/proc",
	"/proc/sys",
	"/proc/uptime",
	"/proc/meminfo",
	"/sys",
	"/dev",
	"/proc/sys/kernel",
	"/proc/1/root",
	"/proc/self/root",
	"/fz/a",
	"/fz/b",
	"/fz/c",
	"/fz/a/d",
	"/fz/b/proc",
	"/fz/file",
	"/fz/link",
	".",
	"..",
	"/fz/a/uptime",
	"/fz/a/proc",
	"/fz/c/sys",
	"/dev/null",
	"/proc/self/fd/5",
	"/sys/devices/system/cpu",
	"/proc/1/cwd",
	"/fz/a/sys",
	"/proc/self/cwd",
	"/proc/stat",
	"/proc/thread-self/fd/6",
};
/* What files may be made, renamed and removed of: nothing that the test needs. */
static const char *const own[] = { OWN("a", "x"), OWN("b", "x"), OWN("c", "x"),
				   OWN("a", "y"), "/fz/a",	 "/fz/b",
				   "/fz/c",	  "/fz/link",	 "/fz/file" };
static const char *const types[] = { "proc",   "sysfs",	 "tmpfs",      "overlay",
				     "devpts", "mqueue", "ramfs",      "cgroup2",
				     "cgroup", "proc",	 "binfmt_misc" };
static const char *const options[] = {
	NULL,
	"",
	"ro",
	"hidepid=2",
	"subset=pid",
	"subset=,",
	"size=4k",
	"gid=0",
	"newinstance",
	"pidns=/proc/1/ns/pid",
	"lowerdir=/proc,upperdir=/fz/a,workdir=/fz/b",
	"lowerdir=/,upperdir=/fz/a,workdir=/fz/b",
	"hidepid=\"1,gid=0\"",
};

static const char *path(void)
{
	return PICK(paths);
}

static int fd(void)
{
	return pick(6) ? fds[pick(FDS)] : (int)pick(12) - 2;
}

static void keep(long got)
{
	unsigned int i = pick(FDS);

	if (got < 0)
		return;
	if (fds[i] >= 0)
		close(fds[i]);
	fds[i] = (int)got;
}

static unsigned long flags(void)
{
	static const unsigned long bits[] = {
		1 /* RDONLY */, 2,	 4,	  8,	   32 /* REMOUNT */, 4096 /* BIND */, 8192,
		16384,		1 << 17, 1 << 18, 1 << 19, 1 << 20,	     1 << 21
	};
	unsigned long f = 0;

	for (unsigned int n = pick(4); n; n--)
		f |= PICK(bits);
	return f;
}

static void call_mount(void)
{
	mount("none", path(), PICK(types), pick(3) ? 0 : flags(), PICK(options));
}

static void call_bind(void)
{
	mount(path(), path(), NULL, 4096 | (pick(4) ? 0 : 16384) | (pick(4) ? 0 : flags()), NULL);
}

static void call_remount(void)
{
	mount(NULL, path(), NULL, 32 | (pick(3) ? 4096 : 0) | (flags() & 31), PICK(options));
}

static void call_move(void)
{
	mount(path(), path(), NULL, 8192, NULL);
}

static void call_propagation(void)
{
	mount(NULL, path(), NULL, (1UL << (17 + pick(4))) | (pick(2) ? 16384 : 0), NULL);
}

static void call_umount(void)
{
	static const int how[] = { 0, 0, 2 /* DETACH */, 4 /* EXPIRE */, 8, 10, 1 };

	umount2(path(), PICK(how));
}

static void call_open_tree(void)
{
	keep(syscall(SYS_open_tree, pick(3) ? AT_FDCWD : fd(), pick(5) ? path() : "",
		     pick(2) | (pick(2) ? AT_RECURSIVE : 0) | AT_EMPTY_PATH | OPEN_TREE_CLOEXEC));
}

static void call_move_mount(void)
{
	syscall(SYS_move_mount, fd(), pick(4) ? "" : path(), pick(2) ? AT_FDCWD : fd(),
		pick(3) ? path() : "", 4 | 0x40 | (pick(8) ? 0 : pick(0x400)));
}

/* What takes several calls in a row to come about. */
static void call_new_mount(void)
{
	int fs = (int)syscall(SYS_fsopen, PICK(types), 1);

	if (pick(3) == 0)
		syscall(SYS_fsconfig, fs, 1, pick(2) ? "subset" : "hidepid", pick(2) ? "pid" : "2",
			0);
	syscall(SYS_fsconfig, fs, 6 /* CREATE */, NULL, NULL, 0);
	keep(syscall(SYS_fsmount, fs, 1, pick(16)));
	keep(fs);
}

static void call_fs(void)
{
	switch (pick(6)) {
	case 4:
	case 5:
		call_new_mount();
		break;
	case 0:
		keep(syscall(SYS_fsopen, PICK(types), pick(2)));
		break;
	case 1:
		keep(syscall(SYS_fspick, AT_FDCWD, path(), 1));
		break;
	case 2:
		syscall(SYS_fsconfig, fd(), pick(9), pick(2) ? "hidepid" : "pidns",
			pick(2) ? "2" : NULL, pick(2) ? 0 : fd());
		break;
	default:
		keep(syscall(SYS_fsmount, fd(), 1, pick(16)));
	}
}

static void call_setattr(void)
{
	struct mount_attr attr = { .attr_set = pick(2) ? pick(16) : 0,
				   .attr_clr = pick(2) ? pick(16) : 0,
				   .propagation = pick(6) ? 0 : 1UL << (17 + pick(4)) };

	if (!pick(8)) {
		attr.attr_set |= 0x00100000; /* IDMAP */
		attr.userns_fd = fd();
	}
	syscall(SYS_mount_setattr, pick(2) ? AT_FDCWD : fd(), pick(4) ? path() : "",
		AT_EMPTY_PATH | (pick(2) ? AT_RECURSIVE : 0), &attr, sizeof(attr));
}

static void call_namespaces(void)
{
	static const char *const ns[] = { "/proc/1/ns/mnt",	"/proc/self/ns/mnt",
					  "/proc/1/ns/user",	"/proc/self/ns/pid",
					  "/proc/1/ns/pid",	"/proc/1/ns/net",
					  "/proc/self/ns/user", "/proc/1/ns/cgroup" };
	static const int kinds[] = { CLONE_NEWNS,  CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
				     CLONE_NEWIPC, CLONE_NEWNS,	  CLONE_FS,	CLONE_NEWUSER };

	switch (pick(3)) {
	case 0:
		keep(open(PICK(ns), O_RDONLY | O_CLOEXEC));
		break;
	case 1:
		setns(fd(), pick(2) ? 0 : PICK(kinds));
		break;
	default:
		unshare(PICK(kinds) | (pick(2) ? PICK(kinds) : 0));
	}
}

static void call_root(void)
{
	switch (pick(5)) {
	case 0:
		syscall(SYS_pivot_root, path(), path());
		break;
	case 1:
		if (chroot(path()) == 0 && pick(2) && chdir("/") < 0)
			break;
		break;
	case 2:
		if (fchdir(fd()) < 0)
			break;
		break;
	default:
		if (chdir(path()) < 0)
			break;
	}
}

static void call_mknod(void)
{
	const dev_t devs[] = { makedev(1, 3), makedev(1, 1), makedev(5, 1),  makedev(10, 229),
			       makedev(8, 0), makedev(5, 2), makedev(1, 11), makedev(1, 5) };

	mknodat(pick(2) ? AT_FDCWD : fd(), PICK(own), (pick(5) ? S_IFCHR : S_IFBLK) | pick(07777),
		PICK(devs));
}

static void call_xattr(void)
{
	static const char *const names[] = { "trusted.overlay.opaque", "user.x",
					     "security.capability", "trusted.overlay.redirect" };

	if (pick(2))
		setxattr(PICK(own), PICK(names), "y", 1, 0);
	else
		removexattr(PICK(own), PICK(names));
}

static void call_files(void)
{
	switch (pick(6)) {
	case 0:
		if (rename(PICK(own), PICK(own)) < 0)
			break;
		break;
	case 1:
		unlink(PICK(own));
		break;
	case 2:
		mkdir(PICK(own), 0755);
		break;
	case 3:
		if (symlink(path(), PICK(own)) < 0)
			break;
		break;
	case 4:
		keep(openat(pick(2) ? AT_FDCWD : fd(), path(),
			    (pick(2) ? O_PATH : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
		break;
	default:
		link(PICK(own), PICK(own));
	}
}

/* Into whatever lies there now: the container's own, or nothing. */
static void call_write(void)
{
	static const char *const files[] = {
		"/proc/sys/kernel/panic",	"/fz/a/sys/kernel/panic",
		"/fz/a/kernel/panic",		"/proc/sys/vm/swappiness",
		"/fz/b/proc/sys/vm/swappiness", "sys/kernel/panic",
		"/proc/sys/kernel/threads-max", "kernel/panic",
	};
	int f = openat(pick(2) ? AT_FDCWD : fd(), PICK(files), O_WRONLY | O_CLOEXEC | O_NONBLOCK);

	if (f < 0)
		return;
	if (write(f, "77\n", 3) < 0)
		(void)0;
	close(f);
}

static void call_fork(void);

static void (*const all[])(void) = {
	call_mount,   call_mount,      call_bind,   call_bind,	call_remount,	  call_move,
	call_umount,  call_umount,     call_umount, call_fs,	call_open_tree,	  call_move_mount,
	call_setattr, call_namespaces, call_root,   call_mknod, call_propagation, call_xattr,
	call_files,   call_files,      call_write,  call_fork,	call_open_tree,	  call_move_mount,
};

static void run(unsigned int calls)
{
	for (unsigned int i = 0; i < calls; i++)
		PICK(all)();
}

/* A child is in the pid namespace that was unshared. */
static void call_fork(void)
{
	pid_t pid;

	if (depth == DEPTH_MAX)
		return;
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS / 2);
		depth++;
		run(20);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void child(uint64_t seed, unsigned int calls, int done)
{
	if (fork() != 0)
		return;
	alarm(CHILD_SECONDS);
	state = seed;
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
	/* Some share a mount namespace, most have their own. */
	if (pick(3))
		unshare(CLONE_NEWNS | (pick(3) ? 0 : CLONE_NEWUSER));
	run(calls);
	if (write(done, "d", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* Mounts are the container's memory: who makes too many goes for it, not the container's PID 1. */
static void die_first(void)
{
	int f = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (f < 0 || write(f, "1000", 4) != 4)
		_exit(1);
	close(f);
}

/* What a round does to its mount namespace the next does not find. */
static pid_t lead(uint64_t seed, int n, unsigned int calls, int done)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setsid();
	die_first();
	if (unshare(CLONE_NEWNS) < 0)
		_exit(1);
	for (int i = 0; i < n; i++)
		child(seed * 1000003 + i, calls, done);
	_exit(0);
}

int main(int argc, char **argv)
{
	char line[64], byte;
	uint64_t seed = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
	int n = argc == 4 ? atoi(argv[2]) : 0;

	if (n < 1 || n > 64) {
		fprintf(stderr, "mount-fuzz SEED CHILDREN CALLS\n");
		return 2;
	}
	/* Whoever loses its parent is ours to wait for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	for (; fgets(line, sizeof(line), stdin); seed++) {
		int done[2], left = n;
		pid_t leader;

		if (pipe2(done, O_CLOEXEC) < 0)
			return 1;
		leader = lead(seed, n, atoi(argv[3]), done[1]);
		close(done[1]);
		/* Of one that dies nothing comes; the end of all is an end, too. */
		while (left > 0 && read(done[0], &byte, 1) == 1)
			left--;
		printf("ready %d\n", left);
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			line[0] = '\0';
		if (leader > 0)
			kill(-leader, SIGKILL);
		while (waitpid(-1, NULL, 0) > 0)
			;
		close(done[0]);
		printf("over\n");
		fflush(stdout);
	}
	return 0;
}
