/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the layers of an overlay root file system, while the host's paths still resolve.
 *
 * Theory of operation. Overlayfs has no ID-mapped mounts, so the container gets an overlay of its
 * own on ID-mapped clones of the mounts on which the layers lie (overlay-build.c). What the layers
 * are, only the mount table says, as text: names as the engine gave them, relative to wherever it
 * stood, often through symlinks. So every name is opened once, what was found is compared with what
 * the mount shows, and from then on there are only descriptors:
 *
 *   names (mountinfo) -> O_PATH in the host's tree -> the same object through our clone, compared
 *
 * One clone for each mount of the host, of the deepest directory that holds all its layers: upper
 * and work directory have to be on one mount, and a hundred layers need not be a hundred mounts.
 * The clone is never part of the container's tree.
 */
#include "config.h"
#include "runtime/overlay.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define OVERLAY_MAGIC 0x794c7630 /* <linux/magic.h>, OVERLAYFS_SUPER_MAGIC */

/* A directory of the host that a name led to. */
struct place {
	int fd; /* O_PATH */
	uint64_t mount_id;
	dev_t dev;
	ino_t ino;
	char *path; /* canonical */
};

struct places {
	GArray *lower; /* struct place */
	struct place upper, work, work_parent;
};

#define NOWHERE ((struct place){ .fd = -1 })

static void place_clear(struct place *p)
{
	if (p->fd >= 0)
		fd_close(p->fd);
	g_free(p->path);
	*p = NOWHERE;
}

static void places_clear(struct places *p)
{
	for (guint i = 0; p->lower && i < p->lower->len; i++)
		place_clear(&g_array_index(p->lower, struct place, i));
	if (p->lower)
		g_array_set_size(p->lower, 0);
	place_clear(&p->upper);
	place_clear(&p->work);
	place_clear(&p->work_parent);
}

static int get_mount_id(int fd, uint64_t *id)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return -errno;
	if (!(stx.stx_mask & STATX_MNT_ID))
		return -ENOSYS;
	*id = stx.stx_mnt_id;
	return 0;
}

static char *path_of(int fd)
{
	char link[64];

	g_snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return g_file_read_link(link, NULL);
}

/* The directory @path, below @base if it is relative. */
static int place_open(int base, const char *path, struct place *ret)
{
	struct stat st;
	int r;

	*ret = NOWHERE;
	if (path[0] != '/' && base < 0)
		return -ENOENT;
	ret->fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		return -errno;
	r = fstat(ret->fd, &st) < 0 ? -errno : get_mount_id(ret->fd, &ret->mount_id);
	if (r < 0)
		return r;
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->path = path_of(ret->fd);
	return ret->path ? 0 : -ENOENT;
}

/* Upper and work directory stand in the mount table as they were given: with escapes or without. */
static int place_open_escaped(int base, const char *path, struct place *ret)
{
	g_autofree char *plain = overlay_unescape(path);
	int r = place_open(base, plain, ret);

	if (r != -ENOENT || strcmp(plain, path) == 0)
		return r;
	place_clear(ret);
	return place_open(base, path, ret);
}

static int open_places(const struct overlay_options *o, int base, struct places *p,
		       const char **what)
{
	int r = 0;

	for (guint i = 0; r == 0 && i < o->lower->len; i++) {
		struct place place;

		*what = g_ptr_array_index(o->lower, i);
		r = place_open(base, *what, &place);
		g_array_append_val(p->lower, place);
	}
	if (r < 0 || !o->upper)
		return r;
	*what = o->upper;
	r = place_open_escaped(base, *what, &p->upper);
	if (r < 0 || !o->work)
		return r;
	*what = o->work;
	r = place_open_escaped(base, *what, &p->work);
	return r < 0 ? r : place_open(p->work.fd, "..", &p->work_parent);
}

/*
 * The overlay's root shows time stamps of its topmost layer: is that what we opened? Names may have
 * been given another meaning since the overlay was mounted.
 */
static bool is_top_layer(int overlay_root, const struct places *p)
{
	const struct place *top = p->upper.fd >= 0 ? &p->upper
						   : &g_array_index(p->lower, struct place, 0);

	for (int i = 0; i < 8; i++) { /* somebody may make files there right now */
		struct stat a, b;

		if (fstat(overlay_root, &a) < 0 || fstat(top->fd, &b) < 0)
			return false;
#ifdef MUTANT_LAYER_UNCHECKED
		return true;
#endif
		if (a.st_mode == b.st_mode && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
		    a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
		    a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec)
			return true;
		g_usleep(1000);
	}
	return false;
}

static void add_ancestors(GPtrArray *bases, const char *path)
{
	char *dir;

	if (!path || path[0] != '/')
		return;
	for (dir = g_path_get_dirname(path); strcmp(dir, "/") != 0;) {
		char *up = g_path_get_dirname(dir);

		if (g_ptr_array_find_with_equal_func(bases, dir, g_str_equal, NULL))
			g_free(dir);
		else
			g_ptr_array_add(bases, dir);
		dir = up;
	}
	g_free(dir);
}

