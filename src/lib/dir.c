/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directory streams: opened relative to a descriptor, scoped, without "." and "..".
 */
#include "config.h"
#include "lib/dir.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/**
 * dir_open_at() - a stream of the directory @name in @dirfd, which stays open and where it is
 *
 * The last component must be no symlink.
 *
 * Return: to be closed with closedir(), or NULL with errno.
 */
DIR *dir_open_at(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		fd_close(fd);
	return dir;
}

/**
 * dir_next() - the next entry of @dir other than "." and ".."
 *
 * Return: NULL at the end and after an error; to tell them apart set errno to 0 before.
 */
struct dirent *dir_next(DIR *dir)
{
	struct dirent *e;

	do
		e = readdir(dir);
	while (e && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0));
	return e;
}

/* for autodir */
void dir_cleanup(DIR **dir)
{
	int saved = errno;

	if (*dir)
		closedir(*dir);
	errno = saved;
}
