/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes inodes. The worker has the caller's ids (dispatch.c), so what it makes belongs to the
 * caller from the first moment.
 *
 * A request that a server before this one may have carried out (survive.c) is the success that it
 * was when what it was to make is there, and is as it would have made it.
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Since 6.0 (7.37 came with 6.1) the VFS itself drops S_ISGID for who may not give it. */
#define MINOR_STRIPS_SGID 37

/* The kernel's new_decode_dev(). */
static dev_t decode_dev(uint32_t dev)
{
	return makedev((dev & 0xfff00) >> 8, (dev & 0xff) | (dev >> 12 & 0xfff00));
}

static bool may_give_sgid(const struct request *r)
{
	return r->server->minor >= MINOR_STRIPS_SGID || r->in->uid == 0;
}

static void begin(struct request *r, uint32_t umask, mode_t mode)
{
	struct creds *c = &r->worker->creds;

	creds_umask(c, umask & 0777);
	if (mode & S_ISGID)
		creds_fsetid(c, may_give_sgid(r));
}

/* Whether the request made @name before, as what @mode says. errno is why it cannot now. */
static bool made_before(const struct request *r, int dir, const char *name, mode_t mode)
{
	struct node_stat st;

	return errno == EEXIST && r->again && node_stat_at(dir, name, &st) == 0 &&
	       (st.x.stx_mode & S_IFMT) == (mode & S_IFMT) &&
	       (r->server->as || st.x.stx_uid == r->worker->creds.fsuid) &&
	       st.x.stx_ctime.tv_sec >= r->slot->when;
}

/*
 * Answer with what was made as @name. If others have put something of another type in its place
 * meanwhile, the kernel would make an EIO of that; with ESTALE it looks again.
 */
static int reply_made(struct request *r, int dir, const char *name, mode_t mode)
{
	int error = reply_child(r, dir, name);

	if (error == 0 && (r->reply.create.entry.attr.mode ^ mode) & S_IFMT)
		error = -ESTALE;
	return error;
}

/**
 * do_mknod() - MKNOD
 */
int do_mknod(struct request *r)
{
	const struct fuse_mknod_in *in = r->arg;
	size_t offset = sizeof(*in);
	const char *name;
	int dir = request_new_entry(r, &offset, &name);

	if (dir < 0)
		return dir;
	begin(r, in->umask, in->mode);
	if (!r->done && mknodat(dir, name, in->mode, decode_dev(in->rdev)) < 0 &&
	    !made_before(r, dir, name, in->mode))
		return -errno;
	return reply_made(r, dir, name, in->mode);
}

/**
 * do_mkdir() - MKDIR
 */
int do_mkdir(struct request *r)
{
	const struct fuse_mkdir_in *in = r->arg;
	size_t offset = sizeof(*in);
	const char *name;
	int dir = request_new_entry(r, &offset, &name);

	if (dir < 0)
		return dir;
	begin(r, in->umask, in->mode);
	if (!r->done && mkdirat(dir, name, in->mode & 07777) < 0 &&
	    !made_before(r, dir, name, S_IFDIR))
		return -errno;
	return reply_made(r, dir, name, S_IFDIR);
}

static bool linked_before(const struct request *r, int dir, const char *name, const char *target)
{
	char there[PATH_MAX];
	ssize_t n;

	if (!made_before(r, dir, name, S_IFLNK))
		return false;
	n = readlinkat(dir, name, there, sizeof(there));
	errno = EEXIST;
	return n == (ssize_t)strlen(target) && memcmp(there, target, n) == 0;
}

/**
 * do_symlink() - SYMLINK
 */
int do_symlink(struct request *r)
{
	size_t offset = 0;
	const char *name, *target;
	int dir = request_new_entry(r, &offset, &name);

	if (dir < 0)
		return dir;
	target = (const char *)r->arg + offset;
	if (offset >= r->len || !memchr(target, '\0', r->len - offset))
		return -EINVAL;
	begin(r, 0, 0);
	if (!r->done && symlinkat(target, dir, name) < 0 && !linked_before(r, dir, name, target))
		return -errno;
	return reply_made(r, dir, name, S_IFLNK);
}

static bool is_link_of(const struct request *r, int dir, const char *name, const struct node *n)
{
	struct node_stat st;

	return errno == EEXIST && r->again && node_stat_at(dir, name, &st) == 0 &&
	       st.dev == n->dev && st.x.stx_ino == n->ino;
}

/* The short way needs CAP_DAC_READ_SEARCH. */
static int link_inode(struct request *r, int fd, int dir, const char *name)
{
	char link[16];

	if (!r->server->as)
		return linkat(fd, "", dir, name, AT_EMPTY_PATH);
	snprintf(link, sizeof(link), "%d", fd);
	return linkat(r->server->proc_fd, link, dir, name, AT_SYMLINK_FOLLOW);
}

/**
 * do_link() - LINK
 */
