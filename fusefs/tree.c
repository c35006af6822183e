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
#include "tree.h"
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

static struct node nodes[TREE_NODES_MAX]; /* [ino] */
static uint64_t nodes_end = TREE_ROOT + 1;
/* By parent and name: the first node, and the next one of the same hash; 0 is none. */
static uint16_t by_name[TREE_NODES_MAX], next_by_name[TREE_NODES_MAX];
static uint64_t covers; /* VIEW_COVERS: its entries are other directories' */
static const struct facts *tree_facts;

/* "cpu#": the name ends with a number. "#": it is a network device's, or a file of the kernel's. */
static bool is_numbered(const struct node *n)
{
	return n->name_len > 0 && n->name[n->name_len - 1] == '#';
}

/* The part of an inode number that says which one; 0 if none. */
static uint64_t instance(uint64_t ino)
{
	return ino - ino % TREE_NODES_MAX;
}

static uint64_t numbered(uint64_t ino, unsigned int number)
{
	return ino % TREE_NODES_MAX + (number + 1ull) * TREE_NODES_MAX;
}

static unsigned int number_of(uint64_t ino)
{
	return ino / TREE_NODES_MAX ? ino / TREE_NODES_MAX - 1 : 0;
}

/* The entry of @dir whose name has a number in it, or 0. */
static uint64_t find_numbered(uint64_t dir)
{
	uint64_t i = nodes[dir].numbered;

	return nodes[i].mode ? i : 0;
}

/* FNV-1a */
static uint16_t *bucket(uint64_t parent, const char *name, size_t len)
{
	uint32_t h = (2166136261u ^ (uint32_t)parent) * 16777619u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return &by_name[(h ^ h >> 16) % TREE_NODES_MAX];
}

static uint64_t find(uint64_t parent, const char *name, size_t len)
{
	for (uint64_t i = *bucket(parent, name, len); i; i = next_by_name[i])
		if (nodes[i].parent == parent && nodes[i].name_len == len &&
		    memcmp(nodes[i].name, name, len) == 0)
			return i;
	return 0;
}

static uint64_t add(uint64_t parent, const char *name, size_t len, mode_t mode)
{
	uint64_t known = find(parent, name, len);
	uint16_t *first;

	if (known) {
		nodes[parent].subdirs += S_ISDIR(mode) && !nodes[known].mode;
		nodes[known].mode = mode;
		return known;
	}
	if (nodes_end == TREE_NODES_MAX)
		return 0;
	nodes[nodes_end] =
		(struct node){ .name = name, .name_len = len, .parent = parent, .mode = mode };
	first = bucket(parent, name, len);
	next_by_name[nodes_end] = *first;
	*first = nodes_end;
	if (is_numbered(&nodes[nodes_end]))
		nodes[parent].numbered = nodes_end;
	if (S_ISDIR(mode))
		nodes[parent].subdirs++;
	return nodes_end++;
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
	nodes[ino].cover = true;
	if (view->kind == VIEW_RENDERED)
		nodes[ino].render = provider_find(view->path);
	return view->kind == VIEW_DIRECTORY || nodes[ino].render ? 0 : -ENOENT;
}

/* The node of @path, or 0. */
static uint64_t find_path(const char *path, size_t len, char slash)
{
	const char *end = path + len;
	uint64_t ino = TREE_ROOT;

	while (ino && path < end) {
		const char *next = memchr(path, slash, end - path) ?: end;

		ino = find(ino, path, next - path);
		path = next + 1;
	}
	return ino;
}

/* What is covered is the sysctl, or the directory that holds nothing else. */
static void mark_cover(uint64_t ino, const struct sysctl *s, const struct sysctl_store *store)
{
	const struct sysctl_net_dir *net = sysctl_net_dir(s->path);
	size_t len = net ? strlen(net->path) : sysctl_store_dir(store, s);
	uint64_t dir = len ? find_path(s->path, len, '/') : 0;

	nodes[dir ? dir : ino].cover = true;
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
	nodes[ino].sysctl = s;
	nodes[ino].with_natives = sysctl_net_dir(s->path) && sysctl_net_dir(s->path)->natives;
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
	nodes[file].native = true;
	return 0;
}

