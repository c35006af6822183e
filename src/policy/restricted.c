/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the host no container may mount, recognised whatever name or mount leads to it.
 *
 * Theory of operation. Every listed path is opened, so that what is compared is never a name:
 *
 *   by device and inode: the source of a mount is the object, is in it (a walk up by "..") or
 *   contains it (a walk up from the object). Symlinks, "..", /proc/self/root and mounts that show a
 *   parent elsewhere end here. A file may have further names in a restricted directory (hard
 * links): those few that are small are searched for it.
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_UP	   256	/* directories between an object and the root */
#define MAX_SCAN   4096 /* entries of restricted directories that are compared with a file */
#define SCAN_DEPTH 4

struct id {
	dev_t dev;
	ino_t ino;
};

static guint hash_id(gconstpointer p)
{
	const struct id *id = p;

	return (guint)(id->ino ^ id->ino >> 32) * 31 + (guint)id->dev;
}

static gboolean same_id(gconstpointer a, gconstpointer b)
{
	const struct id *x = a, *y = b;

	return x->dev == y->dev && x->ino == y->ino;
}

static struct id *new_id(dev_t dev, ino_t ino)
{
	struct id *id = g_new(struct id, 1);

	*id = (struct id){ dev, ino };
	return id;
}

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
	struct id key;

	if (list || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return list;
	key = (struct id){ st.st_dev, st.st_ino };
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

	for (int i = 0; i < MAX_UP; i++) {
		char *slash = strrchr(path, '/');
		GPtrArray *list = contents_of(r, path);

		if (list)
			g_ptr_array_add(list, o);
		if (!slash || strcmp(path, "/") == 0)
			break;
		slash[slash == path] = '\0';
	}
}

