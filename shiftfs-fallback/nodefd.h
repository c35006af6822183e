/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the table of nodes and their descriptors.
 */
#include "node.h"

void node_handle(int fd, struct node *n);
int node_open_handle(int mount_fd, const struct node *n, int flags);
void node_put(struct node_table *t, struct node *n, uint32_t holds, uint64_t lookups);
void node_not_recent(struct node_table *t, struct node *n);
