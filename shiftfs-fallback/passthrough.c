/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, writing and mapping without us: the kernel does it on the backing file itself
 * (Linux 6.9), which leaves one page cache for all who use it.
 *
 * An inode has one backing file at a time, registered with the first open and until the last: the
 * kernel refuses another number while a file of it is open, and a file that is not passed through.
 */
#include "config.h"
#include "server.h"

#include <errno.h>
#include <sys/ioctl.h>

static int backing_open(const struct server *s, int fd)
{
	struct proto_backing_map map = { .fd = fd };
	int id = ioctl(s->fuse_fd, PROTO_DEV_IOC_BACKING_OPEN, &map);

	return id < 0 ? -errno : id;
}

static void backing_close(const struct server *s, int id)
{
	uint32_t arg = id;

	if (id > 0)
		(void)ioctl(s->fuse_fd, PROTO_DEV_IOC_BACKING_CLOSE, &arg);
}

/* Return: the number of an inode that has one file open more; 0: it is not passed through. */
static int begin(struct node_table *t, struct node *n, int fresh)
{
	int id;

	node_lock(t, n);
	if (!n->opens)
		n->backing_id = fresh;
	id = n->backing_id;
	n->opens++;
	node_unlock(t, n);
	return id;
}

/**
 * passthrough_open() - have the kernel use the file itself, if it can
 * @n: the node that @fd is an open file of
 * @good: it is read only, or has no suid bits
 *
 * The backing clears suid bits when somebody writes, as for anybody without CAP_FSETID; so a file
 * that has some is not passed through while it is open to be written, lest root's writes clear
 * them too. Where it is open already, or gets them later, safe goes before right.
 */
bool passthrough_open(struct request *r, struct node *n, int fd, bool good,
		      struct fuse_open_out *out)
{
	struct server *s = r->server;
	int fresh = 0, id;

	if (!s->passthrough)
		return false;
	if (!__atomic_load_n(&n->opens, __ATOMIC_RELAXED) && good) {
		creds_fsetid(&r->worker->creds, false);
		fresh = backing_open(s, fd);
	}
	id = begin(&s->nodes, n, fresh > 0 ? fresh : 0);
	if (fresh > 0 && id != fresh)
		backing_close(s, fresh);
	if (!id)
		return false;
	out->open_flags |= PROTO_FOPEN_PASSTHROUGH;
	proto_set_backing_id(out, id);
	return true;
}

/**
 * passthrough_close() - a file of @n that was open is not
 */
void passthrough_close(struct server *s, struct node *n)
{
	int id = 0;

	if (!s->passthrough)
		return;
	node_lock(&s->nodes, n);
	if (n->opens && --n->opens == 0) {
		id = n->backing_id;
		n->backing_id = 0;
	}
	node_unlock(&s->nodes, n);
	backing_close(s, id);
}
