/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the table of nodes, their descriptors and their places.
 */
#include "node.h"

uint64_t node_hash(uint64_t dev, uint64_t ino);
struct node_shard *node_shard_of(struct node_table *t, uint64_t hash);
void node_insert(struct node_table *t, struct node_shard *s, uint64_t hash, struct node *n);
void node_handle(int fd, struct node *n);
int node_open_handle(int mount_fd, const struct node *n, int flags);
struct node *node_seek(struct node_table *t, int fd, const struct node_stat *st);
void node_seek_end(struct node_table *t, const struct node_stat *st);
void node_put(struct node_table *t, struct node *n, uint32_t holds, uint64_t lookups);
void node_not_recent(struct node_table *t, struct node *n);
