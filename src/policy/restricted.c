/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the host no container may mount, recognised whatever name or mount leads to it.
 *
 * Theory of operation. This file makes the table, restricted-find.c compares with it. Every listed
 * path is opened, so that what is compared is never a name:
 *
 *   by device and inode: the source of a mount is the object, is in it (a walk up by "..") or
 *   contains it (a walk up from the object). Symlinks, "..", /proc/self/root and mounts that show a
 *   parent elsewhere end here. A file may have further names in a restricted directory (hard
 *   links): those few that are small are searched for it.
 *
 *   by file system and path in it: what is above the root of a mount no walk reaches. Two mounts of
 *   one file system show the same object under the same path *there*: bind mounts of parts, btrfs
 *   subvolumes, a volume that mounts the host's disk a second time.
 *
 * A listed path that does not exist yet still has parents, and a mount of one of them would show it
 * as soon as it does.
 *
 * What an attacker controls is the source; the listed paths are the host's. What they lead to can
 * only be changed by who could reconfigure the engine anyway.
 */
#include "config.h"
#include "policy/restricted.h"

#include "lib/fd.h"
#include "lib/program.h"
#include "policy/restricted-list.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static guint hash_id(gconstpointer p)
{
	const struct file_id *id = p;

	return (guint)(id->ino ^ id->ino >> 32) * 31 + (guint)id->dev;
}

static gboolean same_id(gconstpointer a, gconstpointer b)
{
	const struct file_id *x = a, *y = b;

	return x->dev == y->dev && x->ino == y->ino;
}

static struct file_id *new_id(dev_t dev, ino_t ino)
{
	struct file_id *id = g_new(struct file_id, 1);

	*id = (struct file_id){ dev, ino };
	return id;
}

static const char *canonical_dir(struct restricted *r, const char *dir);

static void free_object(void *p)
{
	struct restricted_object *o = p;

	g_free(o->path);
	g_free(o->canonical);
	g_free(o->fspath);
	g_free(o);
}

