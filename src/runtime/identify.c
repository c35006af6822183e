/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's own of what /proc and /sys tell of the machine: the table of lib/identity.c, laid
 * in the workshop.
 */
#include "config.h"
#include "runtime/tree.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define NOTHING (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* What the specification mounts below /sys needs a place there, also where we replace a directory.
 */
static GPtrArray *mount_points(const struct tree *tree)
{
	GPtrArray *points = g_ptr_array_new();

	for (guint i = 0; i < tree->plan->steps->len; i++) {
		const struct spec_mount *m =
			g_array_index(tree->plan->steps, struct plan_step, i).mount;

		if (m && g_str_has_prefix(m->destination, "/sys/") &&
		    !strstr(m->destination, "..") && strlen(m->destination) < 256)
			g_ptr_array_add(points, m->destination + 1);
	}
	g_ptr_array_add(points, NULL);
	return points;
}

static int make_own(const struct tree *tree, const char *const *parts, char *what, size_t size)
{
	g_autoptr(GPtrArray) points = mount_points(tree);
	autofd fd = mnt_tmpfs("1m", "0755", NOTHING);
	int r = fd < 0 ? fd : 0;

	for (; r == 0 && *parts; parts++)
		r = identity_make(fd, tree->shop->base, *parts, &tree->identity,
				  (const char *const *)points->pdata, what, size);
	if (r == 0)
		r = mnt_attach(fd, tree->shop->base, IDENTITY_OWN_DIR);
	if (r < 0)
		return r;
	r = mnt_restrict(fd, false, MOUNT_ATTR_RDONLY);
	if (r == -ENOSYS)
		r = mnt_restrict_at(tree->shop->base, IDENTITY_OWN_DIR,
				    MOUNT_ATTR_RDONLY | NOTHING);
	return r;
}

/**
 * tree_identify() - cover what procfs and sysfs, those of them that the container has, tell
 */
bool tree_identify(struct tree *tree, GError **error)
{
	const char *parts[3] = { 0 };
	char what[256] = "its own tree";
	mode_t mask = umask(0);
	int n = 0, r;

	if (tree_has_part(tree, "proc"))
		parts[n++] = "proc";
	if (tree_has_part(tree, "sys"))
		parts[n++] = "sys";
	r = make_own(tree, parts, what, sizeof(what));
	umask(mask);
	for (int i = 0; r == 0 && i < n; i++)
		r = identity_lay(tree->shop->base, parts[i], what, sizeof(what));
	return r == 0 || error_set_errno(error, r, "cover what \"/%s\" tells of the host", what);
}
