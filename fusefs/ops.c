/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE requests that go through libfuse: all but those of open files (hot.c).
 * Names and attributes never change and are remembered by the kernel.
 */
#include "config.h"
#include "server.h"
#include "ask.h"
#include "sizes.h"
#include "survive.h"
#include "tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FOR_EVER 1e9
#define A_WHILE	 1.0 /* for what comes and goes with CPUs */

static double timeout_of(uint64_t ino)
{
	if (S_ISLNK(tree_node(ino)->mode)) /* a device: gone, or renamed, at any moment */
		return 0;
	return tree_fixed(ino) ? FOR_EVER : A_WHILE;
}

/*
 * The size of a file of the kernel's is what sendfile(2) goes by, and the kernel takes it for 0
 * once it was opened to be written: it has to be told at each open.
 */
static double entry_timeout_of(uint64_t ino)
{
	return tree_node(ino)->native ? 0 : timeout_of(ino);
}

static struct server *server_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* What the answer is to say of a node; the size is 0. Return: false if it is gone. */
static bool fill_attr(const struct server *s, uint64_t ino, struct stat *st)
{
	const struct node *n = tree_node(ino);

	size_asked(ino);
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = tree_mode(ino);
	st->st_nlink = S_ISDIR(n->mode) ? 2 + n->subdirs : 1;
	st->st_uid = s->uid;
	st->st_gid = s->gid;
	if (ino >= TREE_NODES_MAX && S_ISREG(n->mode))
		st->st_size = TREE_CPU_FILE_SIZE;
	st->st_atim = st->st_mtim = st->st_ctim = s->started;
	return st->st_mode != 0;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct server *s = userdata;

	/* A write of a sysctl is short: no more than this has to be kept at hand. */
	conn->max_write = 4096;
	if (conn->proto_minor >= SIZE_MIN_PROTOCOL)
		size_begin(s->fuse_fd, survive_sizes(s->survivor), s->resume);
	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {
		.ino = tree_lookup(parent, name),
	};

	if (!e.ino || !fill_attr(server_of(req), e.ino, &e.attr)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	e.attr_timeout = timeout_of(e.ino);
	e.entry_timeout = entry_timeout_of(e.ino);
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

	if (!tree_node(ino) || !fill_attr(server_of(req), ino, &st)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	fuse_reply_attr(req, &st, timeout_of(ino));
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[TREE_NAME_MAX];
	int r = tree_link(ino, target);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_readlink(req, target);
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
	fi->cache_readdir = fi->keep_cache = tree_fixed(ino);
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
		char name[TREE_NAME_MAX];
		size_t need;

		tree_name(ino, entry, name);
		if (!*name) /* gone meanwhile */
			continue;
		need = fuse_add_direntry(req, buf + len, cap - len, name, &st, entry);
		if (need > cap - len)
			break;
		len += need;
	}
	fuse_reply_buf(req, buf, len);
}

/* The same with what a LOOKUP of each would say: all covers are one answer. */
static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			   struct fuse_file_info *fi)
{
	char buf[32768];
	size_t len = 0, cap = size < sizeof(buf) ? size : sizeof(buf);
	uint64_t entry = off;

	while ((entry = tree_next(ino, entry))) {
		struct fuse_entry_param e = {
			.ino = entry,
			.attr_timeout = timeout_of(entry),
			.entry_timeout = entry_timeout_of(entry),
		};
		char name[TREE_NAME_MAX];
		size_t need;

		tree_name(ino, entry, name);
		if (!*name || !fill_attr(server_of(req), entry, &e.attr))
			continue;
		need = fuse_add_direntry_plus(req, buf + len, cap - len, name, &e, entry);
		if (need > cap - len)
			break;
		len += need;
	}
	fuse_reply_buf(req, buf, len);
}

const struct fuse_lowlevel_ops server_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
};