/* The canonical path of the directory @dir; NULL: it is not there. Each is looked up once. */
static const char *canonical_dir(struct restricted *r, const char *dir)
{
	char *real;

	if (!g_hash_table_contains(r->dirs, dir)) {
		real = realpath(dir, NULL);
		g_hash_table_insert(r->dirs, g_strdup(dir), real);
	}
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

static bool is_excepted(const GPtrArray *excepted, const char *path)
{
	if (!path)
		return false;
	for (guint i = 0; i < excepted->len; i++)
		if (path_is_below(path, excepted->pdata[i], NULL))
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
	struct object at = { 0 };

	add_parents(r, o, dir);
	if (object_at(tab, AT_FDCWD, dir, &at) == 0 && at.mount && at.fspath) {
		o->mount_id = at.mount_id;
		o->fs = at.mount->dev;
		o->fspath = g_build_filename(at.fspath, name, NULL);
	}
	object_clear(&at);
}

static void add_existing(struct restricted *r, const struct mounttab *tab, const char *path,
			 unsigned int flags)
{
	struct restricted_object *o;
	g_autofree char *dir = NULL;
	struct object it = { 0 };
	bool there = look_up(r, tab, path, &it) == 0;

	if (is_excepted(r->excepted, path) || (there && is_excepted(r->excepted, it.path))) {
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
	if (!g_hash_table_contains(r->by_id, &(struct id){ it.dev, it.ino }))
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

void restricted_clear(struct restricted *r)
{
	g_clear_pointer(&r->by_id, g_hash_table_unref);
	g_clear_pointer(&r->by_name, g_hash_table_unref);
	g_clear_pointer(&r->dirs, g_hash_table_unref);
	g_clear_pointer(&r->parents, g_hash_table_unref);
	g_clear_pointer(&r->objects, g_ptr_array_unref);
	g_clear_pointer(&r->excepted, g_ptr_array_unref);
}

/* Is a read-only mount of it, or of a parent, harmless? */
static bool harmless(const struct restricted_object *o, enum relation relation, bool readonly)
{
	if (!readonly)
		return false;
	return o->flags & (relation == REL_ABOVE ? RESTRICTED_PARENT_RO : RESTRICTED_SELF_RO);
}

/*
 * What of its state an engine gives to its containers, as patterns of path components: "#" is a
 * container's id, "**" all that follows.
 */
static const char *const given[] = {
	/* Docker */
	"volumes/*/_data/**",
	"containers/#/hostname",
	"containers/#/hosts",
	"containers/#/resolv.conf",
	"containers/#/mounts/**",
	"tmp/safe-mount*", /* part of a volume, which is judged by what it is as well */
	"plugins/#/propagated-mount/**",
	"plugins/#/rootfs/**",
	/* Podman */
	"storage/volumes/*/_data/**",
	"storage/overlay-containers/#/userdata/**",
	"overlay-containers/#/userdata/**",
	/* containerd's CRI plugin */
	"io.containerd.*/sandboxes/#/hostname",
	"io.containerd.*/sandboxes/#/hosts",
	"io.containerd.*/sandboxes/#/resolv.conf",
	"io.containerd.*/sandboxes/#/shm",
	"io.containerd.*/containers/#/volumes/**",
	/* nerdctl */
	"*/volumes/*/*/_data/**",
	"*/etchosts/*/#/hosts",
	"*/containers/*/#/hostname",
	"*/containers/*/#/resolv.conf",
};

/* BuildKit's steps, which have no container of the engine's. */
static const char *const given_to_builds[] = {
	"buildkit/executor/hosts*",
	"buildkit/executor/resolv*.conf",
	"buildkit/executor/*/hosts*",
	"tmp/buildkit-mount*/**",
	"tmp/buildkit-secrets*/**",
	"overlay2/*/diff/**",
	"overlay2/*/merged/**",
	"buildkit/net/**",
	"vfs/dir/*/**",
	/* ... with images in containerd's store, beside the engine's or in it */
	"buildkit/containerd-*/cachemounts/**",
	"io.containerd.snapshotter.v1.*/snapshots/*/fs/**",
	"containerd/daemon/io.containerd.snapshotter.v1.*/snapshots/*/fs/**",
};

/* The agent of who builds, by a socket that the engine makes for one step. */
static const char forwarded[] = "tmp/.buildkit-ssh-sock*/*";

static bool is_id(const char *s, size_t n)
{
	return n == 64 && strspn(s, "0123456789abcdef") >= 64;
}

static bool match_component(const char *pattern, size_t np, const char *s, size_t n)
{
	const char *star = memchr(pattern, '*', np);
	size_t head = star ? (size_t)(star - pattern) : np, tail = star ? np - head - 1 : 0;

	if (np == 1 && *pattern == '#')
		return is_id(s, n);
	if (!star)
		return n == np && memcmp(s, pattern, n) == 0;
	return n >= head + tail && n && memcmp(s, pattern, head) == 0 &&
	       memcmp(s + n - tail, star + 1, tail) == 0;
}

static bool match(const char *pattern, const char *path)
{
	for (;;) {
		size_t np = strcspn(pattern, "/"), n = strcspn(path, "/");

		if (strcmp(pattern, "**") == 0)
			return true;
		if (!match_component(pattern, np, path, n))
			return false;
		pattern += np + (pattern[np] == '/');
		path += n + (path[n] == '/');
		if (!*path)
			return !*pattern || strcmp(pattern, "**") == 0;
		if (!*pattern)
			return false;
	}
}

/* @rest: path below the engine's directory */
static bool is_given(const struct restricted *r, const char *rest)
{
#ifdef MUTANT_ENGINE_STATE_GIVEN
	return true;
#endif
	for (size_t i = 0; i < G_N_ELEMENTS(given); i++)
		if (match(given[i], rest))
			return true;
	for (size_t i = 0; r->building && i < G_N_ELEMENTS(given_to_builds); i++)
		if (match(given_to_builds[i], rest))
			return true;
	return r->building && match(forwarded, rest);
}

/* @rest: where below @o */
static bool below_counts(const struct restricted *r, const struct restricted_object *o,
			 const char *rest, bool readonly)
{
	if (o->flags & RESTRICTED_NOT_BELOW || harmless(o, REL_BELOW, readonly))
		return false;
	return !(o->flags & RESTRICTED_ENGINE && rest && is_given(r, rest));
}

/* Of a file there is no "..": by its name, if that is still its name. */
static int open_parent(const struct object *o)
{
	g_autofree char *dir = g_path_get_dirname(o->path), *base = g_path_get_basename(o->path);
	autofd fd = -1;
	struct stat st;

	if (S_ISDIR(o->mode))
		return openat(o->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatat(fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != o->dev ||
	    st.st_ino != o->ino)
		return -1;
	return fd_steal(&fd);
}

/* Is a directory above @o restricted? */
static struct restricted_hit walk_up(const struct restricted *r, const struct object *o,
				     bool readonly)
{
	struct id last = { o->dev, o->ino };
	autofd at = open_parent(o);

	for (int i = 0; at >= 0 && i < MAX_UP; i++) {
		const struct restricted_object *hit;
		const char *rest = NULL;
		struct stat st;
		int up;

		if (fstat(at, &st) < 0)
			break;
		if (st.st_dev == last.dev && st.st_ino == last.ino)
			return (struct restricted_hit){ REL_NONE };
		last = (struct id){ st.st_dev, st.st_ino };
		hit = g_hash_table_lookup(r->by_id, &last);
		if (hit && !path_is_below(o->path, hit->canonical, &rest))
			rest = NULL;
		if (hit && below_counts(r, hit, rest, readonly))
			return (struct restricted_hit){ REL_BELOW, hit };
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd_close(at);
		at = up;
	}
	return (struct restricted_hit){ REL_UNKNOWN };
}

/* By file system and path in it. */
static struct restricted_hit compare_paths(const struct restricted *r, dev_t fs, const char *fspath,
					   bool readonly, bool as_root)
{
	for (guint i = 0; i < r->objects->len; i++) {
		const struct restricted_object *o = r->objects->pdata[i];
		const char *rest;

		if (!o->fspath || o->fs != fs)
			continue;
		if (!as_root && path_is_below(fspath, o->fspath, &rest) && *rest &&
		    below_counts(r, o, rest, readonly))
			return (struct restricted_hit){ REL_BELOW, o };
		if (strcmp(fspath, o->fspath) == 0 && !harmless(o, REL_SAME, readonly))
			return (struct restricted_hit){ REL_SAME, o };
		if (path_is_below(o->fspath, fspath, &rest) && *rest &&
		    !harmless(o, REL_ABOVE, readonly))
			return (struct restricted_hit){ REL_ABOVE, o };
	}
	return (struct restricted_hit){ REL_NONE };
}

/* What it contains, by the walk up from there. */
static struct restricted_hit look_below(const struct restricted *r, const struct object *o,
					bool readonly, bool rec_readonly)
{
	const GPtrArray *inside = g_hash_table_lookup(r->parents, &(struct id){ o->dev, o->ino });

	for (guint i = 0; inside && i < inside->len; i++) {
		const struct restricted_object *in = inside->pdata[i];
		bool same_mount = !in->canonical || in->mount_id == o->mount_id;

		if (!harmless(in, REL_ABOVE, same_mount ? readonly : rec_readonly))
			return (struct restricted_hit){ REL_ABOVE, in };
	}
	return (struct restricted_hit){ REL_NONE };
}

static bool scan(int dirfd, const struct object *o, int depth, int *left)
{
	DIR *dir = fdopendir(dirfd);
	bool found = false;
	struct dirent *d;

	if (!dir)
		close(dirfd);
	while (dir && !found && (d = readdir(dir)) && --*left > 0) {
		struct stat st;
		int sub;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		found = d->d_ino == o->ino &&
			fstatat(dirfd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_dev == o->dev && st.st_ino == o->ino;
		if (found || d->d_type != DT_DIR || depth == 0)
			continue;
		sub = openat(dirfd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		found = sub >= 0 && scan(sub, o, depth - 1, left);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Has the file @o, which has several names, one in a restricted directory? */
static struct restricted_hit look_for_links(const struct restricted *r, const struct object *o)
{
	int left = MAX_SCAN;

	if (!S_ISREG(o->mode) || o->links < 2)
		return (struct restricted_hit){ REL_NONE };
	for (guint i = 0; i < r->objects->len; i++) {
		const struct restricted_object *in = r->objects->pdata[i];
		int fd;

		if (!(in->flags & RESTRICTED_SCAN) || !in->canonical || in->dev != o->dev)
			continue;
		fd = open(in->canonical, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && scan(fd, o, SCAN_DEPTH, &left))
			return (struct restricted_hit){ REL_BELOW, in };
	}
	return (struct restricted_hit){ left > 0 ? REL_NONE : REL_UNKNOWN };
}

/* File systems that show the kernel's own state, or all namespaces. */
static bool is_kernels(const char *fstype)
{
	static const char *const names[] = { "proc",	   "sysfs",	 "debugfs",  "tracefs",
					     "securityfs", "bpf",	 "configfs", "efivarfs",
					     "pstore",	   "cgroup",	 "cgroup2",  "fusectl",
					     "selinuxfs",  "smackfs",	 "nsfs",     "resctrl",
					     "xenfs",	   "binfmt_misc" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(fstype, names[i]) == 0)
			return true;
	return false;
}

/**
 * restricted_find() - may the object @o not be mounted, and why?
 * @readonly: nothing can be written through the mount
 * @rec_readonly: nor through those that it carries along
 * @as_root: it is the container's root file system, which an engine keeps in its own state
 */
struct restricted_hit restricted_find(const struct restricted *r, const struct object *o,
				      bool readonly, bool rec_readonly, bool as_root)
{
	const struct restricted_object *same;
	struct restricted_hit hit = { REL_NONE };

#ifdef MUTANT_MOUNTS_UNRESTRICTED
	return hit;
#endif
	if (is_excepted(r->excepted, o->path))
		return hit;
	if (!o->mount || !o->fspath)
		return (struct restricted_hit){ REL_UNKNOWN };
	if (is_kernels(o->mount->fstype))
		return (struct restricted_hit){ REL_KERNEL };
	if (S_ISBLK(o->mode))
		return (struct restricted_hit){ REL_DEVICE };
	same = g_hash_table_lookup(r->by_id, &(struct id){ o->dev, o->ino });
	if (same && !harmless(same, REL_SAME, readonly))
		return (struct restricted_hit){ REL_SAME, same };
	hit = look_below(r, o, readonly, rec_readonly);
#ifndef MUTANT_BY_INODE_ONLY
	if (hit.relation == REL_NONE)
		hit = compare_paths(r, o->mount->dev, o->fspath, readonly, as_root);
#endif
	if (hit.relation == REL_NONE && !as_root)
		hit = walk_up(r, o, readonly);
	if (hit.relation == REL_NONE)
		hit = look_for_links(r, o);
	return hit;
}

/**
 * restricted_find_mount() - the same of a mount that a source carries along
 */
struct restricted_hit restricted_find_mount(const struct restricted *r,
					    const struct mounttab_entry *e, bool readonly)
{
	if (is_excepted(r->excepted, e->point))
		return (struct restricted_hit){ REL_NONE };
	if (is_kernels(e->fstype))
		return (struct restricted_hit){ REL_KERNEL };
	return compare_paths(r, e->dev, e->root, readonly, false);
}

/**
 * restricted_is_forwarded() - is @o the socket by which a build's step reaches its client's agent?
 *
 * An engine listens on it, and it is no way to the engine.
 */
bool restricted_is_forwarded(const struct restricted *r, const struct object *o)
{
	for (guint i = 0; r->building && i < r->objects->len; i++) {
		const struct restricted_object *in = r->objects->pdata[i];
		const char *rest;

		if (in->flags & RESTRICTED_ENGINE && in->canonical &&
		    path_is_below(o->path, in->canonical, &rest) && match(forwarded, rest))
			return true;
	}
	return false;
}

/* Is the file system @dev only mounted below @top? */
static bool only_below(const struct mounttab *tab, dev_t dev, const char *top)
{
	for (guint i = 0; i < tab->entries->len; i++) {
		const struct mounttab_entry *e = &g_array_index(tab->entries, struct mounttab_entry,
								i);

		if (e->dev == dev && !path_is_below(e->point, top, NULL))
			return false;
	}
	return true;
}

/**
 * restricted_is_engines() - is @o something that an engine gives to its containers by itself: a
 * volume, /etc/hosts, a secret?
 *
 * A volume may be a mount of whatever its creator said: then it is the engine's if nothing else of
 * the host shows that file system, or if what it shows is a part of another volume.
 */
bool restricted_is_engines(const struct restricted *r, const struct mounttab *tab,
			   const struct object *o)
{
	for (guint i = 0; o->mount && i < r->objects->len; i++) {
		const struct restricted_object *in = r->objects->pdata[i];
		const char *rest, *point;

		if (!(in->flags & RESTRICTED_ENGINE) || !in->canonical ||
		    !path_is_below(o->path, in->canonical, &rest) || !is_given(r, rest))
			continue;
		if (!path_is_below(o->mount->point, in->canonical, &point) || !is_given(r, point))
			return true;
		if (in->fs == o->mount->dev && in->fspath && o->fspath &&
		    path_is_below(o->fspath, in->fspath, &rest) && is_given(r, rest))
			return true;
		return only_below(tab, o->mount->dev, in->canonical);
	}
	return false;
}
