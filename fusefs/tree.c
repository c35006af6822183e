/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree, built once from views[] before the first request; read-only after that.
 */
#include "config.h"
#include "tree.h"
#include "lib/views.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static struct node nodes[TREE_NODES_MAX]; /* [ino] */
static uint64_t nodes_end = TREE_ROOT + 1;

static uint64_t find(uint64_t parent, const char *name, size_t len)
{
	for (uint64_t i = TREE_ROOT + 1; i < nodes_end; i++)
		if (nodes[i].parent == parent && nodes[i].name_len == len &&
		    memcmp(nodes[i].name, name, len) == 0)
			return i;
	return 0;
}

static uint64_t add(uint64_t parent, const char *name, size_t len, mode_t mode)
{
	if (nodes_end == TREE_NODES_MAX)
		return 0;
	nodes[nodes_end] =
		(struct node){ .name = name, .name_len = len, .parent = parent, .mode = mode };
	if (S_ISDIR(mode))
		nodes[parent].subdirs++;
	return nodes_end++;
}

static int add_view(const struct view *view)
{
	const char *name = view->path, *slash;
	uint64_t dir = TREE_ROOT, ino;

	while ((slash = strchr(name, '/'))) {
		ino = find(dir, name, slash - name);
		if (!ino)
			ino = add(dir, name, slash - name, S_IFDIR | 0555);
		if (!ino)
			return -ENOSPC;
		dir = ino;
		name = slash + 1;
	}
	ino = add(dir, name, strlen(name), S_IFREG | view->mode);
	if (!ino)
		return -ENOSPC;
	if (view->kind == VIEW_SYSCTL)
		nodes[ino].sysctl = sysctl_find(view->path);
	else
		nodes[ino].render = provider_find(view->path);
	return nodes[ino].sysctl || nodes[ino].render ? 0 : -ENOENT;
}

/**
 * tree_build() - make the nodes
 *
 * Return: 0, or -errno if a view has nobody who serves it.
 */
int tree_build(void)
{
	nodes[TREE_ROOT] = (struct node){ .name = "", .parent = TREE_ROOT, .mode = S_IFDIR | 0555 };
	for (int i = 0; i < views_count; i++) {
		int r = add_view(&views[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/**
 * tree_node() - the node of an inode number, or NULL
 */
const struct node *tree_node(uint64_t ino)
{
	return ino >= TREE_ROOT && ino < nodes_end ? &nodes[ino] : NULL;
}

/**
 * tree_lookup() - the inode number of an entry, or 0
 */
uint64_t tree_lookup(uint64_t parent, const char *name)
{
	return find(parent, name, strlen(name));
}

/**
 * tree_next() - the first entry of @parent whose number is above @after, or 0
 */
uint64_t tree_next(uint64_t parent, uint64_t after)
{
	for (uint64_t i = after < TREE_ROOT ? TREE_ROOT + 1 : after + 1; i < nodes_end; i++)
		if (nodes[i].parent == parent)
			return i;
	return 0;
}
