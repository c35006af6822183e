/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each inode that the kernel remembers holds a descriptor here, and what it pins in the backing
 * file system. The kernel forgets by itself only when memory is short; beyond a limit it is asked
 * to (FUSE_NOTIFY_PRUNE, Linux 6.18). It keeps what is in use.
 */
#include "config.h"
#include "server.h"

#include <unistd.h>

#define BATCH 256

struct prune {
	struct fuse_out_header head;
	struct proto_notify_prune_out out;
	uint64_t nodeid[BATCH];
};

static void forget_attributes(const struct server *s, uint64_t nodeid)
{
	struct {
		struct fuse_out_header head;
		struct fuse_notify_inval_inode_out out;
	} m = { .head = { .len = sizeof(m), .error = FUSE_NOTIFY_INVAL_INODE },
		.out = { .ino = nodeid, .off = -1 } };

	(void)!write(s->fuse_fd, &m, sizeof(m)); /* it may not know it any more */
}

/**
 * ask_again() - have the kernel forget the attributes of @n
 *
 * Who opens a file to write, or gets a lock of it, must not see what was so before others wrote in
 * the directory itself.
 */
void ask_again(const struct server *s, const struct node *n)
{
	if (s->cache == CACHE_AUTO)
		forget_attributes(s, node_id(&s->nodes, n));
}

/**
 * ask_again_accessed() - the same where the kernel does not expect what it had done to change them
 *
 * It forgets the time of access when it reads a file, not when it has us copy from it.
 */
void ask_again_accessed(const struct server *s, const struct node *n)
{
	if (s->cache != CACHE_STRICT)
		forget_attributes(s, node_id(&s->nodes, n));
}

/**
 * ask_again_aliases() - the same for all that are one file, which was changed by one of its names
 *
 * The names of a file of an overlay are nodes of their own (node.c), so the kernel takes them for
 * different files. It even decides by what it remembers who may change them.
 */
void ask_again_aliases(struct server *s, const struct node *n)
{
	uint64_t ids[64];
	size_t count;

	if (!s->nodes.overlay || S_ISDIR(node_type(n)))
		return;
	count = node_aliases(&s->nodes, n, ids, 64);
	for (size_t i = 0; i < count && count > 1; i++)
		forget_attributes(s, ids[i]);
}

/**
 * prune_is_due() - whether the kernel remembers too many inodes, and can be told
 */
bool prune_is_due(struct server *s)
{
	return s->minor >= PROTO_MINOR_PRUNE && node_count(&s->nodes) > s->max_inodes;
}

/**
 * prune() - have the kernel forget some inodes
 *
 * Called without an unanswered request: what is dropped is dropped before this returns.
 */
void prune(struct server *s)
{
	struct prune p = { .head.error = PROTO_NOTIFY_PRUNE };

	p.out.count = node_victims(&s->nodes, p.nodeid, BATCH);
	p.head.len = offsetof(struct prune, nodeid) + p.out.count * sizeof(*p.nodeid);
	(void)!write(s->fuse_fd, &p, p.head.len); /* another time, then */
}
