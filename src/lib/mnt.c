/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building blocks for mount trees: everything by descriptor, on the new mount API.
 * Safe between clone() and exec: no allocation.
 */
#include "config.h"
#include "lib/mnt.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Cut the next of "key=value,flag,key="a,b"" off @rest; quotes are taken away. */
static char *next_option(char **rest)
{
	char *start = *rest + strspn(*rest, ","), *to = start, *p = start;
	bool quoted = false;

	for (; *p && (quoted || *p != ','); p++) {
		if (*p == '"')
			quoted = !quoted;
		else
			*to++ = *p;
	}
	*rest = *p ? p + 1 : p;
	*to = '\0';
	return to > start ? start : NULL;
}

/**
 * mnt_configure() - give the file system context @fs its options
 * @options: "key=value,flag,key="value, with commas",…" or NULL
 */
int mnt_configure(int fs, const char *options)
{
	char buf[4096], *rest = buf;

	if (snprintf(buf, sizeof(buf), "%s", options ?: "") >= (int)sizeof(buf))
		return -E2BIG;
	for (char *key = next_option(&rest); key; key = next_option(&rest)) {
		char *value = strchr(key, '=');
		int r;

		if (value)
			*value++ = '\0';
		r = value ? sys_fsconfig_string(fs, key, value) : sys_fsconfig_flag(fs, key);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What begins a line of /proc/mounts: programs look for "cgroup" or "proc" there. */
static int set_source(int fs, const char *fstype, const char *options)
{
	if (options && (strncmp(options, "source=", 7) == 0 || strstr(options, ",source=")))
		return 0;
	return sys_fsconfig_string(fs, "source", fstype);
}

/**
 * mnt_new() - a detached mount of a new @fstype instance
 * @options: as for mnt_configure(); without "source=" that is @fstype
 * @attrs: MOUNT_ATTR_*
 *
 * Return: a descriptor of the mount, which goes with its last one unless it is attached; or -errno.
 */
int mnt_new(const char *fstype, const char *options, unsigned int attrs)
{
	autofd fs = sys_fsopen(fstype);
	int r = fs < 0 ? fs : set_source(fs, fstype, options);

	if (r == 0)
		r = mnt_configure(fs, options);
	if (r == 0)
		r = sys_fsconfig_create(fs);
	return r < 0 ? r : sys_fsmount(fs, attrs);
}

/**
 * mnt_tmpfs() - a detached, small tmpfs
 * @size: as in tmpfs(5), "64k"; @mode: octal, "0755"
 *
 * The number of inodes is a constant: the kernel's choice would tell how much memory the machine
 * has.
 */
int mnt_tmpfs(const char *size, const char *mode, unsigned int attrs)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%s,nr_inodes=16384,mode=%s", size, mode);
	return mnt_new("tmpfs", options, attrs);
}

/**
 * mnt_clone() - a detached copy of the mount at @dirfd/@path, of its submounts too if @recursive
 * @path: a symlink at its end is not followed; "": what @dirfd itself is
 *
 * Return: a descriptor as of mnt_new(), or -errno; -EINVAL where locked submounts would be left
 * out.
 */
int mnt_clone(int dirfd, const char *path, bool recursive)
{
	unsigned int flags = OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW;

	if (!*path)
		flags |= AT_EMPTY_PATH;
	if (recursive)
		flags |= AT_RECURSIVE;
	return sys_open_tree(dirfd, path, flags);
}

/**
 * mnt_idmap() - shift the owners of a detached, never attached mount by the map of @userns_fd
 *
 * Return: 0; -ENOSYS before Linux 5.12; -EINVAL if a file system in the tree cannot do it.
 */
int mnt_idmap(int mount_fd, bool recursive, int userns_fd)
{
	return sys_mount_setattr(mount_fd, recursive, MOUNT_ATTR_IDMAP, 0, userns_fd);
}

/**
 * mnt_bind() - mnt_clone() and mnt_attach() of one file or directory, below the working directory
 *
 * By names, symlinks are followed: for trees in which nobody else can make any. One call instead of
 * three; in a profile of a start the time was the same.
 */
int mnt_bind(const char *from, const char *to)
{
	return mount(from, to, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/**
 * mnt_attach() - attach a detached mount at @dirfd/@path
 *
 * Return: 0 or -errno.
 */
int mnt_attach(int mount_fd, int dirfd, const char *path)
{
	return sys_move_mount(mount_fd, "", dirfd, path, MOVE_MOUNT_F_EMPTY_PATH);
}

/**
 * mnt_attach_fd() - attach a detached mount on the object that @target_fd refers to, no path
 */
int mnt_attach_fd(int mount_fd, int target_fd)
{
	return sys_move_mount(mount_fd, "", target_fd, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/**
 * mnt_add_atime() - what to clear when @set has a bit of the access-time field, which is a value
 */
uint64_t mnt_add_atime(uint64_t set, uint64_t clear)
{
	return set & MOUNT_ATTR__ATIME ? clear | MOUNT_ATTR__ATIME : clear;
}

/**
 * mnt_restrict() - add attributes to a mount, attached or not
 *
 * Return: 0, or -ENOSYS before Linux 5.12 (then mnt_restrict_at(), once it is attached).
 */
int mnt_restrict(int mount_fd, bool recursive, uint64_t attrs)
{
	if (!attrs)
		return 0;
	return sys_mount_setattr(mount_fd, recursive, attrs, mnt_add_atime(attrs, 0), -1);
}

/**
 * mnt_restrict_at() - give the one mount at @dirfd/@path its attributes, on any kernel
 *
 * These and no others but those of access times: name what it has to keep. The working directory
 * stays what it is.
 */
int mnt_restrict_at(int dirfd, const char *path, uint64_t attrs)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} map[] = {
		{ MOUNT_ATTR_RDONLY, MS_RDONLY },   { MOUNT_ATTR_NOSUID, MS_NOSUID },
		{ MOUNT_ATTR_NODEV, MS_NODEV },	    { MOUNT_ATTR_NOEXEC, MS_NOEXEC },
		{ MOUNT_ATTR_NOATIME, MS_NOATIME }, { MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
	};
	autofd here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	unsigned long flags = MS_REMOUNT | MS_BIND;
	int r;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (attrs & map[i].attr)
			flags |= map[i].flag;
	if (here < 0 || fchdir(dirfd) < 0)
		return -errno;
	r = mount(NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
	return fchdir(here) < 0 ? -errno : r;
}

/**
 * mnt_make_private_fd() - take a detached tree out of its peer groups: nothing that is mounted on
 * the original later appears in it
 *
 * Return: 0, or -ENOSYS before Linux 5.12 (then mnt_make_private() once it is attached).
 */
int mnt_make_private_fd(int mount_fd)
{
	return sys_mount_propagation(mount_fd, MS_PRIVATE);
}

/**
 * mnt_make_private() - take all mounts of the calling process's namespace out of their peer groups
 *
 * Return: 0 or -errno.
 */
int mnt_make_private(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}
