/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What tree.c and tree-look.c share: the nodes, and what the numbers of inodes mean (see the top of
 * tree.c).
 */
#include "tree.h"

extern struct node tree_nodes[TREE_NODES_MAX]; /* [ino] */
extern uint64_t tree_nodes_end;		       /* from here on there are none */
extern uint64_t tree_covers;
extern const struct facts *tree_facts;

uint64_t tree_find(uint64_t parent, const char *name, size_t len);
uint64_t tree_find_path(const char *path, size_t len, char slash);
uint64_t tree_find_numbered(uint64_t dir);

/* "cpu#": the name ends with a number. "#": it is a network device's, or a file of the kernel's. */
static inline bool is_numbered(const struct node *n)
{
	return n->name_len > 0 && n->name[n->name_len - 1] == '#';
}

/* The part of an inode number that says which one; 0 if none. */
static inline uint64_t instance(uint64_t ino)
{
	return ino - ino % TREE_NODES_MAX;
}

static inline uint64_t numbered(uint64_t ino, unsigned int number)
{
	return ino % TREE_NODES_MAX + (number + 1ull) * TREE_NODES_MAX;
}

static inline unsigned int number_of(uint64_t ino)
{
	return ino / TREE_NODES_MAX ? ino / TREE_NODES_MAX - 1 : 0;
}
