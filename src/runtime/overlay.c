/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the layers of an overlay root file system, while the host's paths still resolve.
 *
 * Theory of operation. Overlayfs has no ID-mapped mounts, so the container gets an overlay of its
 * own on ID-mapped clones of the mounts on which the layers lie (overlay-build.c). What the layers
 * are, only the mount table says, as text: names as the engine gave them, relative to wherever it
 * stood, often through symlinks. So every name is opened once, what was found is compared with what
 * the mount shows (overlay-places.c), and from then on there are only descriptors:
 *
 *   names (mountinfo) -> O_PATH in the host's tree -> the same object through our clone, compared
 *
 * One clone for each mount of the host, of the deepest directory that holds all its layers: upper
 * and work directory have to be on one mount, and a hundred layers need not be a hundred mounts.
 * The clone is never part of the container's tree.
 */
#include "config.h"
#include "runtime/overlay-places.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

/* The deepest directory that both paths are in, or are. */
static char *common_dir(const char *a, const char *b)
{
	size_t n = 0, last = 0;

	for (; a[n] && a[n] == b[n]; n++)
		if (a[n] == '/')
			last = n;
	if ((!a[n] && (!b[n] || b[n] == '/')) || (!b[n] && a[n] == '/'))
		last = n;
	return last ? g_strndup(a, last) : g_strdup("/");
}

static const char *path_below(const char *dir, const char *path)
{
	size_t n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	path += n;
	path += strspn(path, "/");
	return *path ? path : ".";
}

/* Open through the clone @tree what @place is on the host: the same object, or not at all. */
static int reopen(int tree, const char *dir, const struct overlay_place *place)
{
	struct stat st;
	autofd fd = sys_openat2(tree, path_below(dir, place->path), O_PATH | O_DIRECTORY,
				RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != place->dev || st.st_ino != place->ino)
		return -ESTALE;
	return fd_steal(&fd);
}

/* Clone what the host's mount @id holds of the layers: from the directory that is above them all.
 */
static int clone_mount(struct overlay *o, uint64_t id, const char *dir)
{
	struct overlay_mount m = { .id = id };
	autofd fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int found = fd < 0 ? -errno : sys_mount_id(fd);

	if (found < 0)
		return found;
	if ((uint64_t)found != id)
		return -ESTALE;
	m.tree_fd = mnt_clone(fd, "", false);
	if (m.tree_fd < 0)
		return m.tree_fd;
	g_array_append_val(o->mounts, m);
	return mnt_make_private_fd(m.tree_fd);
}

/* The directory above all places that lie on mount @id. */
static char *dir_of_mount(const struct overlay_places *p, uint64_t id)
{
	const struct overlay_place *others[] = { &p->upper, &p->work_parent };
	char *dir = NULL;

	for (guint i = 0; i < p->lower->len + G_N_ELEMENTS(others); i++) {
		const struct overlay_place *place =
			i < p->lower->len ? &g_array_index(p->lower, struct overlay_place, i)
					  : others[i - p->lower->len];
		char *wider;

		if (place->fd < 0 || place->mount_id != id)
			continue;
		wider = dir ? common_dir(dir, place->path) : g_strdup(place->path);
		g_free(dir);
		dir = wider;
	}
	return dir;
}

/* Make sure there is a clone of the mount of @place; open @place through it. */
static int take_place(struct overlay *o, const struct overlay_places *p,
		      const struct overlay_place *place, guint *ret_mount)
{
	g_autofree char *dir = dir_of_mount(p, place->mount_id);
	guint i = 0;
	int r;

	while (i < o->mounts->len &&
	       g_array_index(o->mounts, struct overlay_mount, i).id != place->mount_id)
		i++;
	r = i < o->mounts->len ? 0 : clone_mount(o, place->mount_id, dir);
	if (r < 0)
		return r;
	*ret_mount = i;
	return reopen(g_array_index(o->mounts, struct overlay_mount, i).tree_fd, dir, place);
}

static bool take_upper(struct overlay *o, struct overlay_places *p, GError **error)
{
	g_autofree char *dir = NULL;
	guint ignored;

	if (p->upper.fd < 0)
		return true;
	if (p->work_parent.fd < 0 || p->work_parent.mount_id != p->upper.mount_id)
		return error_set(error,
				 "root file system \"%s\": the work directory of its overlay has "
				 "no directory beside it for another; mount it with one",
				 o->merged);
	o->upper_fd = take_place(o, p, &p->upper, &o->work_mount);
	if (o->upper_fd < 0)
		return error_set_errno(error, o->upper_fd, "overlay layer \"%s\"", p->upper.path);
	autofd parent = take_place(o, p, &p->work_parent, &ignored);
	if (parent < 0)
		return error_set_errno(error, parent, "overlay layer \"%s\"", p->work.path);
	dir = dir_of_mount(p, p->work_parent.mount_id);
	o->work_path = g_strdup(path_below(dir, p->work_parent.path));
	o->work_dir = g_strdup(p->work_parent.path);
	o->work_parent = fd_steal(&p->work_parent.fd);
	return true;
}

