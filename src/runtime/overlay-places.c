/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the names in an overlay's mount options lead to. They are text that the engine gave when it
 * mounted the overlay, relative to wherever it stood, with escapes or without; and names may have
 * been given another meaning since, so that what is found is compared with what the mount shows.
 */
#include "config.h"
#include "runtime/overlay-places.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void place_clear(struct overlay_place *p)
{
	if (p->fd >= 0)
		fd_close(p->fd);
	g_free(p->path);
	*p = OVERLAY_NOWHERE;
}

/**
 * overlay_places_clear() - forget what was found; the list itself stays
 */
void overlay_places_clear(struct overlay_places *p)
{
	for (guint i = 0; p->lower && i < p->lower->len; i++)
		place_clear(&g_array_index(p->lower, struct overlay_place, i));
	if (p->lower)
		g_array_set_size(p->lower, 0);
	place_clear(&p->upper);
	place_clear(&p->work);
	place_clear(&p->work_parent);
}

/**
 * overlay_path_of() - where @fd is on the host, canonical; NULL if nowhere
 */
char *overlay_path_of(int fd)
{
	char link[64];

	g_snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return g_file_read_link(link, NULL);
}

/* The directory @path, below @base if it is relative. */
static int place_open(int base, const char *path, struct overlay_place *ret)
{
	struct stat st;
	int id;

	*ret = OVERLAY_NOWHERE;
	if (path[0] != '/' && base < 0)
		return -ENOENT;
	ret->fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		return -errno;
	id = fstat(ret->fd, &st) < 0 ? -errno : sys_mount_id(ret->fd);
	if (id < 0)
		return id;
	ret->mount_id = id;
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->path = overlay_path_of(ret->fd);
	return ret->path ? 0 : -ENOENT;
}

/* Upper and work directory stand in the mount table as they were given: with escapes or without. */
static int place_open_escaped(int base, const char *path, struct overlay_place *ret)
{
	g_autofree char *plain = overlay_unescape(path);
	int r = place_open(base, plain, ret);

	if (r != -ENOENT || strcmp(plain, path) == 0)
		return r;
	place_clear(ret);
	return place_open(base, path, ret);
}

static int open_places(const struct overlay_options *o, int base, struct overlay_places *p,
		       const char **what)
{
	int r = 0;

	for (guint i = 0; r == 0 && i < o->lower->len; i++) {
		struct overlay_place place;

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
static bool is_top_layer(int overlay_root, const struct overlay_places *p)
{
	const struct overlay_place *top =
		p->upper.fd >= 0 ? &p->upper : &g_array_index(p->lower, struct overlay_place, 0);

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

/**
 * overlay_places_find() - open what the overlay's options name
 * @mountinfo: the mount table
 * @overlay_root: descriptor of the overlay's root
 * @p: receives what was found; lower has to be there, and all to be nowhere
 */
bool overlay_places_find(struct overlay *o, const char *mountinfo, int overlay_root,
			 struct overlay_places *p, GError **error)
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
		overlay_places_clear(p);
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
