/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree, built once from views[] and the tables of whole directories (dirs.h) before the first
 * request; read-only after that.
 *
 * A directory cpuN and all below it is there once for each CPU, but its nodes only once: an inode
 * number is the place in the table, plus TREE_NODES_MAX times (N + 1) below such a one. Which of
 * these directories there are is read from the cpuset when one is looked up or listed. So with
 * nodeN; and with the symlinks to directories of network devices, and with files of the kernel's,
 * whose number stands for the name.
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

struct node tree_nodes[TREE_NODES_MAX]; /* [ino] */
uint64_t tree_nodes_end = TREE_ROOT + 1;
/* By parent and name: the first node, and the next one of the same hash; 0 is none. */
static uint16_t by_name[TREE_NODES_MAX], next_by_name[TREE_NODES_MAX];
uint64_t tree_covers; /* VIEW_COVERS: its entries are other directories' */
const struct facts *tree_facts;

/**
 * tree_find_numbered() - the entry of @dir whose name has a number in it, or 0
 */
uint64_t tree_find_numbered(uint64_t dir)
{
	uint64_t i = tree_nodes[dir].numbered;

	return tree_nodes[i].mode ? i : 0;
}

/* FNV-1a */
static uint16_t *bucket(uint64_t parent, const char *name, size_t len)
{
	uint32_t h = (2166136261u ^ (uint32_t)parent) * 16777619u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return &by_name[(h ^ h >> 16) % TREE_NODES_MAX];
}

/**
 * tree_find() - the node of that name in @parent, or 0
 */
uint64_t tree_find(uint64_t parent, const char *name, size_t len)
{
	for (uint64_t i = *bucket(parent, name, len); i; i = next_by_name[i])
		if (tree_nodes[i].parent == parent && tree_nodes[i].name_len == len &&
		    memcmp(tree_nodes[i].name, name, len) == 0)
			return i;
	return 0;
}

static uint64_t add(uint64_t parent, const char *name, size_t len, mode_t mode)
{
	uint64_t known = tree_find(parent, name, len);
	uint16_t *first;

	if (known) {
		tree_nodes[parent].subdirs += S_ISDIR(mode) && !tree_nodes[known].mode;
		tree_nodes[known].mode = mode;
		return known;
	}
	if (tree_nodes_end == TREE_NODES_MAX)
		return 0;
	tree_nodes[tree_nodes_end] =
		(struct node){ .name = name, .name_len = len, .parent = parent, .mode = mode };
	first = bucket(parent, name, len);
	next_by_name[tree_nodes_end] = *first;
	*first = tree_nodes_end;
	if (is_numbered(&tree_nodes[tree_nodes_end]))
		tree_nodes[parent].numbered = tree_nodes_end;
	if (S_ISDIR(mode))
		tree_nodes[parent].subdirs++;
	return tree_nodes_end++;
}

/* Makes what is missing of the directories above @path. Return: the last one; *@path is the rest.
 */
static uint64_t add_parents(const char **path)
{
	const char *name = *path, *slash;
	uint64_t dir = TREE_ROOT, ino;

	while ((slash = strchr(name, '/'))) {
		ino = add(dir, name, slash - name, S_IFDIR | 0555);
		if (!ino)
			return 0;
		dir = ino;
		name = slash + 1;
	}
	*path = name;
	return dir;
}

static int add_view(const struct view *view)
{
	const char *name = view->path;
	uint64_t dir = add_parents(&name), ino;

	if (view->kind == VIEW_DIRECTORY)
		ino = dir ? add(dir, name, strlen(name), S_IFDIR | view->mode) : 0;
	else
		ino = dir ? add(dir, name, strlen(name), S_IFREG | view->mode) : 0;
	if (!ino)
		return -ENOSPC;
	tree_nodes[ino].cover = true;
	if (view->kind == VIEW_RENDERED)
		tree_nodes[ino].render = provider_find(view->path);
	return view->kind == VIEW_DIRECTORY || tree_nodes[ino].render ? 0 : -ENOENT;
}

/**
 * tree_find_path() - the node of a path, or 0
 * @slash: what separates names in it
 */
uint64_t tree_find_path(const char *path, size_t len, char slash)
{
	const char *end = path + len;
	uint64_t ino = TREE_ROOT;

	while (ino && path < end) {
		const char *next = memchr(path, slash, end - path) ?: end;

		ino = tree_find(ino, path, next - path);
		path = next + 1;
	}
	return ino;
}

/* What is covered is the sysctl, or the directory that holds nothing else. */
static void mark_cover(uint64_t ino, const struct sysctl *s, const struct sysctl_store *store)
{
	const struct sysctl_net_dir *net = sysctl_net_dir(s->path);
	size_t len = net ? strlen(net->path) : sysctl_store_dir(store, s);
	uint64_t dir = len ? tree_find_path(s->path, len, '/') : 0;

	tree_nodes[dir ? dir : ino].cover = true;
}

/*
 * Only what this kernel has, so that a directory that is covered as a whole shows no more. What a
 * network namespace has is seen when it is covered, each file by itself.
 */
