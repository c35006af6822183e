/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing and renaming. Nodes are inodes, not names; but one that loses its last name is pinned
 * before (nodefd.c).
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT (1 << 2)
#endif

/* What @name in @dir is will lose this name. */
static void pin_victim(struct request *r, int dir, const char *name)
{
	struct node_table *t = &r->server->nodes;
	autofd fd = -1;
	struct node_stat st;

	fd = open_child(dir, name);
	if (fd >= 0 && node_stat(fd, &st) == 0 && (S_ISDIR(st.x.stx_mode) || st.x.stx_nlink == 1))
		node_pin(t, fd_steal(&fd), &st);
}

static int remove_entry(struct request *r, int flags)
{
	size_t offset = 0;
	const char *name;
	int error = request_name(r, &offset, &name), dir;

	if (error < 0)
		return error;
	if (hide_has(&r->server->hide, request_node(r), name))
		return -ENOENT;
	dir = request_fd(r);
	if (dir < 0)
		return dir;
	if (r->done)
		return 0;
	pin_victim(r, dir, name);
	if (unlinkat(dir, name, flags) == 0 || (errno == ENOENT && r->again))
		return 0;
	return -errno;
}

int do_unlink(struct request *r)
{
	return remove_entry(r, 0);
}

int do_rmdir(struct request *r)
{
	return remove_entry(r, AT_REMOVEDIR);
}

struct renaming {
	int from, to;
	const char *old, *new;
	unsigned int flags;
};

/*
 * Whether a server before this one has done it. If the old name is taken again afterwards (by the
 * other of two that are exchanged, or by a whiteout), it noted before which inode it would move.
 */
static bool renamed_before(const struct request *r, const struct renaming *n)
{
	struct node_stat st;

	if (!r->again || node_stat_at(n->to, n->new, &st) < 0)
		return false;
	if (n->flags & (RENAME_EXCHANGE | RENAME_WHITEOUT))
		return r->slot->aux && st.x.stx_ino == r->slot->aux;
	return node_stat_at(n->from, n->old, &st) == -ENOENT;
}

static int do_it(struct request *r, const struct renaming *n)
{
	struct node_stat st;

	if (r->done || renamed_before(r, n))
		return 0;
	if (n->flags & (RENAME_EXCHANGE | RENAME_WHITEOUT)) {
		if (node_stat_at(n->from, n->old, &st) == 0)
			r->slot->aux = st.x.stx_ino;
	}
	if (!(n->flags & (RENAME_EXCHANGE | RENAME_NOREPLACE)))
		pin_victim(r, n->to, n->new);
	/* by number: an older C library refuses the flags that it does not know */
	return syscall(SYS_renameat2, n->from, n->old, n->to, n->new, n->flags) < 0 ? -errno : 0;
}

static int rename_entry(struct request *r, size_t offset, uint64_t newdir, unsigned int flags)
{
	struct node *to = node_of(&r->server->nodes, newdir);
	struct renaming n = { .flags = flags };
	int error = request_name(r, &offset, &n.old);

	if (error == 0)
		error = request_name(r, &offset, &n.new);
	if (error < 0)
		return error;
	if (hide_has(&r->server->hide, request_node(r), n.old))
		return -ENOENT;
	if (hide_has(&r->server->hide, to, n.new))
		return -EPERM;
	n.from = request_fd(r);
	n.to = n.from < 0 ? n.from : request_hold(r, to);
	return n.to < 0 ? n.to : do_it(r, &n);
}

int do_rename(struct request *r)
{
	const struct fuse_rename_in *in = r->arg;

	return rename_entry(r, sizeof(*in), in->newdir, 0);
}

int do_rename2(struct request *r)
{
	const struct fuse_rename2_in *in = r->arg;

	/* this makes an inode: with the caller's ids */
	if (in->flags & RENAME_WHITEOUT) {
		int error = become_maker(r);

		if (error < 0)
			return error;
	}
	return rename_entry(r, sizeof(*in), in->newdir, in->flags);
}
