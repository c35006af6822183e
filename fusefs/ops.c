/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE requests. The kernel asks twice for one open, read and close (OPEN and READ); names and
 * attributes never change and are remembered by it, FLUSH is not sent, and RELEASE is not waited
 * for.
 */
#include "config.h"
#include "server.h"
#include "handles.h"
#include "recent.h"
#include "sizes.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define FOR_EVER 1e9

static struct server *server_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void fill_attr(const struct server *s, uint64_t ino, struct stat *st)
{
	const struct node *n = tree_node(ino);

	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = n->mode;
	st->st_nlink = S_ISDIR(n->mode) ? 2 + n->subdirs : 1;
	st->st_uid = s->uid;
	st->st_gid = s->gid;
	st->st_size = size_now(ino);
	st->st_atim = st->st_mtim = st->st_ctim = s->started;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	/* A write of a sysctl is short: no more than this has to be kept at hand. */
	conn->max_write = 4096;
	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {
		.ino = tree_lookup(parent, name),
		.attr_timeout = FOR_EVER,
		.entry_timeout = FOR_EVER,
	};

	if (!e.ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	fill_attr(server_of(req), e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

/* Nothing is counted: nodes stay. */
static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	if (!tree_node(ino)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	fill_attr(server_of(req), ino, &st);
	fuse_reply_attr(req, &st, FOR_EVER);
}

/* proc_sys_setattr(): mode and owner cannot be changed; a length may be set and means nothing. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	if (to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		fuse_reply_err(req, EPERM);
	else
		op_getattr(req, ino, fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->cache_readdir = 1;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

/* The offset of an entry is its inode number. "." and ".." are left out, as POSIX allows. */
static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	char buf[4096];
	size_t len = 0, cap = size < sizeof(buf) ? size : sizeof(buf);
	uint64_t entry = off;

	while ((entry = tree_next(ino, entry))) {
		const struct node *n = tree_node(entry);
		struct stat st = { .st_ino = entry, .st_mode = n->mode };
		char name[NAME_MAX + 1];
		size_t need;

		memcpy(name, n->name, n->name_len);
		name[n->name_len] = '\0';
		need = fuse_add_direntry(req, buf + len, cap - len, name, &st, entry);
		if (need > cap - len)
			break;
		len += need;
	}
	fuse_reply_buf(req, buf, len);
}

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
		r = n->render(&s->facts, &h->text);
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
 * For reading, the text is made here, and the kernel told its length (sizes.c).
 */
static int open_file(struct server *s, const struct node *n, uint64_t ino,
		     struct fuse_file_info *fi)
{
	struct handle *h;
	int r = handle_open(&h);

	if (r < 0)
		return r;
	fi->fh = h->fh;
	if ((fi->flags & O_ACCMODE) != O_WRONLY) {
		r = render(s, n, ino, h);
		h->rendered = h->fresh = r == 0;
	}
	if (r == 0)
		size_opened(s->fuse_fd, ino, h->text.buf, h->text.len);
	handle_put(h);
	if (r < 0)
		handle_release(fi->fh);
	return r;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct node *n = tree_node(ino);
	int r = n && S_ISREG(n->mode) ? open_file(server_of(req), n, ino, fi) : -ESTALE;

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	fi->direct_io = 1; /* a read is answered from the text, whatever size the kernel believes */
	fi->noflush = 1;
	if (fuse_reply_open(req, fi) < 0) /* the caller was interrupted: no RELEASE will come */
		handle_release(fi->fh);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	handle_release(fi->fh);
	fuse_reply_err(req, 0);
}

/*
 * As seq_file does it: a read at the start renders anew, others go on in the same text. As there,
 * the file's lock is held meanwhile; only readers of the same open file wait for it.
 */
static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	const struct node *n = tree_node(ino);
	struct handle *h = n && S_ISREG(n->mode) ? handle_get(fi->fh) : NULL;
	int r = 0;

	if (!h) {
		fuse_reply_err(req, n ? ENFILE : ESTALE);
		return;
	}
	pthread_mutex_lock(&h->lock);
	if ((off == 0 && !h->fresh) || !h->rendered) {
		r = render(server_of(req), n, ino, h);
		h->rendered = r == 0;
	}
	h->fresh = false;
	if (r < 0) {
		fuse_reply_err(req, -r);
	} else {
		size_t left = (uint64_t)off < h->text.len ? h->text.len - off : 0;

		fuse_reply_buf(req, left ? h->text.buf + off : NULL, left < size ? left : size);
	}
	pthread_mutex_unlock(&h->lock);
	handle_put(h);
}

/* proc_sys_call_handler() with sysctl_writes_strict = 1: only what is written at the start counts.
 */
static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	struct server *s = server_of(req);
	const struct node *n = tree_node(ino);
	int64_t values[SYSCTL_MAX_VALUES];
	size_t consumed = size;
	ssize_t r = 0;

	if (!n || !n->sysctl) {
		fuse_reply_err(req, EIO);
		return;
	}
	if (off == 0) {
		pthread_mutex_lock(&s->store_lock);
		sysctl_store_get(s->store, n->sysctl, values);
		r = sysctl_parse(n->sysctl, buf, size, values, &consumed);
		sysctl_store_put(s->store, n->sysctl, values);
		pthread_mutex_unlock(&s->store_lock);
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_write(req, consumed);
}

const struct fuse_lowlevel_ops server_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.write = op_write,
};
