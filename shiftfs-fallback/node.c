/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node is named by its address: the kernel gives back only what it was given, and only until it
 * has forgotten it. It lives as long as the kernel has lookups of it; requests need no reference
 * of their own, because the kernel forgets no inode that it has a request for. Nodes lie in memory
 * that outlives the process, so that names stay good; the hash table is made anew from them.
 *
 * A node with a handle pins nothing: device, inode number and handle together name the inode. One
 * without has a descriptor all the time, which pins it, so that device and inode number are enough.
 * nodefd.c has the descriptors, node-table.c the table as a whole.
 *
 * Overlayfs is different. Numbers can change when a file is copied up: a later lookup
 * then makes a second node for the same file, which works as well as the first. And the names of a
 * lower file with several links are different files (each is copied up alone, unless "index=on"),
 * but have one number: there each name makes a node of its own, told apart by .alias.
 */
#include "config.h"
#include "node.h"
#include "nodefd.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/fuse.h>

_Static_assert(sizeof(struct node) <= 112, "a million cached inodes in about 110 MiB");

/**
 * node_hash() - by which an inode is found
 */
uint64_t node_hash(uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ (dev << 32 | dev >> 32)) * 0x9e3779b97f4a7c15ull;

	return h ^ h >> 29;
}

/**
 * node_shard_of() - the part of the table that has what has @hash
 */
struct node_shard *node_shard_of(struct node_table *t, uint64_t hash)
{
	return &t->shard[hash % NODE_SHARDS];
}

static struct node **bucket_of(struct node_shard *s, uint64_t hash)
{
	return &s->bucket[hash / NODE_SHARDS % s->n_buckets];
}

/**
 * node_stat_at() - statx(2) of @name in @dirfd; symbolic links are not followed
 */
int node_stat_at(int dirfd, const char *name, struct node_stat *st)
{
	if (statx(dirfd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS | STATX_BTIME, &st->x) < 0)
		return -errno;
	st->dev = makedev(st->x.stx_dev_major, st->x.stx_dev_minor);
	return 0;
}

/**
 * node_stat() - statx(2) of @fd
 */
int node_stat(int fd, struct node_stat *st)
{
	return node_stat_at(fd, "", st);
}

/* Locking: the shard's. A table that cannot grow is only slower. */
static void grow(struct node_shard *s)
{
	size_t old = s->n_buckets;
	struct node **before = s->bucket, **after = calloc(old * 2, sizeof(*after));

	if (!after)
		return;
	s->bucket = after;
	s->n_buckets = old * 2;
	for (size_t i = 0; i < old; i++) {
		for (struct node *n = before[i], *next; n; n = next) {
			struct node **head = bucket_of(s, node_hash(n->dev, n->ino));

			next = n->next;
			n->next = *head;
			*head = n;
		}
	}
	free(before);
}

/* Locking: the shard's. */
static struct node *find(struct node_shard *s, uint64_t hash, const struct node *like)
{
	struct node *n = *bucket_of(s, hash);

	while (n && (n->dev != like->dev || n->ino != like->ino || n->alias != like->alias ||
		     n->handle_len != like->handle_len || n->handle_type != like->handle_type ||
		     memcmp(n->handle, like->handle, n->handle_len) != 0))
		n = n->next;
	return n;
}

/**
 * node_insert() - @n is in the table from now on
 *
 * Locking: the shard's.
 */
void node_insert(struct node_table *t, struct node_shard *s, uint64_t hash, struct node *n)
{
	struct node **head;

	atomic_fetch_add(&t->count, 1);
	if (s->n_nodes++ >= s->n_buckets)
		grow(s);
	head = bucket_of(s, hash);
	n->next = *head;
	*head = n;
}

/**
 * node_alias() - what tells the file @name in @parent from others with its inode number
 */
