/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tree of views[]: nodes never come or go, so a node's number is its place in a table, and the
 * kernel may remember it for ever.
 */
#include "providers.h"
#include "lib/sysctl.h"

#include <stdint.h>
#include <sys/types.h>

#define TREE_ROOT      1
#define TREE_NODES_MAX 256 /* node numbers are below */

struct node {
	const char *name; /* not terminated: @name_len */
	size_t name_len;
	uint64_t parent;
	mode_t mode; /* with the type */
	unsigned int subdirs;
	provider_fn *render;	     /* VIEW_RENDERED */
	const struct sysctl *sysctl; /* VIEW_SYSCTL */
};

int tree_build(void);
const struct node *tree_node(uint64_t ino);
uint64_t tree_lookup(uint64_t parent, const char *name);
uint64_t tree_next(uint64_t parent, uint64_t after);