static int add_sysctl(const struct sysctl *s, const struct sysctl_store *store)
{
	const char *name = s->path;
	uint64_t dir, ino;

	if (s->policy == SYSCTL_KERNEL)
		return 0;
	if (sysctl_store_scanned(store) && !sysctl_namespaced(s->path) &&
	    !(sysctl_store_marks(store, s) & SYSCTL_IS_THERE))
		return 0;
	dir = add_parents(&name);
	ino = dir ? add(dir, name, strlen(name), S_IFREG | s->mode) : 0;
	if (!ino)
		return -ENOSPC;
	tree_nodes[ino].sysctl = s;
	tree_nodes[ino].with_natives = sysctl_net_dir(s->path) && sysctl_net_dir(s->path)->natives;
	mark_cover(ino, s, store);
	return 0;
}

/* The kernel's own files, and where a directory of its is mounted. */
static int add_natives(uint64_t dir)
{
	uint64_t file;

	if (!natives_known())
		return 0;
	file = add(dir, "#", 1, S_IFREG | 0644);
	if (!file || !add(dir, SYSCTL_NF_LOG, strlen(SYSCTL_NF_LOG), S_IFDIR | 0555))
		return -ENOSPC;
	tree_nodes[file].native = true;
	return 0;
}

/* Where the kernel's own directory is mounted, and the way to what is in it. */
static int add_net_dirs(void)
{
	for (int i = 0; i < sysctl_net_dirs_count; i++) {
		const char *path = sysctl_net_dirs[i].path;
		uint64_t dir = tree_find_path(path, strlen(path), '/'), own;

		if (dir && sysctl_net_dirs[i].natives && add_natives(dir) < 0)
			return -ENOSPC;
		if (!dir || !sysctl_net_dirs[i].devices)
			continue;
		own = add(dir, SYSCTL_NET_KERNEL, strlen(SYSCTL_NET_KERNEL), S_IFDIR | 0555);
		if (!own || !add(dir, "#", 1, S_IFLNK | 0777))
			return -ENOSPC;
		tree_nodes[own].unlisted = true;
	}
	return 0;
}

static int add_directory(const struct dir_file *file)
{
	for (; file->path; file++) {
		const char *name = file->path;
		uint64_t dir, ino;

		if (file->exists && !file->exists(file->arg))
			continue;
		dir = add_parents(&name);
		ino = dir ? add(dir, name, strlen(name), S_IFREG | 0444) : 0;
		if (!ino)
			return -ENOSPC;
		tree_nodes[ino].dir_file = file;
	}
	return 0;
}

/*
 * The kernel knows a node by its number and remembers that for ever: a successor, which may be of
 * another version, gives the same numbers. A line of @paths is the number of a parent and a name.
 */
static void add_known(const char *paths)
{
	uint64_t parent;

	while (parse_u64(&paths, &parent) && *paths == ' ' && parent < tree_nodes_end) {
		size_t len = strcspn(++paths, "\n");

		add(parent, paths, len, 0);
		paths += len + (paths[len] == '\n');
	}
}

static int keep_paths(char *paths)
{
	size_t len = 0;

	for (uint64_t i = TREE_ROOT + 1; i < tree_nodes_end; i++) {
		const struct node *n = &tree_nodes[i];
		int more = snprintf(paths + len, TREE_PATHS_MAX - len, "%" PRIu64 " %.*s\n",
				    n->parent, (int)n->name_len, n->name);

		if (more < 0 || len + more >= TREE_PATHS_MAX)
			return -ENOSPC;
		len += more;
	}
	return 0;
}

/**
 * tree_build() - make the nodes
 * @facts: kept; asked for the CPUs that there are
 * @store: says which sysctls there are
 * @paths: TREE_PATHS_MAX bytes of memory that outlives the server, 0 at first: what it was last
 *
 * Return: 0, or -errno if a view has nobody who serves it.
 */
int tree_build(const struct facts *facts, const struct sysctl_store *store, char *paths)
{
	static char known[TREE_PATHS_MAX];
	int r = 0;

	tree_facts = facts;
	memccpy(known, paths, '\0', sizeof(known) - 1);
	tree_nodes[TREE_ROOT] =
		(struct node){ .name = "", .parent = TREE_ROOT, .mode = S_IFDIR | 0555 };
	add_known(known);
	for (int i = 0; r == 0 && i < views_count; i++)
		r = add_view(&views[i]);
	for (int i = 0; r == 0 && i < sysctls_count; i++)
		r = add_sysctl(&sysctls[i], store);
	if (r == 0)
		r = add_net_dirs();
	if (r == 0)
		r = add_directory(cpu_dir);
	if (r == 0)
		r = add_directory(node_dir);
	tree_covers = add(TREE_ROOT, VIEW_COVERS, strlen(VIEW_COVERS), S_IFDIR | 0555);
	if (r == 0 && !tree_covers)
		r = -ENOSPC;
	return r == 0 ? keep_paths(paths) : r;
}

/**
 * tree_node() - the node of an inode number, or NULL
 */
const struct node *tree_node(uint64_t ino)
{
	uint64_t i = ino % TREE_NODES_MAX;

	return i >= TREE_ROOT && i < tree_nodes_end ? &tree_nodes[i] : NULL;
}

/**
 * tree_fixed() - whether entries and attributes of @ino never change
 */
bool tree_fixed(uint64_t ino)
{
	if (instance(ino) || tree_nodes[ino % TREE_NODES_MAX].with_natives)
		return false;
	return !tree_find_numbered(ino);
}
