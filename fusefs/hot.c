/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of an open, read and close of a file: what a container does all day; and its writes.
 *
 * The kernel asks twice and waits (OPEN, READ); FLUSH is not sent, and RELEASE is not waited for.
 * These are answered here as the protocol has them, in one piece of memory each, without the
 * bookkeeping that libfuse does for requests that can be interrupted: ours are done in
 * microseconds. So the kernel's first INTERRUPT is answered with ENOSYS, and it sends no other.
 * The answers to OPEN and WRITE are kept for a successor, which libfuse cannot do.
 */
#include "config.h"
#include "hot.h"
#include "ask.h"
#include "handles.h"
#include "natives.h"
#include "recent.h"
#include "sizes.h"
#include "tree.h"
#include "workers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/fuse.h>

/* Texts up to this go out with their header in one piece: one page for the kernel to look up. */
#define SMALL_REPLY 4000

static void render_sysctl(struct server *s, const struct sysctl *sysctl, struct text *out)
{
	struct sysctl_value value;
	char buf[SYSCTL_TEXT_MAX];

	pthread_mutex_lock(&s->store_lock);
	sysctl_store_get(&s->store, sysctl, &value);
	pthread_mutex_unlock(&s->store_lock);
	text_bytes(out, buf, sysctl_format(sysctl, &value, buf));
}

/* Of all that is capped some is kept for the container's root; the warden asks as the host's. */
static bool is_root(const struct server *s, const struct fuse_in_header *in)
{
	return in->uid == s->uid || in->uid == 0;
}

/* What the file says now. Return: 0 and the caller's reference, or -errno. */
static int render(struct server *s, const struct fuse_in_header *in, const struct node *n,
		  struct snapshot **ret)
{
	uint64_t ino = in->nodeid;
	bool again = n->sysctl || n->native; /* what was just written shows */
	struct snapshot *snap = again ? NULL : recent_get(ino);
	int r = 0;

	*ret = snap;
	if (snap)
		return 0;
	snap = snapshot_new();
	if (!snap)
		return -ENOMEM;
	if (n->sysctl)
		render_sysctl(s, n->sysctl, &snap->text);
	else
		r = tree_render(ino, &s->facts, &snap->text);
	if (!snapshot_seal(snap, is_root(s, in)) || r < 0) {
		snapshot_unref(snap);
		return r < 0 && n->native ? r : r < 0 ? -EIO : -ENOMEM;
	}
	if (!again)
		recent_put(ino, snap);
	*ret = snap;
	return 0;
}

static void tell_size(struct server *s, uint64_t ino, enum size_todo todo)
{
	if (todo == SIZE_FITS || (todo == SIZE_RAISE_BLOCKING && !workers_block(s)))
		return;
	size_raise(ino);
	if (todo == SIZE_RAISE_BLOCKING)
		workers_unblock();
}

/* proc_sys_permission(): what the mode does not give to the owner no capability gives to anybody.
 */
static bool may_open(const struct node *n, uint64_t ino, uint32_t flags)
{
	mode_t mode;

	if (!n->sysctl && !n->native)
		return true;
	mode = tree_mode(ino);
	return ((flags & O_ACCMODE) == O_RDONLY || (mode & 0200)) &&
	       ((flags & O_ACCMODE) == O_WRONLY || (mode & 0400));
}

/*
 * A text is made when the file is opened for reading, and the kernel told its length (sizes.c).
 * Return: 0 and the caller's reference to the handle, or -errno.
 */
static int open_file(struct server *s, const struct fuse_in_header *in, uint32_t flags,
		     struct handle **ret)
{
	uint64_t ino = in->nodeid;
	const struct node *n = tree_node(ino);
	struct snapshot *snap = NULL;
	int r = !n || !S_ISREG(n->mode) ? -ESTALE : may_open(n, ino, flags) ? 0 : -EACCES;

	if (r == 0 && (flags & O_ACCMODE) != O_WRONLY)
		r = render(s, in, n, &snap);
	if (r == 0)
		r = handle_open(ino, is_root(s, in), ret);
	if (r < 0) {
		snapshot_unref(snap);
		return r;
	}
	/* Nobody knows it yet; but what orders us and its first reader is the kernel, unseen. */
	pthread_mutex_lock(&(*ret)->lock);
	(*ret)->snap = snap;
	(*ret)->fresh = snap;
	pthread_mutex_unlock(&(*ret)->lock);
	tell_size(s, ino, size_opened(ino, snap ? snap->text.len : 0, flags & O_TRUNC));
	return 0;
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

/*
 * Should we die here, a successor sends this answer if it was not sent, so that the kernel knows of
 * every handle that is kept.
 */
static void do_open(struct server *s, const struct fuse_in_header *in,
		    const struct fuse_open_in *arg)
{
	struct {
		struct fuse_out_header head;
		struct fuse_open_out open;
	} out = { .head = { .len = sizeof(out), .unique = in->unique },
		  /* direct: a read is answered from the text, whatever size the kernel believes */
		  .open.open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH };
	struct handle *h;
	int r = open_file(s, in, arg->flags, &h);

	if (r < 0) {
		reply(s, in->unique, r, NULL, 0);
		return;
	}
	out.open.fh = h->fh;
	workers_keep_answer(s, &(struct iovec){ &out, sizeof(out) }, 1);
	pthread_mutex_lock(&h->lock);
	handle_keep(h);
	pthread_mutex_unlock(&h->lock);
	if (write(s->fuse_fd, &out, sizeof(out)) < 0)
		handle_release(h->fh); /* the caller was interrupted: no RELEASE will come */
	handle_put(h);
}

/*
 * As seq_file does it: a read at the start renders anew, others go on in the same text. No lock is
 * held meanwhile: of two that read the start at once, the later text stays.
 */
static int snapshot_for(struct server *s, const struct fuse_in_header *in, const struct node *n,
			struct handle *h, uint64_t offset, struct snapshot **ret)
{
	struct snapshot *old;
	int r;

