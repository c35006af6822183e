/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "tmpcopyup": a tmpfs begins with what the root file system has at its mount point.
 *
 * Runs in PID 1 of the container, with no power over the host, on a tree that the image controls:
 * names are followed one at a time below open directories, never through symlinks, and nothing but
 * regular files is opened. How much is copied, the tmpfs limits.
 */
#include "config.h"
#include "runtime/copyup.h"

#include "lib/dir.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each level holds three descriptors and a frame. */
#define DEPTH_MAX 100

static int copy_directory(int from_fd, int to_fd, bool attributes, int depth);

/* Owner first: it takes suid bits away. */
static int copy_attributes(int to_fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to_fd, st->st_uid, st->st_gid) < 0 || fchmod(to_fd, st->st_mode & 07777) < 0 ||
	    futimens(to_fd, times) < 0)
		return -errno;
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	autofd from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	autofd to = -1;
	struct stat st;
	ssize_t n;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) /* another one than we looked at */
		return 0;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	while ((n = sendfile(to, from, NULL, 1 << 30)) > 0)
		;
	return n < 0 ? -errno : copy_attributes(to, &st);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_subdirectory(int from_dir, int to_dir, const char *name, int depth)
{
	autofd from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofd to = -1;

	if (from < 0)
		return -errno;
	if (mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return to < 0 ? -errno : copy_directory(from, to, true, depth + 1);
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return copy_subdirectory(from_dir, to_dir, name, depth);
	if (S_ISLNK(st.st_mode))
		return copy_link(from_dir, to_dir, name, &st);
	return S_ISREG(st.st_mode) ? copy_file(from_dir, to_dir, name) : 0;
}

static int copy_directory(int from_fd, int to_fd, bool attributes, int depth)
{
	autodir dir = depth < DEPTH_MAX ? dir_open_at(from_fd, ".") : NULL;
	struct dirent *e;
	struct stat st;
	int r = 0;

	if (!dir)
		return depth < DEPTH_MAX ? -errno : -ELOOP;
	while (r == 0 && (e = dir_next(dir)))
		r = copy_entry(dirfd(dir), to_fd, e->d_name, depth);
	if (r == 0 && attributes)
		r = fstat(dirfd(dir), &st) < 0 ? -errno : copy_attributes(to_fd, &st);
	return r;
}

/**
 * copyup() - copy what is in the directory @from_fd to @to_fd
 * @attributes: and the owner, mode and times of @from_fd itself
 *
 * Directories, regular files and symlinks with their owners, modes and times; hard links become
 * files, what else there may be is left out.
 * Return: 0 or -errno; -ENOSPC if it does not fit.
 */
int copyup(int from_fd, int to_fd, bool attributes)
{
	return copy_directory(from_fd, to_fd, attributes, 0);
}
