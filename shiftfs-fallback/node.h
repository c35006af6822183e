/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inodes that the kernel knows, by file handle where the backing has such, else pinned by an
 * O_PATH descriptor each.
 */
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <linux/stat.h>

#define NODE_SHARDS 64

/* How many nodes at most keep a descriptor after use. */
#define NODE_RECENT 64

/* What statx(2) says. */
struct node_stat {
	struct statx x;
	uint64_t dev;
};

/* As struct file_handle, with room for those of common file systems. */
#define NODE_HANDLE 24

struct node {
	struct node *next; /* in its bucket. Locking: the shard's */
	uint64_t dev, ino, alias;
	uint64_t lookups; /* that the kernel has not forgotten. Locking: the shard's */
	uint32_t generation;
	int32_t fd;	/* while somebody holds it, else -1. Locking: the shard's */
	uint32_t holds; /* Locking: the shard's */
	uint32_t opens; /* through .backing_id, or of a directory. Locking: the shard's */
	union {
		int32_t backing_id; /* 0: none. Locking: the shard's */
		uint32_t told;	    /* of a directory: names that came with attributes (dir.c) */
	};
	uint8_t format;	    /* S_IFMT >> 12; 0: not in use */
	bool pinned;	    /* holds itself. Locking: the shard's */
	bool orphan;	    /* lost its last name through us, or never had one */
	uint8_t recent;	    /* its place in the table's list, + 1. Locking: the list's */
	uint8_t handle_len; /* 0: there is none */
	int32_t handle_type;
	unsigned char handle[NODE_HANDLE];
	uint32_t known;	 /* when a directory was listed with attributes (dir.c), or a file had no
			    capabilities for sure (xattr.c): now_ms(), or 0 */
	uint32_t place;	 /* of a directory: where the kernel has it (place.c). Locking: the shard's,
			  */
	uint32_t before; /* and where it had it, */
	uint32_t since;	 /* until so many burials */
};

struct node_shard {
	pthread_mutex_t lock; /* rank 1; nothing is called with it held */
	struct node **bucket;
	size_t n_buckets, n_nodes;
	size_t hand; /* the bucket whose turn it is */
};

struct node_table {
	struct node root;
	struct pool pool;
	int mount_fd;		  /* for handles, or -1 */
	bool overlay;		  /* the backing is an overlay */
	atomic_bool many_devices; /* there may be nodes of another device than the root's */
	atomic_uint generation;
	atomic_size_t count; /* of nodes */
	atomic_uint hand;    /* the shard whose turn it is to give up nodes */
	int proc_fd;	     /* /proc/self/fd; set by the owner */

	pthread_mutex_t recent_lock; /* rank 2 */
	struct node *recent[NODE_RECENT];
	unsigned int recent_hand;

	struct node_shard shard[NODE_SHARDS];
};

/* node-table.c */
int node_table_init(struct node_table *t, int root_fd, bool handles, uint32_t *shared_top);
int node_table_recover(struct node_table *t);
void node_table_end(struct node_table *t);
size_t node_count(const struct node_table *t);
size_t node_victims(struct node_table *t, uint64_t *ids, size_t max);

/* node.c */
int node_stat(int fd, struct node_stat *st);
int node_stat_at(int dirfd, const char *name, struct node_stat *st);
int node_get(struct node_table *t, int *fd, const struct node_stat *st, uint64_t alias,
	     struct node **ret);
int node_hold(struct node_table *t, struct node *n);
void node_drop_later(struct node_table *t, struct node *n);
void node_pin(struct node_table *t, int fd, const struct node_stat *st);

/* place.c */
uint32_t place_of(const struct node *dir, const char *name);
bool place_holds(struct node_table *t, int fd, const struct node_stat *st, uint32_t place);
void place_change(struct node_table *t, int fd, const struct node_stat *st, uint32_t from,
		  uint32_t to);
void place_bury(uint32_t place);
bool place_tell(struct node_table *t, struct node *n, uint32_t place);

int node_open(struct node_table *t, struct node *n, int flags);
uint64_t node_alias(const struct node_table *t, const struct node *parent, const char *name,
		    const struct node_stat *st);
size_t node_aliases(struct node_table *t, const struct node *n, uint64_t *ids, size_t max);
void node_forget(struct node_table *t, struct node *n, uint64_t lookups);
uint64_t node_number(const struct node_table *t, uint64_t dev, uint64_t ino);
bool node_numbers_differ(const struct node_table *t);
struct node *node_of(struct node_table *t, uint64_t nodeid);
uint64_t node_id(const struct node_table *t, const struct node *n);
void node_lock(struct node_table *t, struct node *n);
void node_unlock(struct node_table *t, struct node *n);

/* S_IFMT bits */
static inline mode_t node_type(const struct node *n)
{
	return (mode_t)n->format << 12;
}
