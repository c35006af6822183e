/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FUSE connections that a container has made.
 *
 * Theory of operation. A process that ends closes its files, and waits, not to be killed, until
 * the file system has heard of it. If the server is that very process, or one that waits for it in
 * turn, nobody ever answers: such a container could not be ended, and would keep its ids. The
 * kernel's way out is to abort the connection, in fusectl. A connection belongs to who mounted it,
 * whose id is of the container's range, which is no other's: so it is found also where the mount
 * has been taken away.
 */
#include "config.h"
#include "lib/fuseconn.h"

#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Ids of the host that a process's user namespace has. */
struct range {
	uint32_t first, count;
};

/* Of a container's it is one; the host's own begins with its root. */
static int parse_range(const char *map, struct range *ret)
{
	if (sscanf(map, "%*u %" SCNu32 " %" SCNu32, &ret->first, &ret->count) != 2 || !ret->first)
		return -EPERM;
	return 0;
}

/*
 * The container's user namespace, from one below it: the outermost that is not ours.
 * @nested: whether @ns was another
 */
static int outermost(int ns, bool *nested)
{
	autofd ours = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC), at = -1;

	*nested = false;
	at = ours < 0 ? -1 : fcntl(ns, F_DUPFD_CLOEXEC, 0);
	if (at < 0)
		return -errno;
	for (;;) {
		autofd parent = ioctl(at, NS_GET_PARENT);

		if (parent < 0)
			return -errno;
		if (fd_same(parent, ours))
			return fd_steal(&at);
		fd_close(at);
		at = fd_steal(&parent);
		*nested = true;
	}
}

/*
 * The process may have made itself a user namespace with few of the ids, or none, after it mounted:
 * what counts is the container's.
 */
static int read_range(pid_t pid, struct range *ret)
{
	char path[64], uids[USERNS_MAP_TEXT], gids[USERNS_MAP_TEXT];
	autofd proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), ns = -1, outer = -1;
	bool nested = false;
	int r;

	snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
	ns = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return -errno;
	outer = outermost(ns, &nested);
	if (outer < 0)
		return outer;
#ifdef MUTANT_FUSE_NESTED
	nested = false;
#endif
	snprintf(path, sizeof(path), "%d/uid_map", (int)pid);
	r = nested ? userns_read_maps(proc, outer, uids, gids, sizeof(uids))
		   : fd_read_file_at(proc, path, uids, sizeof(uids));
	return r < 0 ? r : parse_range(uids, ret);
}

static bool waits(int dir, const char *name)
{
	char path[300], text[32];

	snprintf(path, sizeof(path), "%s/waiting", name);
	return fd_read_file_at(dir, path, text, sizeof(text)) >= 0 && atoi(text) > 0;
}

static bool is_of(const struct range *range, int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid - range->first < range->count;
}

static DIR *open_connections(void)
{
	/* The host need not have it mounted. */
	autofd mount = mnt_new("fusectl", NULL,
			       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);

	if (mount < 0)
		errno = -mount;
	return mount < 0 ? NULL : dir_open_at(mount, ".");
}

/* Return: how many there are of who has these ids, of those to abort that somebody waits at. */
static int each_with(const struct range *range, bool abort)
{
	autodir dir = open_connections();
	struct dirent *e;
	int n = 0;

	if (!dir)
		return errno == ENODEV ? 0 : -errno;
	while ((e = dir_next(dir))) {
		char path[300];

		if (!is_of(range, dirfd(dir), e->d_name) ||
		    (abort && !waits(dirfd(dir), e->d_name)))
			continue;
		snprintf(path, sizeof(path), "%s/abort", e->d_name);
		if (abort)
			fd_write_file_at(dirfd(dir), path, "1");
		n++;
	}
	return n;
}

/*
 * @pidfd: of the process that is meant. If that has ended meanwhile, the number may be that of
 * another container's. Or -1: whoever it is.
 */
static int each_of(pid_t pid, int pidfd, bool abort)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	struct range range;
	int r = read_range(pid, &range);

	if (pidfd >= 0 && poll(&end, 1, 0) != 0)
		return -ESRCH;
	return r < 0 ? r : each_with(&range, abort);
}

/**
 * fuseconn_any() - is there a FUSE connection of the container that process @pid is of?
 */
bool fuseconn_any(pid_t pid)
{
	return each_of(pid, -1, false) > 0;
}

/**
 * fuseconn_abort() - end those connections of the container of @pid at which somebody waits
 * @pidfd: of that process
 *
 * For when it has been killed and does not end. Containers that share a user namespace share this
 * too.
 *
 * Return: how many, or -errno; -ESRCH if it has ended.
 */
int fuseconn_abort(pid_t pid, int pidfd)
{
#ifdef MUTANT_FUSE_UNABORTED
	return 0;
#endif
	return each_of(pid, pidfd, true);
}

/**
 * fuseconn_abort_ids() - the same of the container that has these ids of the host
 */
int fuseconn_abort_ids(uint32_t first, uint32_t count)
{
	const struct range range = { first, count };

#ifdef MUTANT_HELPERS_STUCK
	return 0;
#endif
	return each_with(&range, true);
}

/**
 * fuseconn_waited() - who owns connections at which somebody waits now
 * @uids: receives at most @max ids of the host, none of them its root's
 *
 * Return: how many, or -errno.
 */
int fuseconn_waited(uint32_t *uids, size_t max)
{
	const struct range others = { .first = 1, .count = UINT32_MAX - 1 };
	autodir dir = open_connections();
	struct dirent *e;
	struct stat st;
	size_t n = 0;

	if (!dir)
		return errno == ENODEV ? 0 : -errno;
	while (n < max && (e = dir_next(dir)))
		if (is_of(&others, dirfd(dir), e->d_name) && waits(dirfd(dir), e->d_name) &&
		    fstatat(dirfd(dir), e->d_name, &st, 0) == 0)
			uids[n++] = st.st_uid;
	return n;
}
