// SPDX-License-Identifier: Apache-2.0
/*
 * attack: ways around a cover. Each ends in reach(): is there a file below that is not the cover?
 */
#include "config.h"
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200
#endif

/* Is that file one that cloister-fs serves? */
static int is_covered(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == FUSE_SUPER_MAGIC;
}

/*
 * The end of every way around a cover: opens @name below @dir. It worked if that is readable and is
 * not the cover. What lies behind is printed.
 */
static int reach(int dir, const char *name)
{
	int file = openat(dir, name, O_RDONLY | O_NONBLOCK);
	char buf[256];
	ssize_t n;

	if (file < 0)
		return -errno;
	if (is_covered(file))
		return -EACCES;
	n = read(file, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENODATA;
	printf("reached %s: %.*s\n", name, (int)n, buf);
	return 0;
}

static int covered(char **a)
{
	int fd = open(a[0], O_RDONLY | O_NONBLOCK);

	return fd < 0 ? -errno : is_covered(fd) ? 0 : -ENODATA;
}

static int reach_path(char **a)
{
	return reach(AT_FDCWD, a[0]);
}

/* A detached clone without what is mounted below it. */
static int reach_by_clone(char **a)
{
	int fd = tree_open(a[0], OPEN_TREE_CLONE);

	return fd < 0 ? fd : reach(fd, a[1]);
}

static int reach_by_bind(char **a)
{
	int fd;

	if (mount(a[0], a[2], NULL, MS_BIND, NULL) < 0)
		return -errno;
	fd = open(a[2], O_RDONLY | O_DIRECTORY);
	return fd < 0 ? -errno : reach(fd, a[1]);
}

static int reach_by_rbind(char **a)
{
	char target[4096];
	int fd;

	if (mount(a[0], a[2], NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	snprintf(target, sizeof(target), "%s/%s", a[2], a[1]);
	umount2(target, 0);
	umount2(target, UMOUNT_LAZY);
	fd = open(a[2], O_RDONLY | O_DIRECTORY);
	return fd < 0 ? -errno : reach(fd, a[1]);
}

/* The whole tree lazily unmounted, and looked at through a directory kept open. */
static int reach_by_old_fd(char **a)
{
	int fd = open(a[0], O_RDONLY | O_DIRECTORY);

	if (fd < 0 || unshare(CLONE_NEWNS) < 0 || umount2(a[0], UMOUNT_LAZY) < 0)
		return -errno;
	return reach(fd, a[1]);
}

static int reach_by_mount(char **a)
{
	int fd;

	if (mount(a[0], a[2], a[0], 0, NULL) < 0)
		return -errno;
	fd = open(a[2], O_RDONLY | O_DIRECTORY);
	return fd < 0 ? -errno : reach(fd, a[1]);
}

static int reach_by_fsmount(char **a)
{
	int fs = (int)syscall(SYS_fsopen, a[0], 0), fd;

	if (fs < 0 || syscall(SYS_fsconfig, fs, 6 /* CREATE */, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, 0, 0);
	return fd < 0 ? -errno : reach(fd, a[1]);
}

/* Puts a mount of one's own between the cover and what it covers. */
static int put_beneath(const char *file, const char *own)
{
	int fd = tree_open(own, OPEN_TREE_CLONE);
	int r = fd < 0 ? fd
		       : result(syscall(SYS_move_mount, fd, "", AT_FDCWD, file,
					MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH));

	if (fd >= 0)
		close(fd);
	return r;
}

/* Unmounts what can be. Return: 0 if there is nothing over the file then. */
static int uncover(const char *file)
{
	struct statfs fs;

	while (umount2(file, UMOUNT_LAZY) == 0)
		;
	if (statfs(file, &fs) < 0)
		return -errno;
	return fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ? 0 : -ENODATA;
}

/* FILE OTHER: Linux 6.5 allows that, and 7.2 where the cover is locked: what is beneath it is then.
 */
static int reach_beneath(char **a)
{
	int r = put_beneath(a[0], a[1]);

	return r < 0 ? r : uncover(a[0]);
}

/* One step of those of reach_beneath_peer(), by a process in the other namespace. */
static int in_namespace(int ns, char **a, bool put)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setns(ns, CLONE_NEWNS) < 0)
			_exit(2);
		if (put)
			put_beneath(a[0], a[1]);
		_exit(uncover(a[0]) == 0);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -errno
	       : !WIFEXITED(status)		       ? -ECHILD
						       : WEXITSTATUS(status);
}

/*
 * FILE OTHER: the same where the mount propagates to another namespace, and what is unmounted in
 * one goes in the other; it worked if the file is seen in either.
 */
static int reach_beneath_peer(char **a)
{
	int first, second, r;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return -errno;
	first = open("/proc/self/ns/mnt", O_RDONLY);
	if (first < 0 || unshare(CLONE_NEWNS) < 0)
		return -errno;
	second = open("/proc/self/ns/mnt", O_RDONLY);
	if (second < 0)
		return -errno;
	r = put_beneath(a[0], a[1]);
	if (r < 0)
		return r;
	for (int i = 0; i < 6 && r == 0; i++)
		r = in_namespace(i & 1 ? second : first, a, i >= 4);
	return r < 0 ? r : r == 1 ? 0 : r == 0 ? -ENODATA : -EIO;
}

/* Unlink or rename what is covered: the kernel would drop the cover. */
static int unlink_path(char **a)
{
	return result(unlink(a[0]));
}

const struct call attack_covers[] = {
	{ "covered", covered, 1, "FILE" },
	{ "reach", reach_path, 1, "FILE" },
	{ "reach-by-clone", reach_by_clone, 2, "DIR FILE" },
	{ "reach-by-bind", reach_by_bind, 3, "DIR FILE TARGET" },
	{ "reach-by-rbind", reach_by_rbind, 3, "DIR FILE TARGET" },
	{ "reach-by-old-fd", reach_by_old_fd, 2, "DIR FILE" },
	{ "reach-by-mount", reach_by_mount, 3, "TYPE FILE TARGET" },
	{ "reach-by-fsmount", reach_by_fsmount, 2, "TYPE FILE" },
	{ "reach-beneath", reach_beneath, 2, "FILE OTHER" },
	{ "reach-beneath-peer", reach_beneath_peer, 2, "FILE OTHER" },
	{ "unlink", unlink_path, 1, "PATH" },
	{ 0 },
};