/* Where the kernel's own directory is mounted, and the way to what is in it. */
static int add_net_dirs(void)
{
	for (int i = 0; i < sysctl_net_dirs_count; i++) {
		const char *path = sysctl_net_dirs[i].path;
		uint64_t dir = find_path(path, strlen(path), '/'), own;

		if (dir && sysctl_net_dirs[i].natives && add_natives(dir) < 0)
			return -ENOSPC;
		if (!dir || !sysctl_net_dirs[i].devices)
			continue;
		own = add(dir, SYSCTL_NET_KERNEL, strlen(SYSCTL_NET_KERNEL), S_IFDIR | 0555);
		if (!own || !add(dir, "#", 1, S_IFLNK | 0777))
			return -ENOSPC;
		nodes[own].unlisted = true;
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
		nodes[ino].dir_file = file;
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

	while (parse_u64(&paths, &parent) && *paths == ' ' && parent < nodes_end) {
		size_t len = strcspn(++paths, "\n");

		add(parent, paths, len, 0);
		paths += len + (paths[len] == '\n');
	}
}

static int keep_paths(char *paths)
{
	size_t len = 0;

	for (uint64_t i = TREE_ROOT + 1; i < nodes_end; i++) {
		const struct node *n = &nodes[i];
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
	nodes[TREE_ROOT] = (struct node){ .name = "", .parent = TREE_ROOT, .mode = S_IFDIR | 0555 };
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
	covers = add(TREE_ROOT, VIEW_COVERS, strlen(VIEW_COVERS), S_IFDIR | 0555);
	if (r == 0 && !covers)
		r = -ENOSPC;
	return r == 0 ? keep_paths(paths) : r;
}

/**
 * tree_node() - the node of an inode number, or NULL
 */
const struct node *tree_node(uint64_t ino)
{
	uint64_t i = ino % TREE_NODES_MAX;

	return i >= TREE_ROOT && i < nodes_end ? &nodes[i] : NULL;
}

/**
 * tree_fixed() - whether entries and attributes of @ino never change
 */
bool tree_fixed(uint64_t ino)
{
	if (instance(ino) || nodes[ino % TREE_NODES_MAX].with_natives)
		return false;
	return !find_numbered(ino);
}

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
	bool online = nodes[child].name_len == 6 && memcmp(nodes[child].name, "online", 6) == 0;
	struct cpus cpus;
	bool present;

	if (nodes[child].with_natives) {
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

	if (S_ISLNK(nodes[template].mode))
		return netdev_next(tree_facts, from);
	if (nodes[template].native)
		return natives_next(from);
	if (is_cpu(&nodes[template]))
		return cpus_get(tree_facts, &cpus) == 0 && from < cpus.possible ? (int64_t)from
										: -1;
	node = cpu_node(tree_facts, NULL);
	return from <= node ? (int64_t)node : -1;
}

/* "cpu7", where @template is "cpu#". */
static uint64_t lookup_numbered(uint64_t template, const char *name)
{
	size_t len = nodes[template].name_len - 1;
	uint64_t number;
	uint32_t device;

	if (S_ISLNK(nodes[template].mode))
		return netdev_find(tree_facts, name, &device) ? numbered(template, device) : 0;
	if (nodes[template].native)
		return natives_find(name, &device) ? numbered(template, device) : 0;
	if (strncmp(name, nodes[template].name, len) != 0 || (name[len] == '0' && name[len + 1]))
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
	uint64_t dir = parent % TREE_NODES_MAX, ino = find(dir, name, strlen(name));

	if (parent == covers) {
		ino = find_path(name, strlen(name), '!');
		return nodes[ino].cover ? ino : 0;
	}
	if (ino && nodes[ino].mode && !is_numbered(&nodes[ino]))
		return shown(parent, ino) ? ino + instance(parent) : 0;
	ino = find_numbered(dir);
	return ino ? lookup_numbered(ino, name) : 0;
}

/**
 * tree_next() - the first entry of @parent whose number is above @after, or 0
 */
uint64_t tree_next(uint64_t parent, uint64_t after)
{
	uint64_t dir = parent % TREE_NODES_MAX, template = find_numbered(dir);
	uint64_t i = after % TREE_NODES_MAX < TREE_ROOT ? TREE_ROOT : after % TREE_NODES_MAX;
	bool among_numbered = template && instance(after); /* they come last */
	int64_t number;

	if (parent == covers) {
		while (++i < nodes_end && !nodes[i].cover)
			;
		return i < nodes_end ? i : 0;
	}
	while (!among_numbered && ++i < nodes_end)
		if (nodes[i].parent == dir && nodes[i].mode && i != template && i != covers &&
		    !nodes[i].unlisted && shown(parent, i))
			return i + instance(parent);
	if (!template)
		return 0;
	number = next_number(template, among_numbered ? number_of(after) + 1ull : 0);
	return number >= 0 ? numbered(template, number) : 0;
}

static size_t print_path(uint64_t ino, char path[TREE_NAME_MAX])
{
	const struct node *n = &nodes[ino];
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

	if (parent == covers) {
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
