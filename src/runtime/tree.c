/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a container's parts in the workshop: root, volumes, procfs, sysfs, devices.
 *
 * All this runs as real root in a mount namespace of the initial user namespace; what is set here
 * (read-only, nodev, an ID map) is locked for the container when PID 1 takes its copy.
 */
#include "config.h"
#include "runtime/tree.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/nsmount.h"
#include "lib/sys.h"
#include "runtime/devices.h"
#include "runtime/error.h"
#include "runtime/serve.h"
#include "runtime/shift.h"
#include "runtime/template.h"
#include "runtime/tmpfs.h"
#include "runtime/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifdef MUTANT_NODEV_DROPPED
#define ATTR_NODEV 0
#else
#define ATTR_NODEV MOUNT_ATTR_NODEV
#endif

/*
 * Before Linux 5.12, once it is attached. A clone of the host's stays what the host made it,
 * read-only, say; new mounts (no @shift) and those that wait for shiftfs have nothing to keep, and
 * nobody who answers statfs(2).
 */
static int restrict_attached(const struct workshop *shop, int mount_fd, const char *path,
			     uint64_t attrs, const struct plan_shift *shift)
{
	struct statfs fs = { 0 };

	_Static_assert(MOUNT_ATTR_RDONLY == ST_RDONLY && MOUNT_ATTR_NOSUID == ST_NOSUID &&
			       MOUNT_ATTR_NODEV == ST_NODEV && MOUNT_ATTR_NOEXEC == ST_NOEXEC,
		       "flags of statfs(2) are the same bits");
	if (shift && g_strcmp0(shift->how, "shiftfs") != 0 && fstatfs(mount_fd, &fs) < 0)
		return -errno;
	attrs |= (uint64_t)fs.f_flags & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
	return mnt_restrict_at(shop->base, path, attrs);
}

/* Attach @mount_fd at @path of the base with @attrs, on kernels with and without mount_setattr(2).
 */
static int attach_part(const struct workshop *shop, int mount_fd, const char *path, bool recursive,
		       uint64_t attrs, const struct plan_shift *shift)
{
	int r = mnt_restrict(mount_fd, recursive, attrs);
	bool old_kernel = r == -ENOSYS;

	if (r < 0 && !old_kernel)
		return r;
	r = mnt_attach(mount_fd, shop->base, path);
	if (r == 0 && old_kernel)
		r = restrict_attached(shop, mount_fd, path, attrs, shift);
	if (r == 0 && old_kernel) /* plan.c could not */
		r = mnt_make_private();
	return r;
}

/*
 * The attached root becomes read-only, but for a twin mount with the same map, through which mount
 * points are made. Taken before: what the host has mounted read-only is so in the twin, too.
 */
static int make_root_readonly(struct tree *tree, int root)
{
	int r;

	tree->rw_root_fd = mnt_clone(tree->shop->base, "root", false);
	if (tree->rw_root_fd < 0)
		return tree->rw_root_fd;
	r = mnt_restrict(root, false, MOUNT_ATTR_RDONLY);
	return r == -ENOSYS
		       ? restrict_attached(tree->shop, root, "root", ATTR_NODEV | MOUNT_ATTR_RDONLY,
					   &tree->plan->root_shift)
		       : r;
}

static bool build_tmpfs_root(struct tree *tree, GError **error)
{
	g_autofree char *options = tmpfs_options(tree->spec, NULL, 0755);
	autofd fd = mnt_new("tmpfs", options, MOUNT_ATTR_NODEV);
	int r = fd < 0 ? fd : template_copy(tree->plan->template_fd, fd, tree->uid, tree->gid);

	if (r == 0)
		r = attach_part(tree->shop, fd, "root", false, ATTR_NODEV, NULL);
	if (r == 0 && tree->spec->root_readonly)
		r = make_root_readonly(tree, fd);
	return r == 0 || error_set_errno(error, r, "make the root file system");
}

/* An overlay is served as the engine sees it, which writes to it as well: nothing is remembered. */
static bool serve_root(struct tree *tree, GError **error)
{
	struct plan *plan = tree->plan;
	const struct spec_serve strict = { .cache = (char *)"strict" };
	const struct serve_what w = { .what = "root file system",
				      .path = tree->spec->root_path,
				      .target = "/",
				      .serve = plan->root_overlay || plan->root_error ? &strict
										      : NULL };

	const char *reason = shift_reason(tree, NULL);

	if (w.serve && *error && !tree->spec->serve_always) {
		g_autofree char *text = g_strdup_printf("FUSE: %s", (*error)->message);

		reason = g_intern_string(text);
	}
	return shift_by_server(tree, &plan->root_tree, &w, reason, &plan->root_shift, error);
}

