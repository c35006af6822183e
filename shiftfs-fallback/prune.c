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

/**
 * ask_again() - have the kernel forget the attributes of @n
 *
 * Who opens a file to write, or gets a lock of it, must not see what was so before others wrote in
 * the directory itself.
 */
void ask_again(const struct server *s, const struct node *n)
{
	struct {
		struct fuse_out_header head;
		struct fuse_notify_inval_inode_out out;
	} m = { .head = { .len = sizeof(m), .error = FUSE_NOTIFY_INVAL_INODE },
		.out = { .ino = node_id(&s->nodes, n), .off = -1 } };

	if (s->cache == CACHE_AUTO)
		(void)!write(s->fuse_fd, &m, sizeof(m)); /* it may not know it any more */
}

/**
 * prune() - have the kernel forget some inodes if it remembers too many
 *
 * Called without an unanswered request: what is dropped is dropped before this returns.
 */
void prune(struct server *s)
{
	struct prune p = { .head.error = PROTO_NOTIFY_PRUNE };

	if (s->minor < PROTO_MINOR_PRUNE || node_count(&s->nodes) <= s->max_inodes)
		return;
	p.out.count = node_victims(&s->nodes, p.nodeid, BATCH);
	p.head.len = offsetof(struct prune, nodeid) + p.out.count * sizeof(*p.nodeid);
	(void)!write(s->fuse_fd, &p, p.head.len); /* another time, then */
}
