/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of the caller's, in a helper's visit: what they begin with is opened before anything is
 * entered, the rest is walked there, with the caller's ids and effective capabilities.
 */
#include "config.h"
#include "warden/visit.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* "/proc/self/fd/7/x" leads, for the caller, to its own descriptor: for us it would be ours. */
static const char *own_fd(const char *text, int *number)
{
	static const char *const prefixes[] = { "/proc/self/fd/", "/proc/thread-self/fd/",
						"/dev/fd/" };
	char *end;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(text, prefixes[i], len) != 0 || text[len] < '0' || text[len] > '9')
			continue;
		*number = (int)strtol(text + len, &end, 10);
		return *end == '\0' || *end == '/' ? end : NULL;
	}
	return NULL;
}

/**
 * visit_look_up() - before anything is entered: is @text one of the caller's open files?
 */
int visit_look_up(const struct visit *v, const char *text, struct visit_path *ret)
{
	char path[64];
	int number;

	*ret = (struct visit_path){ .text = text, .fd = -1 };
	ret->rest = own_fd(text, &number);
	if (!ret->rest)
		return 0;
	snprintf(path, sizeof(path), "fd/%d", number);
	ret->fd = request_open(v->request, path, O_PATH);
	ret->rest += strspn(ret->rest, "/");
	return ret->fd < 0 ? ret->fd : 0;
}

/**
 * visit_beneath() - the path is relative to the caller's descriptor @number
 */
int visit_beneath(const struct visit *v, int number, struct visit_path *path)
{
	char name[32];

	snprintf(name, sizeof(name), "fd/%d", number);
	path->fd = request_open(v->request, name, O_PATH);
	path->rest = path->text;
	return path->fd < 0 ? path->fd : 0;
}

static int set_effective(uint64_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective = data[0].permitted & (uint32_t)caps;
	data[1].effective = data[1].permitted & (uint32_t)(caps >> 32);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* A caller from a user namespace above has all rights over this one. */
static int take_rights(const struct visit *v)
{
	return fd_same(v->user_ns, v->owner_ns) ? set_effective(v->cap_eff) : 0;
}

static int give_back_rights(void)
{
	return set_effective(~0ULL);
}

/* Return: @fd, as open(2) returned it just now, or -errno. */
static int give_back_with(int fd)
{
	int r = fd < 0 ? -errno : fd, back = give_back_rights();

	if (back == 0 || fd < 0)
		return r;
	close(fd);
	return back;
}

/**
 * visit_resolve() - the object that a path of the caller's leads to, with the caller's rights
 *
 * Return: an O_PATH descriptor, or -errno.
 */
int visit_resolve(const struct visit *v, const struct visit_path *path)
{
	int flags = O_PATH | O_CLOEXEC | (path->nofollow ? O_NOFOLLOW : 0);
	int r = take_rights(v), fd;

	if (r < 0)
		return r;
	if (path->fd < 0)
		fd = open(path->text, flags);
	else if (*path->rest)
		fd = openat(path->fd, path->rest, flags);
	else
		fd = dup(path->fd);
	return give_back_with(fd);
}

/**
 * visit_open_owned() - open the @directory, if it is the caller's and he may write to it
 *
 * It is the kernel that says so, of the caller's ids and capabilities, through the (ID-mapped)
 * mount: O_NOATIME is for owners and for CAP_FOWNER over them (fs/namei.c: may_open(),
 * inode_owner_or_capable()), and W_OK is not given on what is read-only, immutable, or owned by
 * somebody who has no name here.
 *
 * Return: a descriptor, or -errno.
 */
int visit_open_owned(const struct visit *v, int directory)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC;
	int r = take_rights(v), fd;

	if (r < 0)
		return r;
	fd = openat(directory, ".", flags);
	if (fd >= 0 && syscall(SYS_faccessat2, fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) < 0) {
		r = errno;
		close(fd);
		errno = r;
		fd = -1;
	}
	return give_back_with(fd);
}

/**
 * visit_create() - make an empty file, with the caller's rights; one that was there is not touched
 *
 * Return: a descriptor, or -errno.
 */
int visit_create(const struct visit *v, int dir, const char *name, mode_t mode)
{
	int r = take_rights(v), fd;

	if (r < 0)
		return r;
	umask(v->umask);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
	return give_back_with(fd);
}

/**
 * visit_adopt() - what visit_create() made for a helper that was killed then: an empty file of the
 * caller's, with no other name
 *
 * Return: a descriptor, or -errno.
 */
int visit_adopt(const struct visit *v, int dir, const char *name)
{
	int r = take_rights(v), fd;
	struct stat st;

	if (r < 0)
		return r;
	fd = give_back_with(openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0)
		return fd;
	/* Both as this user namespace has them. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && st.st_nlink == 1 &&
	    st.st_uid == (uid_t)setfsuid(-1))
		return fd;
	close(fd);
	return -EEXIST;
}

/**
 * visit_unlink() - remove what visit_create() made
 */
int visit_unlink(const struct visit *v, int dir, const char *name)
{
	int r = take_rights(v);

	if (r == 0 && unlinkat(dir, name, 0) < 0)
		r = -errno;
	give_back_rights();
	return r;
}