/* An overlay is replaced by one on ID-mapped layers, unless its layers are the container's own. */
static bool map_root(struct tree *tree, GError **error)
{
	struct plan *plan = tree->plan;
	int fd;

	if (!shift_is_done(tree, plan->root_tree) && plan->root_error) {
		g_propagate_error(error, g_steal_pointer(&plan->root_error));
		return false;
	}
	if (!plan->root_overlay || shift_is_done(tree, plan->root_tree))
		return shift_ids(tree, plan->root_tree, false, false, "root file system",
				 tree->spec->root_path, &plan->root_shift, error);
	fd = overlay_build(plan->root_overlay, tree->shop, tree->userns_fd, tree->uid, tree->gid,
			   error);
	if (fd < 0)
		return false;
	fd_close(plan->root_tree);
	plan->root_tree = fd;
	plan->root_rebuilt = true;
	plan->root_shift = (struct plan_shift){ "idmapped", "overlay on ID-mapped layers" };
	return true;
}

/* What the engine is shown of a root that we rebuilt; writable for it also if not inside. */
static bool build_view(struct tree *tree, GError **error)
{
	struct plan *plan = tree->plan;
	int r = 0;

	if (!plan->root_rebuilt)
		return true;
	plan->root_view = mnt_clone(tree->shop->base, "root", false);
	if (plan->root_view < 0)
		r = plan->root_view;
	else if (tree->spec->root_readonly &&
		 !(plan->root_overlay->options.attrs & MOUNT_ATTR_RDONLY))
		r = sys_mount_setattr(plan->root_view, false, 0, MOUNT_ATTR_RDONLY, -1);
	return r == 0 || error_set_errno(error, r, "clone the root file system");
}

static bool shift_root(struct tree *tree, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (map_root(tree, &why) || serve_root(tree, &why))
		return true;
	g_propagate_error(error, g_steal_pointer(&why));
	return false;
}

static bool build_root(struct tree *tree, GError **error)
{
	const struct spec *spec = tree->spec;
	int root, r;

	if (spec->root_tmpfs)
		return build_tmpfs_root(tree, error);
	if (!shift_root(tree, error))
		return false;
	root = tree->plan->root_tree;
	r = attach_part(tree->shop, root, "root", false, ATTR_NODEV, &tree->plan->root_shift);
	if (r == 0 && spec->root_readonly)
		r = make_root_readonly(tree, root);
	if (r < 0)
		return error_set_errno(error, r, "root file system \"%s\"", spec->root_path);
	return build_view(tree, error);
}

