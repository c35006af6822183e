/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of an open, read and close of a file: what a container does all day.
 *
 * The kernel asks twice and waits (OPEN, READ); FLUSH is not sent, and RELEASE is not waited for.
 * These three are answered here as the protocol has them, in one piece of memory each, without the
 * bookkeeping that libfuse does for requests that can be interrupted: ours are done in
 * microseconds. So the kernel's first INTERRUPT is answered with ENOSYS, and it sends no other.
 */
#include "config.h"
#include "hot.h"
#include "handles.h"
#include "recent.h"
#include "sizes.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/fuse.h>

/* Texts up to this go out with their header in one piece: one page for the kernel to look up. */
#define SMALL_REPLY 4000

static void render_sysctl(struct server *s, const struct sysctl *sysctl, struct text *out)
{
	int64_t values[SYSCTL_MAX_VALUES];
	char buf[SYSCTL_TEXT_MAX];

	pthread_mutex_lock(&s->store_lock);
	sysctl_store_get(s->store, sysctl, values);
	pthread_mutex_unlock(&s->store_lock);
	text_bytes(out, buf, sysctl_format(sysctl, values, buf));
}

/* Locking: @h->lock. */
static int render(struct server *s, const struct node *n, uint64_t ino, struct handle *h)
{
	size_t before = h->text.cap;
	int r = 0;

	text_clear(&h->text);
	if (n->sysctl) {
		render_sysctl(s, n->sysctl, &h->text);
	} else if (!recent_get(ino, &h->text)) {
		r = tree_render(ino, &s->facts, &h->text);
		if (r == 0)
			recent_put(ino, &h->text);
	}
	if (!handle_charge(before, h->text.cap) || h->text.failed) {
		before = h->text.cap;
		text_free(&h->text);
		handle_charge(before, 0);
		return -ENOMEM;
	}
	return r < 0 ? -EIO : 0;
}

/*
 * A text is made when the file is opened for reading, and the kernel told its length (sizes.c).
 */
static int open_file(struct server *s, uint64_t ino, uint32_t flags, uint64_t *fh)
{
	const struct node *n = tree_node(ino);
	struct handle *h;
	int r = n && S_ISREG(n->mode) ? handle_open(&h) : -ESTALE;

	if (r < 0)
		return r;
	*fh = h->fh;
	if ((flags & O_ACCMODE) != O_WRONLY) {
		r = render(s, n, ino, h);
		h->rendered = h->fresh = r == 0;
	}
	if (r == 0)
		size_opened(s->fuse_fd, ino, h->text.buf, h->text.len);
	handle_put(h);
	if (r < 0)
		handle_release(*fh);
	return r;
}

/* Return: false if nobody waits for the answer any more. */
static bool reply(const struct server *s, uint64_t unique, int error, const void *body, size_t len)
{
	struct {
		struct fuse_out_header head;
		char body[SMALL_REPLY];
	} out;

	out.head = (struct fuse_out_header){ .len = sizeof(out.head) + len,
					     .error = error,
					     .unique = unique };
	if (len > SMALL_REPLY) {
		struct iovec iov[] = { { &out.head, sizeof(out.head) }, { (void *)body, len } };

		return writev(s->fuse_fd, iov, 2) >= 0;
	}
	if (len)
		memcpy(out.body, body, len);
	return write(s->fuse_fd, &out, out.head.len) >= 0;
}

static void do_open(struct server *s, const struct fuse_in_header *in,
		    const struct fuse_open_in *arg)
{
	/* Direct: a read is answered from the text, whatever size the kernel believes. */
	struct fuse_open_out out = { .open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH };
	uint64_t fh = 0;
	int r = open_file(s, in->nodeid, arg->flags, &fh);

	out.fh = fh;
	if (r < 0)
		reply(s, in->unique, r, NULL, 0);
	else if (!reply(s, in->unique, 0, &out, sizeof(out)))
		handle_release(fh); /* the caller was interrupted: no RELEASE will come */
}

/*
 * As seq_file does it: a read at the start renders anew, others go on in the same text. As there,
 * the file's lock is held meanwhile; only readers of the same open file wait for it.
 */
static void do_read(struct server *s, const struct fuse_in_header *in,
		    const struct fuse_read_in *arg)
{
	const struct node *n = tree_node(in->nodeid);
	struct handle *h = n && S_ISREG(n->mode) ? handle_get(arg->fh) : NULL;
	int r = 0;

	if (!h) {
		reply(s, in->unique, n ? -ENFILE : -ESTALE, NULL, 0);
		return;
	}
	pthread_mutex_lock(&h->lock);
	if ((arg->offset == 0 && !h->fresh) || !h->rendered) {
		r = render(s, n, in->nodeid, h);
		h->rendered = r == 0;
	}
	h->fresh = false;
	if (r < 0) {
		reply(s, in->unique, r, NULL, 0);
	} else {
		size_t left = arg->offset < h->text.len ? h->text.len - arg->offset : 0;

		reply(s, in->unique, 0, left ? h->text.buf + arg->offset : NULL,
		      left < arg->size ? left : arg->size);
	}
	pthread_mutex_unlock(&h->lock);
	handle_put(h);
}

/**
 * hot_request() - do the request if it is one of an open, read and close
 * @len: its length, as read from /dev/fuse
 *
 * Return: false if it is another one.
 */
bool hot_request(struct server *s, const void *request, size_t len)
{
	const struct fuse_in_header *in = request;
	const void *arg = in + 1;

	if (len < sizeof(*in))
		return false;
	len -= sizeof(*in);
	if (in->opcode == FUSE_OPEN && len >= sizeof(struct fuse_open_in)) {
		do_open(s, in, arg);
	} else if (in->opcode == FUSE_READ && len >= sizeof(struct fuse_read_in)) {
		do_read(s, in, arg);
	} else if (in->opcode == FUSE_RELEASE && len >= sizeof(struct fuse_release_in)) {
		handle_release(((const struct fuse_release_in *)arg)->fh);
		reply(s, in->unique, 0, NULL, 0);
	} else if (in->opcode == FUSE_INTERRUPT) {
		reply(s, in->unique, -ENOSYS, NULL, 0);
	} else {
		return false;
	}
	return true;
}