uint64_t node_alias(const struct node_table *t, const struct node *parent, const char *name,
		    const struct node_stat *st)
{
	uint64_t h = node_hash(parent->dev, parent->ino);

	if (!t->overlay || S_ISDIR(st->x.stx_mode) || st->x.stx_nlink < 2)
		return 0;
	for (; *name; name++)
		h = node_hash(h, (unsigned char)*name);
	return h | 1;
}

static struct node *alloc_node(struct node_table *t, const struct node *like)
{
	struct node *n = pool_alloc(&t->pool);

	if (!n)
		return NULL;
	n->format = 0; /* nobody's, should we be killed in between */
	*n = *like;
	return n;
}

static void free_node(struct node_table *t, struct node *n)
{
	n->format = 0;
	pool_free(&t->pool, n);
}

/**
 * node_get() - the node of the inode that @fd refers to, with one more lookup
 * @fd: if the node keeps it, which must be an O_PATH descriptor then, it is -1 afterwards
 * @st: what node_stat() says of it
 * @alias: what node_alias() says, or 0
 *
 * Return: 0 or -ENOMEM.
 */
int node_get(struct node_table *t, int *fd, const struct node_stat *st, uint64_t alias,
	     struct node **ret)
{
	uint64_t hash = node_hash(st->dev, st->x.stx_ino);
	struct node_shard *s = node_shard_of(t, hash);
	struct node like = { .dev = st->dev,
			     .ino = st->x.stx_ino,
			     .alias = alias,
			     .fd = -1,
			     .format = st->x.stx_mode >> 12 };
	struct node *n;

	if (st->dev != t->root.dev)
		atomic_store_explicit(&t->many_devices, true, memory_order_relaxed);
	if (t->mount_fd >= 0)
		node_handle(*fd, &like);
	if (!like.handle_len) {
		like.fd = *fd;
		like.holds = like.pinned = true;
	}
	pthread_mutex_lock(&s->lock);
	n = find(s, hash, &like);
	if (!n) {
		like.generation = atomic_fetch_add(&t->generation, 1) + 1;
		n = alloc_node(t, &like);
		if (n)
			node_insert(t, s, hash, n);
		if (n && n->fd >= 0)
			fd_steal(fd);
	}
	if (n)
		n->lookups++;
	pthread_mutex_unlock(&s->lock);
	*ret = n;
	return n ? 0 : -ENOMEM;
}

/**
 * node_aliases() - the nodes of the inode that @n is one of, @n too
 * @ids: receives at most @max of the kernel's names for them, which can be void by then
 *
 * Return: how many.
 */