static int make_volume_point(const struct workshop *shop, const struct plan_step *step)
{
	int fd;

	if (!step->file)
		return mkdirat(shop->base, step->from, 0755) < 0 ? -errno : 0;
	fd = openat(shop->base, step->from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The error of a recursive volume: name what is in the way. Return: whether something is. */
static bool blame_submount(struct tree *tree, struct plan_step *step, int userns_fd, GError **error)
{
	g_autofree char *where = volume_find_unmappable(tree, step, userns_fd);

	if (!where)
		return false;
	g_clear_error(error);
	error_set(error,
		  "volume source \"%s\": what is mounted on \"%s\" cannot be ID-mapped; give "
		  "the volume without it (\"bind\" for \"rbind\", Docker: "
		  "--mount type=bind,…,bind-recursive=disabled)",
		  step->mount->source, where);
	return true;
}

/* What is mounted below it a server does not show: nothing is left out without a word. */
static void refuse_submount(const struct spec_mount *m, const char *below, GError **error)
{
	g_clear_error(error);
	error_set(error,
		  "volume source \"%s\": \"%s\" is mounted below it, which shiftfs does not "
		  "show; give the volume without it (\"bind\" for \"rbind\", Docker: --mount "
		  "type=bind,…,bind-recursive=disabled)",
		  m->source, below);
}

/* The server reads files by the clone, whose flags say whether that changes their times of access.
 */
static void keep_times(const struct spec_mount *m, int tree_fd)
{
	const uint64_t times = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

	(void)sys_mount_setattr(tree_fd, false, m->set & times, m->clear & times, -1);
}

static bool serve_volume(struct tree *tree, struct plan_step *step, int userns_fd, GError **error)
{
	const struct spec_mount *m = step->mount;
	const struct serve_what w = { .what = "volume source",
				      .path = m->source,
				      .target = m->destination,
				      .serve = &m->serve,
				      .as = step->as,
				      .uid_map = m->uid_map,
				      .gid_map = m->gid_map };
	g_autofree char *below = volume_find_submount(tree, step);

	if (below) {
		if (!*error || !blame_submount(tree, step, userns_fd, error))
			refuse_submount(m, below, error);
		return false;
	}
	keep_times(m, step->tree_fd);
	if (!shift_by_server(tree, &step->tree_fd, &w, shift_reason(tree, &m->serve), &step->shift,
			     error))
		return false;
	step->recursive = false;
	return true;
}

static bool map_volume(struct tree *tree, struct plan_step *step, GError **error)
{
	const struct spec_mount *m = step->mount;
	struct tree by = *tree;
	autofd own = -1;

	if (m->uid_map && m->uid_map->len) {
		own = volume_userns(tree, m, error);
		if (own < 0)
			return false;
		by.userns_fd = own;
		by.uid = UINT32_MAX; /* the engine knows whose they are on disk */
	}
	if (shift_ids(&by, step->tree_fd, step->recursive, m->shift_optional, "volume source",
		      m->source, &step->shift, error))
		return true;
	if (volume_replace_tmpfs(tree, step) == 0) {
		g_clear_error(error);
		step->shift = (struct plan_shift){ "native", "a tmpfs of the container's own" };
		return true;
	}
	return serve_volume(tree, step, by.userns_fd, error);
}

static bool shift_volume(struct tree *tree, struct plan_step *step, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (step->mount->serve.always ? serve_volume(tree, step, tree->userns_fd, &why)
				      : map_volume(tree, step, &why))
		return true;
	g_propagate_error(error, g_steal_pointer(&why));
	return false;
}

static bool build_volume(struct tree *tree, struct plan_step *step, GError **error)
{
	const struct spec_mount *m = step->mount;
	uint64_t nodev = ATTR_NODEV;
	int r;

	if (step->device && volume_replace_device(tree, step) == 0)
		nodev = 0;
	else if (!shift_volume(tree, step, error))
		return false;
	r = make_volume_point(tree->shop, step);
	if (r == 0)
		r = volume_loosen(step);
	if (r == 0)
		r = attach_part(tree->shop, step->tree_fd, step->from, step->recursive,
				m->set | nodev | (step->as ? MOUNT_ATTR_NOSUID : 0) |
					(m->shift_optional ? MOUNT_ATTR_RDONLY : 0),
				&step->shift);
	return r == 0 || error_set_errno(error, r, "volume source \"%s\"", m->source);
}

static bool build_proc(struct tree *tree, const struct spec_mount *m, GError **error)
{
	autofd fd = -1;
	int r;

	if (!nsmount_proc_allows(m->data))
		return error_set(error,
				 "mount \"%s\": of \"%s\" only hidepid, gid and subset=pid "
				 "are options that a container's procfs can have",
				 m->destination, m->data);
	fd = nsmount_proc(tree->shop->host_proc, tree->init_pid, m->data);
	r = fd < 0 ? fd : nsmount_proc_widen(fd, &tree->proc_narrow);
	if (r == -EINVAL && tree->proc_narrow)
		return error_set(error,
				 "mount \"%s\": this kernel cannot cover a procfs of subset=pid, "
				 "and new ones inside are covered like it: use hidepid=2",
				 m->destination);
	if (r == 0)
		r = attach_part(tree->shop, fd, "proc", false, m->set, NULL);
	return r == 0 || error_set_errno(error, r, "mount procfs for \"%s\"", m->destination);
}

static bool build_sys(struct tree *tree, const struct spec_mount *m, GError **error)
{
	autofd fd = nsmount_sysfs(tree->shop->host_proc, tree->init_pid);
	int r = fd < 0 ? fd : attach_part(tree->shop, fd, "sys", false, m->set, NULL);

	return r == 0 || error_set_errno(error, r, "mount sysfs for \"%s\"", m->destination);
}

/*
 * /dev: real nodes on a tmpfs whose superblock is the host's. The container's root may rename and
 * remove them and make files, but has no CAP_MKNOD over it and cannot resize it.
 */
static bool build_dev(struct tree *tree, const struct spec_mount *m, GError **error)
{
	autofd fd = mnt_tmpfs("64k", "0755", 0);
	const char *failed = m->destination;
	int r = fd < 0 ? fd : devices_make(fd, tree->spec, tree->uid, tree->gid, &failed);

	if (r == 0 && (m->set & MOUNT_ATTR_RDONLY))
		r = devices_make_points(fd, tree->plan, tree->uid, tree->gid, &failed);
	if (r == 0)
		r = attach_part(
			tree->shop, fd, "dev", false,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (m->set & ~MOUNT_ATTR_NODEV), NULL);
	return r == 0 || error_set_errno(error, r, "make \"%s\"", failed);
}

static bool build_part(struct tree *tree, struct plan_step *step, GError **error)
{
	if (step->tree_fd >= 0)
		return build_volume(tree, step, error);
	if (strcmp(step->from, "proc") == 0)
		return build_proc(tree, step->mount, error);
	if (strcmp(step->from, "sys") == 0)
		return build_sys(tree, step->mount, error);
	return build_dev(tree, step->mount, error);
}

/**
 * tree_build() - make the root file system and all parts, ID-mapped and restricted
 *
 * Called inside the workshop, when the container's maps are written and its PID 1 exists.
 */
bool tree_build(struct tree *tree, GError **error)
{
	mode_t mask = umask(0);
	bool ok = build_root(tree, error);

	for (guint i = 0; ok && i < tree->plan->steps->len; i++) {
		struct plan_step *step = &g_array_index(tree->plan->steps, struct plan_step, i);

		if (step->kind == PLAN_PART)
			ok = build_part(tree, step, error);
	}
	umask(mask);
	return ok;
}
