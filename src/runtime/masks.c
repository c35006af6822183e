/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masked and read-only paths outside procfs and sysfs.
 *
 * Those below /proc and /sys are laid by the launcher and locked by the kernel (covers.c).
 * Elsewhere a mount falls off as soon as anybody renames or unlinks what it lies on, so that there
 * is nothing to lock: PID 1 lays these in the container's own tree, as other runtimes do, and the
 * caller is warned of what they are worth.
 */
#include "config.h"
#include "runtime/masks.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void warn(const struct spec *spec, char **paths, const char *what)
{
	for (char **p = paths; p && *p; p++)
		if (!tree_can_lock(*p))
			g_ptr_array_add(spec->process.warnings,
					g_strdup_printf("linux.%s: \"%s\" is not below /proc or "
							"/sys: the container's root can undo it",
							what, *p));
}

/**
 * masks_warn() - note which masks of @spec do not hold against the container's root
 */
void masks_warn(const struct spec *spec)
{
	if (!spec->process.warnings)
		return;
	warn(spec, spec->masked_paths, "maskedPaths");
	warn(spec, spec->readonly_paths, "readonlyPaths");
}

static int open_target(int root, const char *path)
{
	return sys_openat2(root, path + strspn(path, "/"), O_PATH,
			   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

static int mask(int root, const char *path)
{
	autofd target = open_target(root, path);
	autofd cover = -1;
	struct stat st;

	if (target < 0)
		return target == -ENOENT || target == -ENOTDIR ? 0 : target;
	if (fstat(target, &st) < 0)
		return -errno;
	cover = mnt_clone(AT_FDCWD, S_ISDIR(st.st_mode) ? "empty/dir" : "empty/file", false);
	return cover < 0 ? cover : mnt_attach_fd(cover, target);
}

static int make_readonly(int root, const char *path)
{
	autofd target = open_target(root, path);
	autofd clone = -1;
	int r;

	if (target < 0)
		return target == -ENOENT || target == -ENOTDIR ? 0 : target;
	clone = mnt_clone(target, "", true);
	r = clone < 0 ? clone : mnt_restrict(clone, true, MOUNT_ATTR_RDONLY);
	return r < 0 ? r : mnt_attach_fd(clone, target);
}

static void each(const struct init_args *a, int root, char **paths, const char *what,
		 int (*lay)(int, const char *))
{
	for (char **p = paths; p && *p; p++) {
		int r = tree_can_lock(*p) ? 0 : lay(root, *p);

		if (r < 0)
			child_fail(a->common.sync, EXIT_USAGE, -r, "linux.%s: \"%s\"", what, *p);
	}
}

/**
 * masks_lay() - mask and restrict what is below @root, the container's assembled tree
 *
 * The working directory is the workshop's base, where the empty directory and file are.
 */
void masks_lay(const struct init_args *a, int root)
{
	each(a, root, a->spec->masked_paths, "maskedPaths", mask);
	each(a, root, a->spec->readonly_paths, "readonlyPaths", make_readonly);
}
