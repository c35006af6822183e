/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying a small tree (directories, files, symlinks) into a new file system, owned by the
 * container's root. Both ends are ours: the template was made by the launcher.
 */
#include "config.h"
#include "runtime/template.h"

#include "lib/dir.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_file(int from, int to, const char *name, mode_t mode)
{
	autofd in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	autofd out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 07777);
	ssize_t n;

	if (in < 0 || out < 0)
		return -errno;
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	return n < 0 ? -errno : 0;
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_dir(int from, int to, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	autofd sub_from = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofd sub_to = -1;

	if (sub_from < 0 || mkdirat(to, name, mode & 07777) < 0)
		return -errno;
	sub_to = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return sub_to < 0 ? -errno : template_copy(sub_from, sub_to, uid, gid);
}

static int copy_entry(int from, int to, const char *name, uid_t uid, gid_t gid)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		r = copy_dir(from, to, name, st.st_mode, uid, gid);
	else if (S_ISLNK(st.st_mode))
		r = copy_link(from, to, name);
	else if (S_ISREG(st.st_mode))
		r = copy_file(from, to, name, st.st_mode);
	else
		r = -EINVAL;
	if (r == 0 && fchownat(to, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r;
}

/**
 * template_copy() - copy what is in the directory @from into the directory @to
 * @uid, @gid: owner of everything, @to included. Modes are kept; call with umask 0.
 */
int template_copy(int from, int to, uid_t uid, gid_t gid)
{
	autodir dir = dir_open_at(from, ".");
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (e = dir_next(dir)))
		r = copy_entry(from, to, e->d_name, uid, gid);
	if (r == 0 && fchownat(to, "", uid, gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	return r;
}