/* Where the engine stood when it gave relative names: above something that it named in full. */
static GPtrArray *likely_bases(const struct overlay *o, const char *mountinfo)
{
	GPtrArray *bases = g_ptr_array_new_with_free_func(g_free);
	const char *p = mountinfo;

	add_ancestors(bases, o->options.upper);
	add_ancestors(bases, o->options.work);
	for (guint i = 0; i < o->options.lower->len; i++)
		add_ancestors(bases, g_ptr_array_index(o->options.lower, i));
	add_ancestors(bases, o->options.mount_point);
	/* A read-only view of a snapshot names nothing in full; the next mount of its engine may.
	 */
	while ((p = strstr(p, "upperdir=/"))) {
		size_t n = strcspn(p + 9, ", \n");
		g_autofree char *upper = g_strndup(p + 9, n);

		add_ancestors(bases, upper);
		p += 9 + n;
	}
	add_ancestors(bases,
		      "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1");
	return bases;
}

static bool has_relative(const struct overlay_options *o)
{
	for (guint i = 0; i < o->lower->len; i++)
		if (*(const char *)g_ptr_array_index(o->lower, i) != '/')
			return true;
	return (o->upper && o->upper[0] != '/') || (o->work && o->work[0] != '/');
}

static bool find_places(struct overlay *o, const char *mountinfo, int overlay_root,
			struct places *p, GError **error)
{
	bool check = strcmp(o->options.subdir, "/") == 0;
	g_autoptr(GPtrArray) bases = has_relative(&o->options) ? likely_bases(o, mountinfo) : NULL;
	const char *what = NULL;
	int first = 0;

	for (guint i = 0; i < (bases ? bases->len : 1); i++) {
		autofd base = -1;
		int r;

		if (bases)
			base = open(g_ptr_array_index(bases, i), O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = open_places(&o->options, base, p, &what);
		if (r == 0 && check && !is_top_layer(overlay_root, p))
			r = -ESTALE;
		if (r == 0)
			return true;
		if (!first || r != -ENOENT)
			first = r;
		places_clear(p);
	}
	if (first == -ESTALE)
		return error_set(error,
				 "root file system \"%s\": its overlay's layers are not what their "
				 "names lead to now; mount it again",
				 o->merged);
	return error_set_errno(error, first ?: -ENOENT,
			       "root file system \"%s\": layer \"%s\" of its overlay%s", o->merged,
			       what ?: "", bases ? "; mount it with absolute names" : "");
}

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
static int reopen(int tree, const char *dir, const struct place *place)
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
	uint64_t found = 0;
	int r = fd < 0 ? -errno : get_mount_id(fd, &found);

	if (r < 0)
		return r;
	if (found != id)
		return -ESTALE;
	m.tree_fd = mnt_clone(fd, "", false);
	if (m.tree_fd < 0)
		return m.tree_fd;
	g_array_append_val(o->mounts, m);
	return mnt_make_private_fd(m.tree_fd);
}

/* The directory above all places that lie on mount @id. */
static char *dir_of_mount(const struct places *p, uint64_t id)
{
	const struct place *others[] = { &p->upper, &p->work_parent };
	char *dir = NULL;

	for (guint i = 0; i < p->lower->len + G_N_ELEMENTS(others); i++) {
		const struct place *place = i < p->lower->len
						    ? &g_array_index(p->lower, struct place, i)
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
static int take_place(struct overlay *o, const struct places *p, const struct place *place,
		      guint *ret_mount)
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

static bool take_upper(struct overlay *o, struct places *p, GError **error)
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

static bool take_places(struct overlay *o, struct places *p, GError **error)
{
	guint ignored, first_data = p->lower->len - o->options.n_data;

	for (guint i = 0; i < p->lower->len; i++) {
		const struct place *place = &g_array_index(p->lower, struct place, i);
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
	uint64_t found = 0;
	int r;

	if (strcmp(o->merged, o->options.mount_point) == 0)
		return fcntl(o->merged_fd, F_DUPFD_CLOEXEC, 3);
	fd = open(o->options.mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : get_mount_id(fd, &found);
	if (r == 0 && found != id)
		r = -ESTALE;
	return r < 0 ? r : fd_steal(&fd);
}

static bool plan_overlay(struct overlay *o, GError **error)
{
	struct places places = { .upper = NOWHERE, .work = NOWHERE, .work_parent = NOWHERE };
	g_autofree char *mountinfo = NULL;
	autofd root = -1;
	uint64_t id = 0;
	int r = get_mount_id(o->merged_fd, &id);
	bool ok;

	if (r < 0)
		return error_set_errno(error, r, "root file system \"%s\": its mount", o->merged);
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
	places.lower = g_array_new(false, false, sizeof(struct place));
	ok = find_places(o, mountinfo, root, &places, error) && take_places(o, &places, error);
	places_clear(&places);
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
	if (fs.f_type != OVERLAY_MAGIC)
		return true;
	o = g_new0(struct overlay, 1);
	o->upper_fd = o->work_parent = -1;
	o->merged_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	o->merged = path_of(root_fd) ?: g_strdup(path);
	o->lower = g_array_new(false, false, sizeof(struct overlay_layer));
	o->mounts = g_array_new(false, false, sizeof(struct overlay_mount));
	*ret = o;
	return o->merged_fd < 0 ? error_set_errno(error, -errno, "root file system \"%s\"", path)
				: plan_overlay(o, error);
}

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
