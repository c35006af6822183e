/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing and renaming. Nodes are inodes, not names; but one that loses its last name is pinned
 * before (nodefd.c), and of directories it is known where the kernel has them (place.c).
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT (1 << 2)
#endif

/* An inode that is removed or moved. */
struct entry {
	int fd; /* O_PATH descriptor; -1: of no interest */
	struct node_stat st;
};

static bool is_dir(const struct entry *e)
{
	return S_ISDIR(e->st.x.stx_mode);
}

/* For all that is removed the look is at the inode, for the rest only at directories. */
static void find_entry(int dir, const char *name, bool all, struct entry *e)
{
	if (!all && (node_stat_at(dir, name, &e->st) < 0 || !S_ISDIR(e->st.x.stx_mode)))
		return;
	e->fd = open_child(dir, name);
	if (e->fd >= 0 && node_stat(e->fd, &e->st) < 0)
		fd_cleanup(&e->fd);
}

static bool has_place(struct node_table *t, const struct entry *e, uint32_t place)
{
#ifndef MUTANT_SHIFT_BURIED_ALIVE
	return e->fd < 0 || !is_dir(e) || place_holds(t, e->fd, &e->st, place);
#else
	return true;
#endif
}

/*
 * What @name in @dir is will lose this name.
 *
 * Return: 0, or -ESTALE if it is a directory that the kernel does not have there (place.c).
 */
static int find_victim(struct request *r, const struct node *n, int dir, const char *name,
		       struct entry *e)
{
	struct node_table *t = &r->server->nodes;

	find_entry(dir, name, true, e);
	if (e->fd < 0)
		return 0;
	if (!has_place(t, e, place_of(n, name)))
		return -ESTALE;
	if (is_dir(e) || e->st.x.stx_nlink == 1)
		node_pin(t, fd_steal(&e->fd), &e->st);
	return 0;
}

static int remove_entry(struct request *r, int flags)
{
	struct entry e = { .fd = -1 };
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
	if (hide_has_alias(&r->server->hide, request_node(r), dir, name))
		return -ENOENT;
	if (r->done)
		return 0;
	error = find_victim(r, request_node(r), dir, name, &e);
	if (error == 0 && unlinkat(dir, name, flags) < 0)
		error = errno == ENOENT && r->again ? 0 : -errno;
	else if (error == 0 && flags & AT_REMOVEDIR)
		place_bury(place_of(request_node(r), name));
	fd_cleanup(&e.fd);
	return error;
}

/**
 * do_unlink() - UNLINK
 */
int do_unlink(struct request *r)
{
	return remove_entry(r, 0);
}

/**
 * do_rmdir() - RMDIR
 */
int do_rmdir(struct request *r)
{
	return remove_entry(r, AT_REMOVEDIR);
}

struct renaming {
	int from, to;
	const struct node *from_node, *to_node;
	const char *old, *new;
	unsigned int flags;
	struct entry moved, other; /* what is to have the new name; and what has it */
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

/*
 * The kernel renames nothing to itself. If it asks for that it has asked for the name twice, got
 * two answers, and would take what it was told of last for dead.
 */
static bool is_same(const struct renaming *n)
{
#ifndef MUTANT_SHIFT_BURIED_ALIVE
	return n->from_node == n->to_node && !strcmp(n->old, n->new);
#else
	return false;
#endif
}

static int look(struct request *r, struct renaming *n)
{
	struct node_table *t = &r->server->nodes;
	uint32_t old = place_of(n->from_node, n->old), new = place_of(n->to_node, n->new);

	if (is_same(n))
		return -ESTALE;
	find_entry(n->from, n->old, false, &n->moved);
	if (n->flags & (RENAME_EXCHANGE | RENAME_WHITEOUT))
		r->slot->aux = n->moved.st.x.stx_ino;
	if (n->flags & RENAME_EXCHANGE)
		find_entry(n->to, n->new, false, &n->other);
	if (!has_place(t, &n->moved, old) || !has_place(t, &n->other, new))
		return -ESTALE;
	if (n->flags & (RENAME_EXCHANGE | RENAME_NOREPLACE))
		return 0;
	return find_victim(r, n->to_node, n->to, n->new, &n->other);
}

/* Whatever else the kernel may have had at these entries, it has elsewhere or takes for dead. */
static void moved(struct request *r, const struct renaming *n)
{
	uint32_t old = place_of(n->from_node, n->old), new = place_of(n->to_node, n->new);
	struct node_table *t = &r->server->nodes;

	if (is_dir(&n->moved))
		place_bury(old);
	if (is_dir(&n->moved) || is_dir(&n->other))
		place_bury(new);
	if (n->moved.fd >= 0)
		place_change(t, n->moved.fd, &n->moved.st, old, new);
	if (n->flags & RENAME_EXCHANGE && n->other.fd >= 0)
		place_change(t, n->other.fd, &n->other.st, new, old);
}

static int do_it(struct request *r, struct renaming *n)
{
	int error;

	if (r->done || renamed_before(r, n))
		return 0;
	error = look(r, n);
	/* by number: an older C library refuses the flags that it does not know */
	if (error == 0 && syscall(SYS_renameat2, n->from, n->old, n->to, n->new, n->flags) < 0)
		error = -errno;
	if (error == 0)
		moved(r, n);
	fd_cleanup(&n->moved.fd);
	fd_cleanup(&n->other.fd);
	return error;
}

static int rename_entry(struct request *r, size_t offset, uint64_t newdir, unsigned int flags)
{
	struct node *to = node_of(&r->server->nodes, newdir);
	struct renaming n = { .flags = flags,
			      .from_node = request_node(r),
			      .to_node = to,
			      .moved.fd = -1,
			      .other.fd = -1 };
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
	if (n.to < 0)
		return n.to;
	if (hide_has_alias(&r->server->hide, request_node(r), n.from, n.old))
		return -ENOENT;
	if (hide_has_alias(&r->server->hide, to, n.to, n.new))
		return -EPERM;
	return do_it(r, &n);
}

/**
 * do_rename() - RENAME
 */
int do_rename(struct request *r)
{
	const struct fuse_rename_in *in = r->arg;

	return rename_entry(r, sizeof(*in), in->newdir, 0);
}

/**
 * do_rename2() - RENAME2: with flags of renameat2(2)
 */
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