static bool take_places(struct overlay *o, struct overlay_places *p, GError **error)
{
	guint ignored, first_data = p->lower->len - o->options.n_data;

	for (guint i = 0; i < p->lower->len; i++) {
		const struct overlay_place *place = &g_array_index(p->lower, struct overlay_place,
								   i);
		struct overlay_layer layer = { .data = i >= first_data };

		layer.fd = take_place(o, p, place, &ignored);
		if (layer.fd < 0)
			return error_set_errno(error, layer.fd, "overlay layer \"%s\"",
					       place->path);
		g_array_append_val(o->lower, layer);
	}
	return take_upper(o, p, error);
}

/* What of the overlay the root file system is. */
static bool find_subpath(struct overlay *o, GError **error)
{
	const char *mount_point = o->options.mount_point;
	const char *below;

	if (!g_str_has_prefix(o->merged, mount_point))
		return error_set(error, "root file system \"%s\": is not below its mount \"%s\"",
				 o->merged, mount_point);
	below = path_below(mount_point, o->merged);
	o->subpath = g_build_filename(o->options.subdir, strcmp(below, ".") ? below : "", NULL);
	memmove(o->subpath, o->subpath + 1, strlen(o->subpath));
	for (size_t n = strlen(o->subpath); n && o->subpath[n - 1] == '/'; n--)
		o->subpath[n - 1] = '\0';
	return true;
}

/* The root of the mount, to compare it with its topmost layer. */
static int open_overlay_root(const struct overlay *o, uint64_t id)
{
	autofd fd = -1;
	int found;

	if (strcmp(o->merged, o->options.mount_point) == 0)
		return fcntl(o->merged_fd, F_DUPFD_CLOEXEC, 3);
	fd = open(o->options.mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	found = fd < 0 ? -errno : sys_mount_id(fd);
	if (found < 0)
		return found;
	return (uint64_t)found == id ? fd_steal(&fd) : -ESTALE;
}

static bool plan_overlay(struct overlay *o, GError **error)
{
	struct overlay_places places = { .upper = OVERLAY_NOWHERE,
					 .work = OVERLAY_NOWHERE,
					 .work_parent = OVERLAY_NOWHERE };
	g_autofree char *mountinfo = NULL;
	autofd root = -1;
	int id = sys_mount_id(o->merged_fd);
	bool ok;

	if (id < 0)
		return error_set_errno(error, id, "root file system \"%s\": its mount", o->merged);
	if (!g_file_get_contents("/proc/self/mountinfo", &mountinfo, NULL, error) ||
	    !overlay_parse(mountinfo, id, &o->options, error) || !find_subpath(o, error))
		return false;
	if (o->options.index)
		return error_set(error,
				 "root file system \"%s\": its overlay has an index, which admits "
				 "no second mount; mount it with index=off,nfs_export=off",
				 o->merged);
	root = open_overlay_root(o, id);
	if (root < 0)
		return error_set_errno(error, root, "root file system \"%s\": its mount",
				       o->merged);
	places.lower = g_array_new(false, false, sizeof(struct overlay_place));
	ok = overlay_places_find(o, mountinfo, root, &places, error) &&
	     take_places(o, &places, error);
	overlay_places_clear(&places);
	g_array_unref(places.lower);
	return ok;
}

/**
 * overlay_plan() - is this directory on an overlay? Then find its layers
 * @root_fd: O_PATH descriptor of the root file system on the host
 * @path: what to call it in errors
 * @ret: receives what overlay_build() needs, or NULL if it is not on overlay
 */
bool overlay_plan(int root_fd, const char *path, struct overlay **ret, GError **error)
{
	struct overlay *o;
	struct statfs fs;

	*ret = NULL;
	if (fstatfs(root_fd, &fs) < 0)
		return error_set_errno(error, -errno, "root file system \"%s\"", path);
	if (fs.f_type != OVERLAYFS_SUPER_MAGIC)
		return true;
	o = g_new0(struct overlay, 1);
	o->upper_fd = o->work_parent = -1;
	o->merged_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	o->merged = overlay_path_of(root_fd) ?: g_strdup(path);
	o->lower = g_array_new(false, false, sizeof(struct overlay_layer));
	o->mounts = g_array_new(false, false, sizeof(struct overlay_mount));
	*ret = o;
	return o->merged_fd < 0 ? error_set_errno(error, -errno, "root file system \"%s\"", path)
				: plan_overlay(o, error);
}

/**
 * overlay_free() - close the layers and clones of an overlay, and free it
 */
void overlay_free(struct overlay *o)
{
	int *fds[] = { &o->upper_fd, &o->work_parent, &o->merged_fd };

	for (guint i = 0; i < o->lower->len; i++)
		fd_close(g_array_index(o->lower, struct overlay_layer, i).fd);
	for (guint i = 0; i < o->mounts->len; i++)
		fd_close(g_array_index(o->mounts, struct overlay_mount, i).tree_fd);
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		if (*fds[i] >= 0)
			fd_close(*fds[i]);
	g_array_unref(o->lower);
	g_array_unref(o->mounts);
	overlay_options_clear(&o->options);
	g_free(o->work_dir);
	g_free(o->work_path);
	g_free(o->subpath);
	g_free(o->merged);
	g_free(o);
}
