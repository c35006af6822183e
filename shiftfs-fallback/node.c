/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node is named by its address: the kernel gives back only what it was given, and only until it
 * has forgotten it. It lives as long as the kernel has lookups of it; requests need no reference
 * of their own, because the kernel forgets no inode that it has a request for. Nodes lie in memory
 * that outlives the process, so that names stay good; the hash table is made anew from them.
 *
 * A node with a handle pins nothing: device, inode number and handle together name the inode. One
 * without has a descriptor all the time, which pins it, so that device and inode number are enough.
 * nodefd.c has the descriptors.
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
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/fuse.h>
#include <linux/magic.h>

#define FIRST_BUCKETS 4

/* Reserved address space is what they cost before they are used. */
#define MAX_NODES (1u << 24)

_Static_assert(sizeof(struct node) <= 112, "a million cached inodes in about 110 MiB");

static uint64_t mix(uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ (dev << 32 | dev >> 32)) * 0x9e3779b97f4a7c15ull;

	return h ^ h >> 29;
}

static struct node_shard *shard_of(struct node_table *t, uint64_t hash)
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
			struct node **head = bucket_of(s, mix(n->dev, n->ino));

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

/* Locking: the shard's. */
static void insert(struct node_table *t, struct node_shard *s, uint64_t hash, struct node *n)
{
	struct node **head;

	atomic_fetch_add(&t->count, 1);
	if (s->n_nodes++ >= s->n_buckets)
		grow(s);
	head = bucket_of(s, hash);
	n->next = *head;
	*head = n;
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
	insert(t, shard_of(t, mix(n->dev, n->ino)), mix(n->dev, n->ino), n);
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
 * node_alias() - what tells the file @name in @parent from others with its inode number
 */
uint64_t node_alias(const struct node_table *t, const struct node *parent, const char *name,
		    const struct node_stat *st)
{
	uint64_t h = mix(parent->dev, parent->ino);

	if (!t->overlay || S_ISDIR(st->x.stx_mode) || st->x.stx_nlink < 2)
		return 0;
	for (; *name; name++)
		h = mix(h, (unsigned char)*name);
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
	uint64_t hash = mix(st->dev, st->x.stx_ino);
	struct node_shard *s = shard_of(t, hash);
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
			insert(t, s, hash, n);
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
	uint64_t hash = mix(n->dev, n->ino);
	struct node_shard *s = shard_of(t, hash);
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
	struct node **p = bucket_of(s, mix(n->dev, n->ino));

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
	struct node_shard *s = shard_of(t, mix(n->dev, n->ino));
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
	pthread_mutex_lock(&shard_of(t, mix(n->dev, n->ino))->lock);
}

void node_unlock(struct node_table *t, struct node *n)
{
	pthread_mutex_unlock(&shard_of(t, mix(n->dev, n->ino))->lock);
}

/**
 * node_seek() - the node of the inode that @fd refers to, if the kernel knows that
 * @st: what node_stat() says of it
 *
 * Return: a node or NULL. Its shard is locked, until node_seek_end().
 */
struct node *node_seek(struct node_table *t, int fd, const struct node_stat *st)
{
	uint64_t hash = mix(st->dev, st->x.stx_ino);
	struct node_shard *s = shard_of(t, hash);
	struct node like = { .dev = st->dev, .ino = st->x.stx_ino };

	if (t->mount_fd >= 0)
		node_handle(fd, &like);
	pthread_mutex_lock(&s->lock);
	return find(s, hash, &like);
}

void node_seek_end(struct node_table *t, const struct node_stat *st)
{
	pthread_mutex_unlock(&shard_of(t, mix(st->dev, st->x.stx_ino))->lock);
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
	return ino ^ (mix(dev, 0) & 0x7fffff0000000000ull) ^ 0x0000010000000000ull;
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