size_t node_aliases(struct node_table *t, const struct node *n, uint64_t *ids, size_t max)
{
	uint64_t hash = node_hash(n->dev, n->ino);
	struct node_shard *s = node_shard_of(t, hash);
	size_t found = 0;

	pthread_mutex_lock(&s->lock);
	for (const struct node *a = *bucket_of(s, hash); a && found < max; a = a->next)
		if (a->dev == n->dev && a->ino == n->ino)
			ids[found++] = node_id(t, a);
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* Locking: the shard's. The caller frees it. */
static void take_out(struct node_table *t, struct node_shard *s, struct node *n)
{
	struct node **p = bucket_of(s, node_hash(n->dev, n->ino));

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	s->n_nodes--;
	atomic_fetch_sub(&t->count, 1);
}

/**
 * node_put() - one hold less, and perhaps the end
 * @lookups: that the kernel gave back too
 */
void node_put(struct node_table *t, struct node *n, uint32_t holds, uint64_t lookups)
{
	struct node_shard *s = node_shard_of(t, node_hash(n->dev, n->ino));
	bool gone, pinned;
	int fd = -1;

	pthread_mutex_lock(&s->lock);
	n->lookups -= lookups < n->lookups ? lookups : n->lookups;
	n->holds -= holds;
	pinned = n->pinned;
	gone = !n->lookups && n->holds == pinned;
	if (gone || !n->holds) {
		fd = n->fd;
		n->fd = -1;
	}
	if (gone)
		take_out(t, s, n);
	pthread_mutex_unlock(&s->lock);
	if (fd >= 0)
		close(fd);
	if (gone)
		free_node(t, n);
}

/**
 * node_forget() - the kernel gave back @lookups of @n; with the last, the node is gone
 */
void node_forget(struct node_table *t, struct node *n, uint64_t lookups)
{
	bool last;

	if (n == &t->root)
		return;
	node_lock(t, n);
	last = n->lookups <= lookups;
	node_unlock(t, n);
	if (last) /* nobody will use it any more */
		node_not_recent(t, n);
	node_put(t, n, 0, lookups);
}

/**
 * node_lock() - for the fields of a node that say so
 */
void node_lock(struct node_table *t, struct node *n)
{
	pthread_mutex_lock(&node_shard_of(t, node_hash(n->dev, n->ino))->lock);
}

/**
 * node_unlock() - the end of node_lock()
 */
void node_unlock(struct node_table *t, struct node *n)
{
	pthread_mutex_unlock(&node_shard_of(t, node_hash(n->dev, n->ino))->lock);
}

/**
 * node_seek() - the node of the inode that @fd refers to, if the kernel knows that
 * @st: what node_stat() says of it
 *
 * Return: a node or NULL. Its shard is locked, until node_seek_end().
 */
struct node *node_seek(struct node_table *t, int fd, const struct node_stat *st)
{
	uint64_t hash = node_hash(st->dev, st->x.stx_ino);
	struct node_shard *s = node_shard_of(t, hash);
	struct node like = { .dev = st->dev, .ino = st->x.stx_ino };

	if (t->mount_fd >= 0)
		node_handle(fd, &like);
	pthread_mutex_lock(&s->lock);
	return find(s, hash, &like);
}

/**
 * node_seek_end() - the end of node_seek(), whatever that returned
 */
void node_seek_end(struct node_table *t, const struct node_stat *st)
{
	pthread_mutex_unlock(&node_shard_of(t, node_hash(st->dev, st->x.stx_ino))->lock);
}

/**
 * node_pin() - the inode that @fd refers to loses its last name: handles are void then
 * @fd: O_PATH descriptor; taken over
 */
void node_pin(struct node_table *t, int fd, const struct node_stat *st)
{
	autofd mine = fd;
	struct node *n = node_seek(t, fd, st);

	if (n)
		n->orphan = true;
	if (n && !n->pinned) {
		n->pinned = true;
		n->holds++;
		if (n->fd < 0)
			n->fd = fd_steal(&mine);
	}
	node_seek_end(t, st);
}

/**
 * node_number() - the inode number that is shown
 *
 * The mount has one device number only. Files of a second device below the root (the layers of an
 * overlay on several file systems) would share inode numbers with those of the first, and look
 * like hard links to tar or rsync: theirs are moved to another part of the number space.
 */
uint64_t node_number(const struct node_table *t, uint64_t dev, uint64_t ino)
{
	if (dev == t->root.dev)
		return ino;
	return ino ^ (node_hash(dev, 0) & 0x7fffff0000000000ull) ^ 0x0000010000000000ull;
}

/**
 * node_numbers_differ() - whether the numbers in directories may not be those that are shown
 */
bool node_numbers_differ(const struct node_table *t)
{
	return atomic_load_explicit(&t->many_devices, memory_order_relaxed);
}

/**
 * node_of() - the node that the kernel calls @nodeid
 */
struct node *node_of(struct node_table *t, uint64_t nodeid)
{
	return nodeid == FUSE_ROOT_ID ? &t->root : (struct node *)(uintptr_t)nodeid;
}

/**
 * node_id() - the kernel's name for @n
 */
uint64_t node_id(const struct node_table *t, const struct node *n)
{
	return n == &t->root ? FUSE_ROOT_ID : (uintptr_t)n;
}
