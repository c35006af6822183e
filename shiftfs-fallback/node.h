/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inodes that the kernel knows, each pinned by an O_PATH descriptor.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <linux/stat.h>

#define NODE_SHARDS 64

/* What statx(2) says. */
struct node_stat {
	struct statx x;
	uint64_t dev;
};

struct node {
	struct node *next; /* in its bucket. Locking: the shard's */
	uint64_t dev, ino, alias;
	uint64_t lookups; /* that the kernel has not forgotten. Locking: the shard's */
	uint64_t generation;
	int fd;
	mode_t type;
};

struct node_shard {
	pthread_mutex_t lock; /* rank 1; nothing is called with it held */
	struct node **bucket;
	size_t n_buckets, n_nodes;
	size_t hand; /* the bucket whose turn it is */
};

struct node_table {
	struct node root;
	bool overlay;		  /* the backing is an overlay */
	atomic_bool many_devices; /* there may be nodes of another device than the root's */
	atomic_uint_fast64_t generation;
	atomic_size_t count; /* of nodes */
	atomic_uint hand;    /* the shard whose turn it is to give up nodes */
	struct node_shard shard[NODE_SHARDS];
};

int node_table_init(struct node_table *t, int root_fd);
int node_stat(int fd, struct node_stat *st);
int node_stat_at(int dirfd, const char *name, struct node_stat *st);
int node_get(struct node_table *t, int fd, const struct node_stat *st, uint64_t alias,
	     struct node **ret);
uint64_t node_alias(const struct node_table *t, const struct node *parent, const char *name,
		    const struct node_stat *st);
void node_forget(struct node_table *t, struct node *n, uint64_t lookups);
uint64_t node_number(const struct node_table *t, uint64_t dev, uint64_t ino);
size_t node_count(const struct node_table *t);
size_t node_victims(struct node_table *t, uint64_t *ids, size_t max);
bool node_numbers_differ(const struct node_table *t);
struct node *node_of(struct node_table *t, uint64_t nodeid);
uint64_t node_id(const struct node_table *t, const struct node *n);
