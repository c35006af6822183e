/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying covers, masks and read-only flags over the container's procfs and sysfs.
 *
 * A cover is a clone of one file of the FUSE server's tree, mounted on the file of the same name;
 * or of a directory, where entries come and go: what appears in the kernel's later stays below it.
 * It holds because nobody can rename or unlink entries of procfs and sysfs (a mount falls off when
 * what it lies on goes away), and because PID 1's copy of this tree is locked.
 */
#include "config.h"
#include "runtime/tree.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/nsmount.h"
#include "lib/sys.h"
#include "lib/views.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The object at "proc/…" or "sys/…" of the base; never through a symlink. -ENOENT if missing. */
static int open_target(const struct tree *tree, const char *path)
{
	return sys_openat2(tree->shop->base, path, O_PATH,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/**
 * tree_lay_cover() - bind the server's file or directory @path, "proc/uptime", on @target
 * @target: from the working directory; the way there has no symlink
 *
 * Return: 0, -ENOENT if either is not there, or -errno.
 */
int tree_lay_cover(const char *path, const char *target)
{
	char source[sizeof("/fs/" VIEW_COVERS "/") + VIEW_COVER_MAX] = "/fs/" VIEW_COVERS "/";

	view_cover_name(path, source + strlen(source));
	return mnt_bind(source, target);
}

/* In a directory of the kernel's, or in one of ours that looks like it. */
static int lay_view(const struct tree *tree, const char *path)
{
	int r = tree_lay_cover(path, path);

	/* A kernel without that file: nothing to hide. What the server lacks is an error. */
	return r == -ENOENT && faccessat(tree->shop->base, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? 0
												: r;
}

/**
 * tree_has_part() - has the container a part that comes from @from, as "proc" or "sys"?
 */
bool tree_has_part(const struct tree *tree, const char *from)
{
	for (guint i = 0; i < tree->plan->steps->len; i++)
		if (strcmp(g_array_index(tree->plan->steps, struct plan_step, i).from, from) == 0)
			return true;
	return false;
}

static bool lay_covers(const struct tree *tree, GError **error)
{
	bool proc = tree_has_part(tree, "proc"), sys = tree_has_part(tree, "sys");

#ifdef MUTANT_COVER_UNLOCKED
	return true;
#endif
	if (fchdir(tree->shop->base) < 0)
		return error_set_errno(error, -errno, "enter the workshop");
	for (int i = 0; i < views_count; i++) {
		bool in_proc = g_str_has_prefix(views[i].path, "proc/");
		int r;

		if (!(in_proc ? proc : sys))
			continue;
#ifdef MUTANT_DIRECTORY_BARE
		if (views[i].kind == VIEW_DIRECTORY)
			continue;
#endif
		r = lay_view(tree, views[i].path);
		if (r < 0)
			return error_set_errno(error, r, "cover \"/%s\"", views[i].path);
	}
	return tree_cover_sysctls(tree, proc, sys, error);
}

/*
 * Masks hold on procfs and sysfs only: elsewhere somebody can rename what they lie on. There PID 1
 * lays them (masks.c), for what they are worth.
 */
bool tree_can_lock(const char *path)
{
	return g_str_has_prefix(path, "/proc/") || g_str_has_prefix(path, "/sys/");
}

/* A container without procfs or sysfs has nothing to hide there. */
static bool is_there(const struct tree *tree, const char *path)
{
	return tree_has_part(tree, g_str_has_prefix(path, "/proc/") ? "proc" : "sys");
}

static int lay_mask(const struct tree *tree, const char *path)
{
	autofd target = open_target(tree, path);
	autofd mask = -1;
	struct stat st;

	if (target == -ENOENT)
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return target < 0 ? target : -errno;
#ifdef MUTANT_MASK_MISSING
	return 0;
#endif
	mask = mnt_clone(tree->shop->empty, S_ISDIR(st.st_mode) ? "dir" : "file", false);
	return mask < 0 ? mask : mnt_attach_fd(mask, target);
}

/*
 * A part that is to be read-only: a clone of it is laid over itself, so that only this part
 * changes. Before the covers, which lie on it then: afterwards each of them would be there twice.
 */
static int lay_part(const struct tree *tree, const char *path)
{
	autofd target = open_target(tree, path);
	autofd clone = -1;

	if (target == -ENOENT)
		return 0;
	if (target < 0)
		return target;
	/* With what lies on it already. */
	clone = mnt_clone(target, "", true);
	return clone < 0 ? clone : mnt_attach_fd(clone, target);
}

/* Make that part read-only, what covers it has too. */
static int restrict_part(const struct tree *tree, const char *path)
{
	autofd target = open_target(tree, path);
	int r;

	if (target == -ENOENT)
		return 0;
	if (target < 0)
		return target;
	r = mnt_restrict(target, true, MOUNT_ATTR_RDONLY);
	return r != -ENOSYS ? r
			    : mnt_restrict_at(tree->shop->base, path,
					      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
						      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

static bool each_path(const struct tree *tree, char **paths, const char *what,
		      int (*lay)(const struct tree *, const char *), GError **error)
{
	for (char **p = paths; p && *p; p++) {
		int r = tree_can_lock(*p) && is_there(tree, *p) ? lay(tree, *p + 1) : 0;

		if (r < 0)
			return error_set_errno(error, r, "linux.%s: \"%s\"", what, *p);
	}
	return true;
}

/* What it hides it could not be covered on, and the container could have a whole new one then. */
static bool narrow_proc(const struct tree *tree, GError **error)
{
	autofd proc = tree->proc_narrow
			      ? openat(tree->shop->base, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC)
			      : -1;
	int r = !tree->proc_narrow ? 0 : proc < 0 ? -errno : nsmount_proc_narrow(proc);

	return r == 0 || error_set_errno(error, r, "reduce /proc to processes");
}

/**
 * tree_cover() - lay the emulated files, the masks and the read-only paths of the specification
 * @fuse_mount: detached mount of the container's FUSE server, which must be answering
 */
bool tree_cover(struct tree *tree, int fuse_mount, GError **error)
{
	char **readonly = tree->spec->readonly_paths;
	int r = mnt_attach(fuse_mount, tree->shop->base, "fs");

	if (r < 0)
		return error_set_errno(error, r, "attach the server's file system");
	return each_path(tree, readonly, "readonlyPaths", lay_part, error) &&
	       lay_covers(tree, error) &&
	       each_path(tree, tree->spec->masked_paths, "maskedPaths", lay_mask, error) &&
	       each_path(tree, readonly, "readonlyPaths", restrict_part, error) &&
	       narrow_proc(tree, error);
}
