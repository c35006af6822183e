/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is something, or does it contain, or lie in, what no container may mount? restricted.c says by
 * what it is compared.
 */
#include "config.h"
#include "policy/restricted.h"

#include "lib/fd.h"
#include "policy/engine-state.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SCAN   4096 /* entries of restricted directories that are compared with a file */
#define SCAN_DEPTH 4

/* Is a read-only mount of it, or of a parent, harmless? */
static bool harmless(const struct restricted_object *o, enum relation relation, bool readonly)
{
	if (!readonly)
		return false;
	return o->flags & (relation == REL_ABOVE ? RESTRICTED_PARENT_RO : RESTRICTED_SELF_RO);
}

/* @rest: where below @o */
static bool below_counts(const struct restricted *r, const struct restricted_object *o,
			 const char *rest, bool readonly)
{
	if (o->flags & RESTRICTED_NOT_BELOW || harmless(o, REL_BELOW, readonly))
		return false;
	return !(o->flags & RESTRICTED_ENGINE && rest && engine_gives(rest, r->building));
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
	struct file_id last = { o->dev, o->ino };
	autofd at = open_parent(o);

	for (int i = 0; at >= 0 && i < RESTRICTED_MAX_UP; i++) {
		const struct restricted_object *hit;
		const char *rest = NULL;
		struct stat st;
		int up;

		if (fstat(at, &st) < 0)
			break;
		if (st.st_dev == last.dev && st.st_ino == last.ino)
			return (struct restricted_hit){ REL_NONE };
		last = (struct file_id){ st.st_dev, st.st_ino };
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
	const GPtrArray *inside = g_hash_table_lookup(r->parents,
						      &(struct file_id){ o->dev, o->ino });

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
		/* some file systems do not tell the type */
		if (found || depth == 0 || (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN))
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
	if (restricted_is_excepted(r, o->path))
		return hit;
	if (!o->mount || !o->fspath)
		return (struct restricted_hit){ REL_UNKNOWN };
	if (is_kernels(o->mount->fstype))
		return (struct restricted_hit){ REL_KERNEL };
	if (S_ISBLK(o->mode))
		return (struct restricted_hit){ REL_DEVICE };
	same = g_hash_table_lookup(r->by_id, &(struct file_id){ o->dev, o->ino });
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
	if (restricted_is_excepted(r, e->point))
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
		    path_is_below(o->path, in->canonical, &rest) && engine_forwards(rest))
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
		    !path_is_below(o->path, in->canonical, &rest) ||
		    !engine_gives(rest, r->building))
			continue;
		if (!path_is_below(o->mount->point, in->canonical, &point) ||
		    !engine_gives(point, r->building))
			return true;
		if (in->fs == o->mount->dev && in->fspath && o->fspath &&
		    path_is_below(o->fspath, in->fspath, &rest) && engine_gives(rest, r->building))
			return true;
		return only_below(tab, o->mount->dev, in->canonical);
	}
	return false;
}