	*ret = NULL;
	pthread_mutex_lock(&h->lock);
	if (h->snap && (offset != 0 || h->fresh))
		*ret = snapshot_ref(h->snap);
	h->fresh = false;
	pthread_mutex_unlock(&h->lock);
	if (*ret)
		return 0;
	r = render(s, in, n, ret);
	if (r < 0)
		return r;
	pthread_mutex_lock(&h->lock);
	old = h->snap;
	h->snap = snapshot_ref(*ret);
	handle_keep(h);
	pthread_mutex_unlock(&h->lock);
	snapshot_unref(old);
	return 0;
}

/*
 * A read through the page cache, whose texts are all as long as the kernel believes: blanks are put
 * before the last newline.
 */
static void reply_filled(const struct server *s, const struct fuse_in_header *in,
			 const struct fuse_read_in *arg, const struct text *text, size_t fill)
{
	size_t left = arg->offset < fill ? fill - arg->offset : 0;
	size_t n = left < arg->size ? left : arg->size;
	char *buf = malloc(n + 1);

	for (size_t i = 0; buf && i < n; i++) {
		size_t at = arg->offset + i;

		buf[i] = at + 1 == fill ? '\n' : at + 1 < text->len ? text->buf[at] : ' ';
	}
	reply(s, in->unique, buf ? 0 : -ENOMEM, buf, buf ? n : 0);
	free(buf);
}

static void reply_text(const struct server *s, const struct fuse_in_header *in,
		       const struct fuse_read_in *arg, const struct text *text)
{
	bool cached = !(arg->read_flags & FUSE_READ_LOCKOWNER);
	size_t left = arg->offset < text->len ? text->len - arg->offset : 0;
	size_t fill = text->len;

	if (cached && left < arg->size)
		fill = size_to_fill(in->nodeid, text->len, workers_asked_ns());
	if (fill > text->len)
		reply_filled(s, in, arg, text, fill);
	else
		reply(s, in->unique, 0, left ? text->buf + arg->offset : NULL,
		      left < arg->size ? left : arg->size);
}

static void do_read(struct server *s, const struct fuse_in_header *in,
		    const struct fuse_read_in *arg)
{
	const struct node *n = tree_node(in->nodeid);
	struct handle *h = n && S_ISREG(n->mode) ? handle_get(arg->fh, in->nodeid) : NULL;
	struct snapshot *snap;
	int r;

	if (!h) {
		reply(s, in->unique, n ? -ENFILE : -ESTALE, NULL, 0);
		return;
	}
	r = snapshot_for(s, in, n, h, arg->offset, &snap);
	if (r < 0) {
		reply(s, in->unique, r, NULL, 0);
	} else {
		reply_text(s, in, arg, &snap->text);
		snapshot_unref(snap);
	}
	handle_put(h);
}

/* proc_sys_call_handler(), with the value in our store for the kernel's. */
static int write_sysctl(struct server *s, const struct fuse_in_header *in,
			const struct fuse_write_in *arg, size_t *consumed)
{
	const struct native_write w = { in->pid, (const char *)(arg + 1), arg->size, arg->offset };
	const struct node *n = tree_node(in->nodeid);
	int r;

	if (n && n->native)
		return tree_write(in->nodeid, &w, consumed);
	if (!n || !n->sysctl) /* as where there are no pressure triggers, see doc/views.md */
		return n && n->render ? -EOPNOTSUPP : -EIO;
	pthread_mutex_lock(&s->store_lock);
	r = sysctl_store_write(&s->store, n->sysctl, w.data, w.len, w.offset, consumed);
	pthread_mutex_unlock(&s->store_lock);
	if (r == 0 && sysctl_is_shared(n->sysctl))
		ask_warden(s);
	return r;
}

/* Should we die here, a successor sends this answer if it was not sent, and writes nothing. */
static void do_write(struct server *s, const struct fuse_in_header *in,
		     const struct fuse_write_in *arg)
{
	struct {
		struct fuse_out_header head;
		struct fuse_write_out write;
	} out = { .head = { .len = sizeof(out), .unique = in->unique } };
	size_t consumed = arg->size;
	int r = write_sysctl(s, in, arg, &consumed);

	if (r < 0)
		out.head = (struct fuse_out_header){ .len = sizeof(out.head),
						     .error = r,
						     .unique = in->unique };
	out.write.size = consumed;
	workers_keep_answer(s, &(struct iovec){ &out, out.head.len }, 1);
	(void)!write(s->fuse_fd, &out, out.head.len); /* the caller may have been killed */
}

/* Whether the bytes that a WRITE tells of are there. */
static bool is_write(const struct fuse_in_header *in, const struct fuse_write_in *arg, size_t len)
{
	return in->opcode == FUSE_WRITE && len >= sizeof(*arg) && arg->size <= len - sizeof(*arg);
}

/**
 * hot_request() - do the request if it is one of an open, read, write and close
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
	} else if (is_write(in, arg, len)) {
		do_write(s, in, arg);
	} else if (in->opcode == FUSE_INTERRUPT) {
		reply(s, in->unique, -ENOSYS, NULL, 0);
	} else {
		return false;
	}
	return true;
}
