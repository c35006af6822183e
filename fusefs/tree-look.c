/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is in the tree at the moment, and what it says: entries whose names end with a number
 * come and go with CPUs, network devices and modules. tree.c has the tree as it was built.
 */
#include "config.h"
#include "tree-internal.h"
#include "dirs.h"
#include "natives.h"
#include "netdev.h"
#include "lib/sysctl-store.h"
#include "lib/views.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/**
 * tree_mode() - with the type; 0 if a file of the kernel's is gone
 */
mode_t tree_mode(uint64_t ino)
{
	const struct node *n = tree_node(ino);

	return n->native ? natives_get(number_of(ino), NULL) : n->mode;
}

static bool is_cpu(const struct node *n)
{
	return n->name_len == strlen(DIR_CPU) && memcmp(n->name, DIR_CPU, n->name_len) == 0;
}

/* Of a CPU that is not present there is but "online", which says so. */
static bool shown(uint64_t parent, uint64_t child)
{
	bool online = tree_nodes[child].name_len == 6 &&
		      memcmp(tree_nodes[child].name, "online", 6) == 0;
	struct cpus cpus;
	bool present;

	if (tree_nodes[child].with_natives) {
		char name[TREE_NAME_MAX];

		tree_name(parent, child, name);
		return natives_have(name);
	}
	if (!instance(parent) || !is_cpu(tree_node(parent)))
		return true;
	present = cpus_get(tree_facts, &cpus) == 0 && cpu_set_has(&cpus.shown, number_of(parent));
	/* the first cannot be switched off */
	return online ? !present || number_of(parent) > 0 : present;
}

/* The first number at @from or above that there is a directory for, or -1. */
static int64_t next_number(uint64_t template, uint64_t from)
{
	struct cpus cpus;
	unsigned int node;

	if (S_ISLNK(tree_nodes[template].mode))
		return netdev_next(tree_facts, from);
	if (tree_nodes[template].native)
		return natives_next(from);
	if (is_cpu(&tree_nodes[template]))
		return cpus_get(tree_facts, &cpus) == 0 && from < cpus.possible ? (int64_t)from
										: -1;
	node = cpu_node(tree_facts, NULL);
	return from <= node ? (int64_t)node : -1;
}

/* "cpu7", where @template is "cpu#". */
static uint64_t lookup_numbered(uint64_t template, const char *name)
{
	size_t len = tree_nodes[template].name_len - 1;
	uint64_t number;
	uint32_t device;

	if (S_ISLNK(tree_nodes[template].mode))
		return netdev_find(tree_facts, name, &device) ? numbered(template, device) : 0;
	if (tree_nodes[template].native)
		return natives_find(name, &device) ? numbered(template, device) : 0;
	if (strncmp(name, tree_nodes[template].name, len) != 0 ||
	    (name[len] == '0' && name[len + 1]))
		return 0;
	name += len;
	if (!parse_u64(&name, &number) || *name || number >= CPU_SET_BITS)
		return 0;
	return next_number(template, number) == (int64_t)number ? numbered(template, number) : 0;
}

/**
 * tree_lookup() - the inode number of an entry, or 0
 */
uint64_t tree_lookup(uint64_t parent, const char *name)
{
	uint64_t dir = parent % TREE_NODES_MAX, ino = tree_find(dir, name, strlen(name));

	if (parent == tree_covers) {
		ino = tree_find_path(name, strlen(name), '!');
		return tree_nodes[ino].cover ? ino : 0;
	}
	if (ino && tree_nodes[ino].mode && !is_numbered(&tree_nodes[ino]))
		return shown(parent, ino) ? ino + instance(parent) : 0;
	ino = tree_find_numbered(dir);
	return ino ? lookup_numbered(ino, name) : 0;
}

/**
 * tree_next() - the first entry of @parent whose number is above @after, or 0
 */
uint64_t tree_next(uint64_t parent, uint64_t after)
{
	uint64_t dir = parent % TREE_NODES_MAX, template = tree_find_numbered(dir);
	uint64_t i = after % TREE_NODES_MAX < TREE_ROOT ? TREE_ROOT : after % TREE_NODES_MAX;
	bool among_numbered = template && instance(after); /* they come last */
	int64_t number;

	if (parent == tree_covers) {
		while (++i < tree_nodes_end && !tree_nodes[i].cover)
			;
		return i < tree_nodes_end ? i : 0;
	}
	while (!among_numbered && ++i < tree_nodes_end)
		if (tree_nodes[i].parent == dir && tree_nodes[i].mode && i != template &&
		    i != tree_covers && !tree_nodes[i].unlisted && shown(parent, i))
			return i + instance(parent);
	if (!template)
		return 0;
	number = next_number(template, among_numbered ? number_of(after) + 1ull : 0);
	return number >= 0 ? numbered(template, number) : 0;
}

static size_t print_path(uint64_t ino, char path[TREE_NAME_MAX])
{
	const struct node *n = &tree_nodes[ino];
	size_t len = n->parent == TREE_ROOT ? 0 : print_path(n->parent, path);

	return len + snprintf(path + len, TREE_NAME_MAX - len, "%s%.*s", len ? "/" : "",
			      (int)n->name_len, n->name);
}

/**
 * tree_name() - the name of the entry @ino of @parent, terminated
 */
void tree_name(uint64_t parent, uint64_t ino, char name[TREE_NAME_MAX])
{
	const struct node *n = tree_node(ino);
	char path[TREE_NAME_MAX];

	if (parent == tree_covers) {
		print_path(ino, path);
		view_cover_name(path, name);
	} else if (is_numbered(n) && S_ISLNK(n->mode)) {
		if (!netdev_name(tree_facts, number_of(ino), name))
			*name = '\0';
	} else if (n->native) {
		if (!natives_get(number_of(ino), name))
			*name = '\0';
	} else if (is_numbered(n)) {
		snprintf(name, TREE_NAME_MAX, "%.*s%u", (int)n->name_len - 1, n->name,
			 number_of(ino));
	} else {
		snprintf(name, TREE_NAME_MAX, "%.*s", (int)n->name_len, n->name);
	}
}

/**
 * tree_link() - where the symlink @ino leads
 *
 * Return: 0, -EINVAL if it is none, -ENOENT if the device is gone.
 */
int tree_link(uint64_t ino, char target[TREE_NAME_MAX])
{
	const struct node *n = tree_node(ino);
	char name[NETDEV_NAME_MAX];

	if (!n || !S_ISLNK(n->mode) || !instance(ino))
		return -EINVAL;
	if (!netdev_name(tree_facts, number_of(ino), name))
		return -ENOENT;
	snprintf(target, TREE_NAME_MAX, SYSCTL_NET_KERNEL "/%s", name);
	return 0;
}

/**
 * tree_render() - append what the file @ino, which is no sysctl, says now
 *
 * Return: 0 or -errno, as a provider.
 */
int tree_render(uint64_t ino, const struct facts *facts, struct text *out)
{
	const struct node *n = tree_node(ino);

	if (n->native)
		return natives_read(number_of(ino), out);
	if (n->dir_file)
		return n->dir_file->render(facts, number_of(ino), n->dir_file->arg, out);
	return n->render(facts, out);
}

/**
 * tree_write() - write to a file of the kernel's
 */
int tree_write(uint64_t ino, const struct native_write *w, size_t *written)
{
	return natives_write(number_of(ino), w, written);
}
