/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open directories. The positions that the backing gives to entries are passed on as they are, so
 * that seekdir(3) works however the directory has changed since. Nothing is read ahead: each
 * request asks for no more than certainly fits into its answer, so that a server after this one
 * goes on where the descriptor is.
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BUF_MAX (128 * 1024)
#define BUF_MIN 280 /* the largest entry */

/*
 * A listing that is remembered is good as long as the time of change is the same. Two changes in
 * one tick of the clock have the same, so a directory that was just changed is not remembered.
 */
#define SETTLED_NS 50000000

/*
 * So many names of a directory come with attributes. Who reads the names of a huge one only shall
 * not have the kernel's memory filled with inodes.
 */
#define MOST_PLUS 10000

static bool settled(const struct node_stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (now.tv_sec - st->x.stx_ctime.tv_sec) * 1000000000ll + now.tv_nsec -
		       st->x.stx_ctime.tv_nsec >
	       SETTLED_NS;
}

/*
 * The kernel looks at the modification time, which anybody can set back to what it was. Here is
 * noted in which state a directory was when it was opened before; what another takes the place of
 * is listed anew.
 */
#define LISTED 16384

static _Atomic uint64_t listed[LISTED];

static _Atomic uint64_t *listed_of(const struct node *n)
{
	return &listed[(uintptr_t)n / sizeof(*n) % LISTED];
}

static bool is_as_before(const struct node *n, const struct node_stat *st)
{
	uint64_t state = (uintptr_t)n ^ (uint64_t)st->x.stx_ctime.tv_sec << 40 ^
			 (uint64_t)st->x.stx_ctime.tv_nsec << 10;

	return atomic_exchange(listed_of(n), state) == state;
}

/*
 * Of two who list a directory at once, one may put into the kernel's memory what was so before the
 * other one opened it. So only who is alone has its listing remembered, and that not if somebody
 * else came meanwhile.
 */
static bool is_alone(struct server *s, struct node *n)
{
	bool alone;

	node_lock(&s->nodes, n);
	alone = !n->opens++;
	node_unlock(&s->nodes, n);
	if (!alone)
		atomic_store(listed_of(n), 0);
	return alone;
}

/**
 * dir_closed() - a directory that was open is not
 */
void dir_closed(struct server *s, struct node *n)
{
	node_lock(&s->nodes, n);
	if (n->opens)
		n->opens--;
	node_unlock(&s->nodes, n);
}

/*
 * A listing that the kernel remembers brings no attributes. When those that came with it are about
 * to be forgotten, whoever wants them had better get both again than ask for each.
 */
static bool has_attributes(const struct server *s, const struct node *n)
{
	uint32_t known = __atomic_load_n(&n->known, __ATOMIC_RELAXED);

	return known && now_ms() - known < timeout_ms(s) / 2;
}

/*
 * Who opens a directory for a look at its first names (rm, whether it is empty) and then lists it
 * gets no second time the attributes that came with those.
 */
static uint32_t cache_flags(struct server *s, struct open_file *f)
{
	bool alone = is_alone(s, f->node);
	struct node_stat st;

	if (s->cache == CACHE_ALWAYS)
		return FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE;
	if (s->cache == CACHE_STRICT || !alone || node_stat(f->fd, &st) < 0 || !settled(&st))
		return 0;
	if (!is_as_before(f->node, &st) || !has_attributes(s, f->node))
		return FOPEN_CACHE_DIR;
	f->n_told = __atomic_load_n(&f->node->told, __ATOMIC_RELAXED);
	return FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE;
}

/**
 * do_opendir() - OPENDIR
 */
int do_opendir(struct request *r)
{
	struct fuse_open_out *out = &r->reply.open;
	struct server *s = r->server;
	int fd = node_open(&s->nodes, request_node(r), O_RDONLY | O_DIRECTORY);
	struct open_file *f = fd < 0 ? NULL : open_file_new(s, request_node(r), fd);

	if (!f)
		return fd < 0 ? fd : -ENOMEM;
	r->opened = f;
	*out = (struct fuse_open_out){ .fh = (uintptr_t)f };
	out->open_flags = cache_flags(s, f);
	return reply_with(r, out, sizeof(*out));
}

/**
 * do_fsyncdir() - FSYNCDIR
 */
