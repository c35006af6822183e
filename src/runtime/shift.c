/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving a tree of the host to a container: which way its owners become the container's ids.
 *
 * In this order: it has them on disk already; the kernel maps them (an ID-mapped mount); a server
 * does (serve.c); or it stays as it is, where the specification says that it may.
 */
#include "config.h"
#include "runtime/shift.h"

#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statfs.h>

/**
 * shift_is_done() - does the range of the container own this tree? Then it must not be shifted
 */
bool shift_is_done(const struct tree *tree, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid >= tree->uid && st.st_uid - tree->uid < 65536;
}

/**
 * shift_ids() - map the ids of a detached clone: host id h appears inside as h
 * @optional: a read-only system tree that can do without
 * @what, @path: for messages
 * @shift: receives which way it was
 *
 * Where the kernel cannot, the container does not start, but for an optional tree.
 */
bool shift_ids(struct tree *tree, int fd, bool recursive, bool optional, const char *what,
	       const char *path, struct plan_shift *shift, GError **error)
{
	struct statfs fs = { 0 };
	int r;

	if (shift_is_done(tree, fd)) {
		*shift = (struct plan_shift){ "native", "owned by the container's ids on disk" };
		return true;
	}
	if (tree->spec->serve_always && !optional)
		return error_set(error, "%s \"%s\": " ANNOTATION_FALLBACK "=always", what, path);
	r = mnt_idmap(fd, recursive, tree->userns_fd);
	if (r == 0) {
		*shift = (struct plan_shift){ "idmapped", "ID-mapped mount" };
		return true;
	}
	if (optional && (r == -EINVAL || r == -ENOSYS || r == -EOPNOTSUPP)) {
		*shift = (struct plan_shift){ "none",
					      r == -ENOSYS
						      ? "this kernel has no ID-mapped mounts; "
							"read-only, owners show as nobody"
						      : "this file system has no ID-mapped mounts; "
							"read-only, owners show as nobody" };
		return true;
	}
	fstatfs(fd, &fs);
	if (r == -ENOSYS)
		return error_set(error,
				 "%s \"%s\": this kernel cannot map user ids on mounts; "
				 "use Linux 5.12 or newer",
				 what, path);
	if (r != -EINVAL)
		return error_set_errno(error, r, "%s \"%s\": map its owners", what, path);
	return error_set(
		error,
		"%s \"%s\": its file system (type 0x%lx) or one mounted below it cannot be "
		"ID-mapped; use ext4, xfs or btrfs, or give a directory without it",
		what, path, (unsigned long)fs.f_type);
}

/**
 * shift_by_server() - a server maps the ids where the kernel cannot, or not do all that was asked
 *for
 * @fd: the clone; then the mount that is served
 * @because: for people, who see it in `status`
 * @error: why the kernel cannot, or not set; if there can be no server either that stays, or it is
 *	set to why there cannot
 */
bool shift_by_server(struct tree *tree, int *fd, const struct serve_what *w, const char *because,
		     struct plan_shift *shift, GError **error)
{
	const char *obstacle = serve_obstacle(tree, *fd);
	int r;

	if (obstacle)
		return *error ? false
			      : error_set(error, "%s \"%s\": %s", w->what, w->path, obstacle);
	r = serve_mount(tree, fd, w);
	if (r < 0) {
		g_clear_error(error);
		return error_set_errno(error, r, "%s \"%s\": make a FUSE mount of it", w->what,
				       w->path);
	}
	g_clear_error(error);
	*shift = (struct plan_shift){ "shiftfs", because };
	return true;
}

/**
 * shift_reason() - why a server is needed, for people
 * @s: what was asked for of this mount, or NULL
 */
const char *shift_reason(const struct tree *tree, const struct spec_serve *s)
{
	if (s && s->as)
		return "FUSE: with the rights of a user";
	if (s && s->hide)
		return "FUSE: names are hidden";
	if (tree->spec->serve_always || (s && s->always))
		return "FUSE: asked for";
	return sys_mount_setattr(-1, false, 0, 0, -1) == -ENOSYS
		       ? "FUSE: this kernel has no ID-mapped mounts"
		       : "FUSE: this file system cannot be ID-mapped";
}