/* What the directory @path contains; the same list for each of its names. NULL: it is none. */
static GPtrArray *contents_of(struct restricted *r, const char *path)
{
	GPtrArray *list = g_hash_table_lookup(r->by_name, path);
	struct stat st;
	struct file_id key;

	if (list || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return list;
	key = (struct file_id){ st.st_dev, st.st_ino };
	list = g_hash_table_lookup(r->parents, &key);
	if (!list) {
		list = g_ptr_array_new();
		g_hash_table_insert(r->parents, new_id(key.dev, key.ino), list);
	}
	g_hash_table_insert(r->by_name, g_strdup(path), list);
	return list;
}

/* @dir, and what is above it, contain @o. */
static void add_parents(struct restricted *r, struct restricted_object *o, const char *dir)
{
	g_autofree char *path = g_strdup(dir);

	for (int i = 0; i < RESTRICTED_MAX_UP; i++) {
		char *slash = strrchr(path, '/');
		GPtrArray *list = contents_of(r, path);

		if (list)
			g_ptr_array_add(list, o);
		if (!slash || strcmp(path, "/") == 0)
			break;
		slash[slash == path] = '\0';
	}
}

/*
 * realpath() of @dir, which would read each part of it as a link, by that of the directory above:
 * most are known already.
 */
static char *resolve_dir(struct restricted *r, const char *dir)
{
	g_autofree char *above = g_path_get_dirname(dir), *base = g_path_get_basename(dir);
	g_autofree char *name = NULL;
	const char *real;
	struct stat st;

	if (strcmp(above, dir) == 0 || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return realpath(dir, NULL);
	real = canonical_dir(r, above);
	if (!real)
		return NULL;
	name = g_build_filename(real, base, NULL);
	if (lstat(name, &st) < 0)
		return NULL;
	return S_ISLNK(st.st_mode) ? realpath(name, NULL) : strdup(name);
}

/* The canonical path of the directory @dir; NULL: it is not there. Each is looked up once. */
static const char *canonical_dir(struct restricted *r, const char *dir)
{
	if (!g_hash_table_contains(r->dirs, dir))
		g_hash_table_insert(r->dirs, g_strdup(dir), resolve_dir(r, dir));
	return g_hash_table_lookup(r->dirs, dir);
}

/*
 * The deepest directory of @path that is there, canonical.
 * @missing: receives the name in it by which the rest begins; freed with g_free()
 */
static const char *existing_parent(struct restricted *r, const char *path, char **missing)
{
	g_autofree char *dir = g_path_get_dirname(path);
	const char *real;

	*missing = g_path_get_basename(path);
	while (!(real = canonical_dir(r, dir)) && strcmp(dir, "/") != 0) {
		char *up = g_path_get_dirname(dir);

		g_free(*missing);
		*missing = g_path_get_basename(dir);
		g_free(dir);
		dir = up;
	}
	return real ?: "/";
}

/**
 * restricted_is_excepted() - do the settings say that nothing is restricted at @path?
 */
bool restricted_is_excepted(const struct restricted *r, const char *path)
{
	if (!path)
		return false;
	for (guint i = 0; i < r->excepted->len; i++)
		if (path_is_below(path, r->excepted->pdata[i], NULL))
			return true;
	return false;
}

/*
 * Where @path leads. Most are no symlinks: then its directory, which others share, says how it is
 * called.
 * Return: 0; -ENOENT: nowhere
 */
static int look_up(struct restricted *r, const struct mounttab *tab, const char *path,
		   struct object *ret)
{
	g_autofree char *dir = g_path_get_dirname(path), *base = g_path_get_basename(path);
	const char *real = canonical_dir(r, dir);
	g_autofree char *name = real ? g_build_filename(real, base, NULL) : NULL;
	autofd fd = -1;

	if (!name)
		return -ENOENT;
	if (object_at(tab, AT_FDCWD, name, ret) < 0)
		return -ENOENT;
	if (!S_ISLNK(ret->mode))
		return 0;
	object_clear(ret);
	fd = open(name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -ENOENT : object_open(tab, fd, ret);
}

/* What will be there some day: where it will begin is known. */
static void add_missing(struct restricted *r, const struct mounttab *tab,
			struct restricted_object *o)
{
	g_autofree char *name = NULL;
	const char *dir = existing_parent(r, o->path, &name);
	struct object *at = &r->last_dir;

	add_parents(r, o, dir);
	/* Neighbours in the list often are in the directory. */
	if (g_strcmp0(at->path, dir) != 0) {
		object_clear(at);
		if (object_at(tab, AT_FDCWD, dir, at) < 0)
			return;
	}
	if (at->mount && at->fspath) {
		o->mount_id = at->mount_id;
		o->fs = at->mount->dev;
		o->fspath = g_build_filename(at->fspath, name, NULL);
	}
}

static void add_existing(struct restricted *r, const struct mounttab *tab, const char *path,
			 unsigned int flags)
{
	struct restricted_object *o;
	g_autofree char *dir = NULL;
	struct object it = { 0 };
	bool there = look_up(r, tab, path, &it) == 0;

	if (restricted_is_excepted(r, path) || (there && restricted_is_excepted(r, it.path))) {
		object_clear(&it);
		return;
	}
	o = g_new0(struct restricted_object, 1);
	o->path = g_strdup(path);
	o->flags = flags;
	g_ptr_array_add(r->objects, o);
	if (!there) {
		object_clear(&it);
		add_missing(r, tab, o);
		return;
	}
	o->canonical = g_steal_pointer(&it.path);
	o->dev = it.dev;
	o->ino = it.ino;
	o->mount_id = it.mount_id;
	o->fs = it.mount ? it.mount->dev : 0;
	o->fspath = g_steal_pointer(&it.fspath);
	if (!g_hash_table_contains(r->by_id, &(struct file_id){ it.dev, it.ino }))
		g_hash_table_insert(r->by_id, new_id(it.dev, it.ino), o);
	dir = g_path_get_dirname(o->canonical);
	add_parents(r, o, dir);
	object_clear(&it);
}

/**
 * restricted_add() - restrict @path, which may be a glob
 * @flags: enum restricted_flags
 */
void restricted_add(struct restricted *r, const struct mounttab *tab, const char *path,
		    unsigned int flags)
{
	glob_t found = { 0 };

	if (!strpbrk(path, "*?[")) {
		add_existing(r, tab, path, flags);
		return;
	}
	if (glob(path, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_existing(r, tab, found.gl_pathv[i], flags);
	else
		add_existing(r, tab, path, flags);
	globfree(&found);
}

/* Programs of our own, wherever this one was started from. */
static void add_own(struct restricted *r, const struct mounttab *tab)
{
	static const char *const names[] = { "cloister", "cloister-warden", "cloister-fs",
					     "cloister-sockproxy", "shiftfs" };
	char path[PATH_MAX];

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (program_path(names[i], path, sizeof(path)) == 0)
			restricted_add(r, tab, path, RESTRICTED_PARENT_RO);
}

/**
 * restricted_load() - what is restricted now: the built-in list, more and less by the settings
 */
void restricted_load(struct restricted *r, const struct mounttab *tab, const struct settings *s)
{
	*r = (struct restricted){
		.objects = g_ptr_array_new_with_free_func(free_object),
		.by_id = g_hash_table_new_full(hash_id, same_id, g_free, NULL),
		.parents = g_hash_table_new_full(hash_id, same_id, g_free,
						 (GDestroyNotify)g_ptr_array_unref),
		.by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.dirs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free),
		.excepted = g_ptr_array_new_with_free_func(free),
	};
	for (guint i = 0; i < s->unrestricted->len; i++) {
		char *real = realpath(s->unrestricted->pdata[i], NULL);

		g_ptr_array_add(r->excepted, strdup(s->unrestricted->pdata[i]));
		if (real)
			g_ptr_array_add(r->excepted, real);
	}
	for (guint i = 0; i < restricted_n_defaults; i++)
		restricted_add(r, tab, restricted_defaults[i].path, restricted_defaults[i].flags);
	add_own(r, tab);
	for (guint i = 0; i < s->restricted->len; i++)
		restricted_add(r, tab, s->restricted->pdata[i], RESTRICTED_SCAN);
	for (guint i = 0; i < s->sockets->len; i++)
		restricted_add(r, tab, s->sockets->pdata[i], RESTRICTED_SOCKET);
}

/**
 * restricted_clear() - forget the list that restricted_load() made
 */
void restricted_clear(struct restricted *r)
{
	g_clear_pointer(&r->by_id, g_hash_table_unref);
	g_clear_pointer(&r->by_name, g_hash_table_unref);
	g_clear_pointer(&r->dirs, g_hash_table_unref);
	g_clear_pointer(&r->parents, g_hash_table_unref);
	g_clear_pointer(&r->objects, g_ptr_array_unref);
	g_clear_pointer(&r->excepted, g_ptr_array_unref);
	object_clear(&r->last_dir);
}