int do_link(struct request *r)
{
	const struct fuse_link_in *in = r->arg;
	struct node *old = node_of(&r->server->nodes, in->oldnodeid);
	struct fuse_entry_out *out = &r->reply.create.entry;
	size_t offset = sizeof(*in);
	const char *name;
	int dir = request_new_entry(r, &offset, &name), fd, error;
	autofd copy = -1;

	if (dir < 0)
		return dir;
	fd = request_hold(r, old);
	if (fd < 0)
		return fd;
	if (!r->done && link_inode(r, fd, dir, name) < 0 && !is_link_of(r, dir, name, old))
		return -errno;
	/* the same inode, whatever the name is by now */
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	error = entry_reply(r, &copy, name, out);
	if (error < 0)
		return error;
	ask_again_aliases(r->server, old);
	return reply_with(r, out, sizeof(*out));
}

/*
 * What was there already is opened only if it is a regular file, by its inode: a device or a pipe
 * in the place of a file must not be opened by us.
 */
static int open_existing(struct request *r, int dir, const char *name, int flags)
{
	autofd path = open_child(dir, name);
	const struct fuse_create_in *in = r->arg;
	struct node_stat st;
	int error = path < 0 ? path : node_stat(path, &st), fd;

	if (error < 0)
		return error;
	if (S_ISLNK(st.x.stx_mode))
		return -ELOOP;
	if (!S_ISREG(st.x.stx_mode))
		return S_ISDIR(st.x.stx_mode) ? -EISDIR : -ENXIO;
	fd = reopen(r->server, path, flags);
	return open_appends(fd, in->flags) ? reopen(r->server, path, flags | O_APPEND) : fd;
}

/* The kernel believes that there is no such name, but others may make and remove it. */
static int open_or_make(struct request *r, int dir, const char *name,
			const struct fuse_create_in *in)
{
	int flags = open_flags(in->flags), fd;

	for (int tries = 0; tries < 64; tries++) {
		if (r->done)
			return open_existing(r, dir, name, flags & ~O_TRUNC);
		fd = openat(dir, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW, in->mode & 07777);
		r->made = fd >= 0;
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : -errno;
		if (in->flags & O_EXCL && !made_before(r, dir, name, S_IFREG))
			return -EEXIST;
		if (flags & O_TRUNC)
			creds_fsetid(&r->worker->creds,
				     !(in->open_flags & FUSE_OPEN_KILL_SUIDGID) &&
					     may_give_sgid(r));
		fd = open_existing(r, dir, name, flags);
		if (fd != -ENOENT)
			return fd;
	}
	return -EAGAIN;
}

static void pin(struct request *r, int fd)
{
	autofd path = reopen(r->server, fd, O_PATH);
	struct node_stat st;

	if (path >= 0 && node_stat(path, &st) == 0)
		node_pin(&r->server->nodes, fd_steal(&path), &st);
}

/*
 * Tells of the inode that is open. Where the backing has handles a node keeps no descriptor, so
 * this one will do; should it keep it all the same, the open file gets a copy.
 */
static int entry_reply_open(struct request *r, int *fd, const char *name)
{
	struct fuse_entry_out *out = &r->reply.create.entry;
	bool handles = r->server->nodes.mount_fd >= 0;
	autofd path = handles ? -1 : reopen(r->server, *fd, O_PATH);
	int same = *fd, error;

	if (!handles)
		return path < 0 ? path : entry_reply(r, &path, name, out);
	error = entry_reply(r, &same, name, out);
	if (same < 0)
		*fd = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	return *fd < 0 ? -errno : error;
}

/* @fd is the open file; taken over. */
static int reply_created(struct request *r, int fd, const char *name)
{
	const struct fuse_create_in *in = r->arg;
	struct fuse_entry_out *entry = &r->reply.create.entry;
	autofd own = fd;
	int error = entry_reply_open(r, &own, name);

	if (error < 0)
		return error;
	if (!name) /* O_TMPFILE: nothing else leads to it */
		pin(r, own);
	if (r->made && r->server->cache == CACHE_AUTO)
		__atomic_store_n(&r->entry->known, now_ms(), __ATOMIC_RELAXED);
	error = file_reply(r, r->entry, fd_steal(&own), in->flags, entry->attr.mode,
			   &r->reply.create.open);
	return error < 0 ? error : reply_with(r, &r->reply.create, sizeof(r->reply.create));
}

/**
 * do_create() - CREATE: make a regular file and open it, or open the one that is there by now
 */
int do_create(struct request *r)
{
	const struct fuse_create_in *in = r->arg;
	size_t offset = sizeof(*in);
	const char *name;
	int dir = request_new_entry(r, &offset, &name), fd;

	if (dir < 0)
		return dir;
	begin(r, in->umask, in->mode);
	fd = open_or_make(r, dir, name, in);
	return fd < 0 ? fd : reply_created(r, fd, name);
}

/**
 * do_tmpfile() - TMPFILE: make a file without a name, and open it
 */
int do_tmpfile(struct request *r)
{
	const struct fuse_create_in *in = r->arg;
	int flags = open_flags(in->flags) | (in->flags & O_EXCL) | O_TMPFILE, fd;
	int dir = request_fd(r);

	if (dir < 0)
		return dir;
	begin(r, in->umask, in->mode);
	fd = openat(dir, ".", flags & ~O_TRUNC, in->mode & 07777);
	return fd < 0 ? -errno : reply_created(r, fd, NULL);
}
