/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From names to nodes: LOOKUP and what undoes it.
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* The kernel may have buried a directory that lives: then it gets another. */
static int get_node(struct request *r, int *fd, const char *name, const struct node_stat *st,
		    uint64_t alias, struct node **n)
{
	struct node_table *t = &r->server->nodes;
	int error = node_get(t, fd, st, alias, n);

	if (error < 0 || !name || !S_ISDIR(st->x.stx_mode))
		return error;
	while (!place_tell(t, *n, place_of(request_node(r), name))) {
		node_forget(t, *n, 1);
		error = node_get(t, fd, st, alias, n);
		if (error < 0)
			return error;
	}
	return 0;
}

/**
 * entry_reply() - tell the kernel of an inode
 * @fd: O_PATH descriptor of it; -1 afterwards if it was taken over
 * @name: under which it was found in the directory that the request is about, or NULL
 */
int entry_reply(struct request *r, int *fd, const char *name, struct fuse_entry_out *out)
{
	struct server *s = r->server;
	struct node_stat st;
	struct node *n;
	struct timespec timeout;
	uint64_t alias = 0;
	int error = node_stat(*fd, &st);

	if (error == 0 && name)
		alias = node_alias(&s->nodes, request_node(r), name, &st);
	if (error == 0)
		error = get_node(r, fd, name, &st, alias, &n);
	if (error < 0)
		return error;
	r->entry = n;
	timeout = timeout_of(s, n, &st);
	*out = (struct fuse_entry_out){ .nodeid = node_id(&s->nodes, n),
					.generation = n->generation,
					.entry_valid = timeout.tv_sec,
					.entry_valid_nsec = timeout.tv_nsec,
					.attr_valid = timeout.tv_sec,
					.attr_valid_nsec = timeout.tv_nsec };
	attr_fill(s, &st, &out->attr);
	return 0;
}

/**
 * open_child() - O_PATH descriptor of what @name in a directory is, even if that is a symbolic link
 *
 * @name: of one entry, as request_name() has it or as getdents64(2) told it, so it cannot lead up.
 * RESOLVE_BENEATH would have the kernel make sure of that with a lock that all mounts share.
 *
 * A name on which something is mounted is refused (-EXDEV): that is not the backing.
 */
int open_child(int dirfd, const char *name)
{
	return sys_openat2(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC,
			   RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
}

/**
 * reply_child() - answer with the entry @name of the directory that the request is about
 */
int reply_child(struct request *r, int dir, const char *name)
{
	struct fuse_entry_out *out = &r->reply.create.entry;
	autofd fd = open_child(dir, name);
	int error = fd < 0 ? fd : entry_reply(r, &fd, name, out);

	return error < 0 ? error : reply_with(r, out, sizeof(*out));
}

/* That there is no such name may be remembered too. */
static int reply_nothing(struct request *r)
{
	struct fuse_entry_out *out = &r->reply.create.entry;

	*out = (struct fuse_entry_out){ .entry_valid = r->server->timeout.tv_sec,
					.entry_valid_nsec = r->server->timeout.tv_nsec };
	return reply_with(r, out, sizeof(*out));
}

/**
 * do_lookup() - LOOKUP of a name; the answer counts as one lookup of its node
 */
int do_lookup(struct request *r)
{
	size_t offset = 0;
	const char *name;
	int error = request_name(r, &offset, &name), dir;

	if (error < 0)
		return error;
	if (hide_has(&r->server->hide, request_node(r), name))
		return r->server->cache == CACHE_STRICT ? -ENOENT : reply_nothing(r);
	dir = request_fd(r);
	error = dir < 0 ? dir : 0;
	if (error == 0 && hide_has_alias(&r->server->hide, request_node(r), dir, name))
		error = -ENOENT;
	if (error == 0)
		error = reply_child(r, dir, name);
	return error == -ENOENT && r->server->cache != CACHE_STRICT ? reply_nothing(r) : error;
}

/**
 * do_forget() - FORGET: the kernel gives back lookups; there is no answer
 */
int do_forget(struct request *r)
{
	const struct fuse_forget_in *in = r->arg;

	r->no_reply = true;
	node_forget(&r->server->nodes, request_node(r), in->nlookup);
	return 0;
}

/**
 * do_batch_forget() - BATCH_FORGET: the same of many nodes
 */
int do_batch_forget(struct request *r)
{
	const struct fuse_batch_forget_in *in = r->arg;
	const struct fuse_forget_one *one = (const void *)(in + 1);
	struct node_table *t = &r->server->nodes;

	r->no_reply = true;
	for (uint32_t i = 0; i < in->count && (i + 1) * sizeof(*one) + sizeof(*in) <= r->len; i++)
		node_forget(t, node_of(t, one[i].nodeid), one[i].nlookup);
	return 0;
}

/**
 * do_readlink() - READLINK
 */
int do_readlink(struct request *r)
{
	int fd = request_fd(r);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", r->worker->out, PATH_MAX);
	return n < 0 ? -errno : reply_with(r, r->worker->out, n);
}
