/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes inodes. The worker has the caller's ids (dispatch.c), so what it makes belongs to the
 * caller from the first moment.
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
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

static void begin(struct request *r, uint32_t umask)
{
	struct creds *c = &r->worker->creds;

	creds_umask(c, umask & 0777);
	creds_fsetid(c, r->server->minor >= MINOR_STRIPS_SGID || r->in->uid == 0);
}

int do_mknod(struct request *r)
{
	const struct fuse_mknod_in *in = r->arg;
	size_t offset = sizeof(*in);
	const char *name;
	int error = request_new_name(r, &offset, &name);

	if (error < 0)
		return error;
	begin(r, in->umask);
	if (mknodat(request_node(r)->fd, name, in->mode, decode_dev(in->rdev)) < 0)
		return -errno;
	return reply_child(r, name);
}

int do_mkdir(struct request *r)
{
	const struct fuse_mkdir_in *in = r->arg;
	size_t offset = sizeof(*in);
	const char *name;
	int error = request_new_name(r, &offset, &name);

	if (error < 0)
		return error;
	begin(r, in->umask);
	if (mkdirat(request_node(r)->fd, name, in->mode & 07777) < 0)
		return -errno;
	return reply_child(r, name);
}

int do_symlink(struct request *r)
{
	size_t offset = 0;
	const char *name, *target;
	int error = request_new_name(r, &offset, &name);

	if (error < 0)
		return error;
	target = (const char *)r->arg + offset;
	if (offset >= r->len || !memchr(target, '\0', r->len - offset))
		return -EINVAL;
	begin(r, 0);
	if (symlinkat(target, request_node(r)->fd, name) < 0)
		return -errno;
	return reply_child(r, name);
}

/* The short way needs CAP_DAC_READ_SEARCH. */
static int link_inode(struct request *r, const struct node *old, const char *name)
{
	int dir = request_node(r)->fd;
	char link[16];

	if (!r->server->as)
		return linkat(old->fd, "", dir, name, AT_EMPTY_PATH);
	snprintf(link, sizeof(link), "%d", old->fd);
	return linkat(r->server->proc_fd, link, dir, name, AT_SYMLINK_FOLLOW);
}

int do_link(struct request *r)
{
	const struct fuse_link_in *in = r->arg;
	const struct node *old = node_of(&r->server->nodes, in->oldnodeid);
	struct fuse_entry_out *out = &r->reply.create.entry;
	size_t offset = sizeof(*in);
	const char *name;
	int error = request_new_name(r, &offset, &name), fd;

	if (error < 0)
		return error;
	if (link_inode(r, old, name) < 0)
		return -errno;
	/* the same inode, whatever the name is by now */
	fd = fcntl(old->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = entry_reply(r, fd, name, out);
	return error < 0 ? error : reply_with(r, out, sizeof(*out));
}

/*
 * What was there already is opened only if it is a regular file, by its inode: a device or a pipe
 * in the place of a file must not be opened by us.
 */
static int open_existing(struct request *r, const char *name, int flags)
{
	autofd path = open_child(request_node(r)->fd, name);
	struct node_stat st;
	int error = path < 0 ? path : node_stat(path, &st);

	if (error < 0)
		return error;
	if (S_ISLNK(st.x.stx_mode))
		return -ELOOP;
	if (!S_ISREG(st.x.stx_mode))
		return S_ISDIR(st.x.stx_mode) ? -EISDIR : -ENXIO;
	return reopen(r->server, path, flags);
}

/* The kernel believes that there is no such name, but others may make and remove it. */
static int open_or_make(struct request *r, const char *name, const struct fuse_create_in *in)
{
	int flags = open_flags(in->flags), fd;

	for (int tries = 0; tries < 64; tries++) {
		fd = openat(request_node(r)->fd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW,
			    in->mode & 07777);
		if (fd >= 0 || errno != EEXIST || in->flags & O_EXCL)
			return fd >= 0 ? fd : -errno;
		if (in->open_flags & FUSE_OPEN_KILL_SUIDGID)
			creds_fsetid(&r->worker->creds, false);
		fd = open_existing(r, name, flags);
		if (fd != -ENOENT)
			return fd;
	}
	return -EAGAIN;
}

/* @fd is the open file; taken over. */
static int reply_created(struct request *r, int fd, const char *name)
{
	int path = reopen(r->server, fd, O_PATH);
	int error = path < 0 ? path : entry_reply(r, path, name, &r->reply.create.entry);

	if (error < 0) {
		close(fd);
		return error;
	}
	error = file_reply(r, fd, &r->reply.create.open);
	return error < 0 ? error : reply_with(r, &r->reply.create, sizeof(r->reply.create));
}

int do_create(struct request *r)
{
	const struct fuse_create_in *in = r->arg;
	size_t offset = sizeof(*in);
	const char *name;
	int error = request_new_name(r, &offset, &name), fd;

	if (error < 0)
		return error;
	begin(r, in->umask);
	fd = open_or_make(r, name, in);
	return fd < 0 ? fd : reply_created(r, fd, name);
}

int do_tmpfile(struct request *r)
{
	const struct fuse_create_in *in = r->arg;
	int flags = open_flags(in->flags) | (in->flags & O_EXCL) | O_TMPFILE, fd;

	begin(r, in->umask);
	fd = openat(request_node(r)->fd, ".", flags & ~O_TRUNC, in->mode & 07777);
	return fd < 0 ? -errno : reply_created(r, fd, NULL);
}