int do_fsyncdir(struct request *r)
{
	const struct fuse_fsync_in *in = r->arg;
	int fd = open_file_fd(in->fh);
	int error = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(fd) : fsync(fd);

	return error < 0 ? -errno : 0;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Number and type as LOOKUP would tell them. */
static void complete(struct server *s, int dir, const struct dirent64 *e, struct fuse_dirent *out)
{
	struct node_stat st;

	if (out->type != DT_UNKNOWN && (is_dots(e->d_name) || !node_numbers_differ(&s->nodes)))
		return;
	if (node_stat_at(dir, e->d_name, &st) < 0)
		return; /* gone meanwhile */
	out->ino = node_number(&s->nodes, st.dev, st.x.stx_ino);
	out->type = IFTODT(st.x.stx_mode);
}

/* Return: how much it is. */
static size_t put(const struct fuse_dirent *head, const char *name, char *at)
{
	size_t len = FUSE_NAME_OFFSET + head->namelen, whole = FUSE_DIRENT_ALIGN(len);

	memcpy(at, head, FUSE_NAME_OFFSET);
	memcpy(at + FUSE_NAME_OFFSET, name, head->namelen);
	memset(at + len, 0, whole - len);
	return whole;
}

/* Whether the next name comes with attributes that are of use to the kernel. */
static bool wants_attributes(const struct server *s, const struct open_file *f)
{
	return f->n_plus >= f->n_told && f->n_plus < MOST_PLUS &&
	       (s->timeout.tv_sec || s->timeout.tv_nsec);
}

/* With what a LOOKUP would tell, which counts as one. */
static size_t put_plus(struct request *r, struct open_file *f, struct fuse_dirent *head,
		       const char *name, char *at)
{
	struct fuse_entry_out *out = (struct fuse_entry_out *)at;
	struct node *entry = r->entry;
	bool with = !is_dots(name) && wants_attributes(r->server, f);
	autofd fd = with ? open_child(f->fd, name) : -ENOENT;

	if (fd < 0 || entry_reply(r, &fd, name, out) < 0)
		memset(out, 0, sizeof(*out)); /* the kernel will ask, if at all */
	else
		head->ino = out->attr.ino;
	r->entry = entry;
	f->n_plus += !is_dots(name);
	return sizeof(*out) + put(head, name, at + sizeof(*out));
}

/* Return: how much of the answer was filled with what getdents64() found. */
static size_t translate(struct request *r, struct open_file *f, const char *buf, size_t len,
			char *out)
{
	const struct node *n = request_node(r);
	const struct hide *hide = &r->server->hide;
	bool aliases = hide_has_aliases(hide, n);
	int dir = f->fd;
	size_t used = 0;

	for (size_t pos = 0; pos < len;) {
		const struct dirent64 *e = (const void *)(buf + pos);
		struct fuse_dirent head = { .ino = e->d_ino,
					    .off = e->d_off,
					    .namelen = strlen(e->d_name),
					    .type = e->d_type };

		pos += e->d_reclen;
		if (hide_has(hide, n, e->d_name) ||
		    (aliases && hide_has_alias(hide, n, dir, e->d_name)))
			continue;
		complete(r->server, dir, e, &head);
		used += r->plus ? put_plus(r, f, &head, e->d_name, out + used)
				: put(&head, e->d_name, out + used);
	}
	return used;
}

/*
 * An entry here is at least 24 bytes and makes 32, or 160 with attributes; longer ones grow less.
 */
static size_t most(size_t size, bool plus)
{
	size_t n = plus ? size / 160 * 24 : size / 32 * 24;

	if (n < BUF_MIN)
		n = BUF_MIN;
	return n < BUF_MAX ? n : BUF_MAX;
}

static int read_dir(struct request *r)
{
	const struct fuse_read_in *in = r->arg;
	struct open_file *f = (struct open_file *)(uintptr_t)in->fh;
	size_t size = in->size < MAX_IO ? in->size : MAX_IO, used = 0;
	char *buf = r->worker->out + MAX_IO - BUF_MAX;
	long n;

	if (size < 2048) /* the kernel asks for a page at least */
		return -EINVAL;
	if (size > MAX_IO - BUF_MAX)
		size = MAX_IO - BUF_MAX;
	if (lseek(f->fd, 0, SEEK_CUR) != (off_t)in->offset &&
	    lseek(f->fd, in->offset, SEEK_SET) < 0)
		return -errno;
	if (in->offset == 0)
		f->n_plus = 0;
	do { /* until there is something that is not hidden */
		n = syscall(SYS_getdents64, f->fd, buf, most(size, r->plus));
		if (n > 0)
			used = translate(r, f, buf, n, r->worker->out);
	} while (n > 0 && used == 0);
	return n < 0 ? -errno : reply_with(r, r->worker->out, used);
}

/**
 * do_readdir() - READDIR: names from an offset of the backing on
 */
int do_readdir(struct request *r)
{
	return read_dir(r);
}

static void begin_plus(const struct server *s, struct open_file *f)
{
	if (f->n_told && has_attributes(s, f->node))
		return;
	f->n_told = 0;
	__atomic_store_n(&f->node->told, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&f->node->known, now_ms(), __ATOMIC_RELAXED);
}

/**
 * do_readdirplus() - READDIRPLUS: names with what LOOKUP would tell, each of which counts as one
 */
int do_readdirplus(struct request *r)
{
	const struct fuse_read_in *in = r->arg;
	struct open_file *f = (struct open_file *)(uintptr_t)in->fh;
	int error;

	r->plus = true;
	if (in->offset == 0)
		begin_plus(r->server, f);
	error = read_dir(r);
	if (f->n_plus > f->n_told)
		__atomic_store_n(&f->node->told, f->n_plus, __ATOMIC_RELAXED);
	return error;
}

/**
 * take_back_plus() - the kernel knows nothing of the entries that the answer told
 */
void take_back_plus(struct request *r)
{
	struct node_table *t = &r->server->nodes;

	for (size_t pos = 0; pos < r->out_len;) {
		const struct fuse_direntplus *e = (const void *)(r->worker->out + pos);

		if (e->entry_out.nodeid)
			node_forget(t, node_of(t, e->entry_out.nodeid), 1);
		pos += FUSE_DIRENTPLUS_SIZE(e);
	}
}
