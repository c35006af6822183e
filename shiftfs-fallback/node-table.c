/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of nodes as a whole: how it begins, in a successor of its process too, and ends; and
 * which nodes the kernel may be asked to forget. node.c has the nodes.
 */
#include "config.h"
#include "node.h"
#include "nodefd.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>
#include <linux/magic.h>

#define FIRST_BUCKETS 4

/* Reserved address space is what they cost before they are used. */
#define MAX_NODES (1u << 24)

/* Whether file handles of the file system can be opened later, whatever was forgotten meanwhile. */
static bool has_handles(int root_fd)
{
	static const long good[] = { 0xef53 /* ext4 */, 0x58465342 /* xfs */,
				     0x9123683e /* btrfs */, 0x01021994 /* tmpfs */,
				     0xf2f52010 /* f2fs */ };
	struct statfs fs;

	if (fstatfs(root_fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if ((long)fs.f_type == good[i])
			return true;
	return false;
}

static int init_shards(struct node_table *t)
{
	pthread_mutex_init(&t->recent_lock, NULL);
	for (int i = 0; i < NODE_SHARDS; i++) {
		struct node_shard *s = &t->shard[i];

		*s = (struct node_shard){ .n_buckets = FIRST_BUCKETS };
		pthread_mutex_init(&s->lock, NULL);
		s->bucket = calloc(s->n_buckets, sizeof(*s->bucket));
		if (!s->bucket)
			return -ENOMEM;
	}
	return 0;
}

/* Return: a descriptor for open_by_handle_at(2) if that works, or -1. */
static int open_mount(struct node_table *t, int root_fd)
{
	autofd fd = -1, try = -1;

	if (!has_handles(root_fd))
		return -1;
	fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	node_handle(root_fd, &t->root);
	try = node_open_handle(fd, &t->root, O_PATH);
	t->root.handle_len = 0;
	return try >= 0 ? fd_steal(&fd) : -1;
}

/**
 * node_table_init() - make an empty table
 * @root_fd: O_PATH descriptor of what is served; it is the caller's
 * @handles: whether file handles may be used, which needs CAP_DAC_READ_SEARCH
 * @shared_top: the pool's
 */
int node_table_init(struct node_table *t, int root_fd, bool handles, uint32_t *shared_top)
{
	struct node_stat st;
	struct statfs fs;
	int r = node_stat(root_fd, &st);

	if (r < 0)
		return r;
	if (!S_ISDIR(st.x.stx_mode) && !S_ISREG(st.x.stx_mode))
		return -ENOTDIR;
	t->mount_fd = handles && S_ISDIR(st.x.stx_mode) ? open_mount(t, root_fd) : -1;
	t->root = (struct node){ .dev = st.dev,
				 .ino = st.x.stx_ino,
				 .fd = root_fd,
				 .format = st.x.stx_mode >> 12,
				 .holds = 1,
				 .pinned = true,
				 .lookups = 1 };
	t->overlay = fstatfs(root_fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
	t->many_devices = t->overlay;
	r = pool_init(&t->pool, sizeof(struct node), MAX_NODES, shared_top);
	return r < 0 ? r : init_shards(t);
}

/* What a process before this one had in hand is in no hand any more. */
static bool recover(void *object, void *arg)
{
	struct node_table *t = arg;
	struct node *n = object;

	if (!n->format)
		return false;
	if (!n->lookups) {
		if (n->fd >= 0)
			close(n->fd);
		n->format = 0;
		return false;
	}
	if (!n->pinned && n->fd >= 0) {
		close(n->fd);
		n->fd = -1;
	}
	n->holds = n->pinned;
	n->recent = 0;
	n->since = 0;		   /* what was counted begins anew */
	if (S_ISDIR(node_type(n))) /* counted again from those that are open (file.c) */
		n->opens = 0;
	if (n->dev != t->root.dev)
		t->many_devices = true;
	if (n->generation > t->generation)
		t->generation = n->generation;
	node_insert(t, node_shard_of(t, node_hash(n->dev, n->ino)), node_hash(n->dev, n->ino), n);
	return true;
}

/**
 * node_table_recover() - make the table from the nodes of a process before this one
 */
int node_table_recover(struct node_table *t)
{
	int r = init_shards(t);

	if (r == 0)
		pool_recover(&t->pool, recover, t);
	return r;
}

static bool give_up(void *object, void *arg)
{
	struct node *n = object;
	int fd = n->fd;

	if (!n->format)
		return false;
	n->fd = -1;
	n->format = 0;
	if (fd >= 0)
		close(fd);
	return false;
}

/**
 * node_table_end() - nothing of the table is used any more: close its descriptors
 */
void node_table_end(struct node_table *t)
{
	pool_recover(&t->pool, give_up, NULL);
	for (int i = 0; i < NODE_SHARDS; i++) {
		free(t->shard[i].bucket);
		t->shard[i].bucket = NULL;
	}
	fd_cleanup(&t->root.fd);
	fd_cleanup(&t->mount_fd);
}

/**
 * node_count() - how many nodes there are
 */
size_t node_count(const struct node_table *t)
{
	return atomic_load(&t->count);
}

/* Locking: the shard's. */
static size_t shard_victims(const struct node_table *t, struct node_shard *s, uint64_t *ids,
			    size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_buckets && n < max; i++) {
		s->hand = (s->hand + 1) % s->n_buckets;
		for (struct node *v = s->bucket[s->hand]; v && n < max; v = v->next)
			ids[n++] = node_id(t, v);
	}
	return n;
}

/**
 * node_victims() - nodes that the kernel may be asked to forget, in turn
 * @ids: receives at most @max of the kernel's names for them, which can be void by then
 *
 * Return: how many.
 */
size_t node_victims(struct node_table *t, uint64_t *ids, size_t max)
{
	size_t n = 0;

	for (int i = 0; i < NODE_SHARDS && n < max; i++) {
		struct node_shard *s = &t->shard[atomic_fetch_add(&t->hand, 1) % NODE_SHARDS];

		pthread_mutex_lock(&s->lock);
		n += shard_victims(t, s, ids + n, max - n);
		pthread_mutex_unlock(&s->lock);
	}
	return n;
}
