/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An overlay that a specification asks for as a volume: Podman's `-v DIR:/x:O` and `--mount
 * type=image` name its layers, directories of the host, in a mount of type "overlay".
 *
 * Every layer is opened once and is what the policy is asked about, as if it were a volume; the
 * kernel gets descriptors. From then on the mount is a volume like any other: overlayfs has no
 * ID-mapped mounts, so it is served by shiftfs (tree.c).
 */
#include "config.h"
#include "runtime/overlay-volume.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

struct layers {
	GArray *lower; /* int, topmost first */
	int upper, work;
};

/* Limits that the settings set to a volume, and a layer cannot have. */
static bool is_limited(const struct policy_grant *g, bool readonly)
{
	return g->socket || g->as_user || g->hide || (g->readonly && !readonly);
}

static int open_layer(const struct spec_mount *m, struct vet *vet, const char *path, bool readonly,
		      GError **error)
{
	const struct spec_mount layer = { .source = (char *)path,
					  .destination = m->destination,
					  .set = readonly ? MOUNT_ATTR_RDONLY : 0 };
	autofd fd = *path == '/' ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct policy_grant grant = { 0 };
	bool ok;

	if (*path != '/')
		error_set(error, "mount \"%s\": layer \"%s\": give an absolute path",
			  m->destination, path);
	else if (fd < 0)
		error_set_errno(error, -errno, "mount \"%s\": layer \"%s\"", m->destination, path);
	if (fd < 0)
		return -1;
#ifdef MUTANT_LAYERS_UNVETTED
	return fd_steal(&fd);
#endif
	ok = vet_mount(vet, &layer, fd, &grant, error);
	if (ok && is_limited(&grant, readonly))
		ok = error_set(error,
			       "mount \"%s\": the settings allow \"%s\" only with limits that a "
			       "layer of an overlay cannot have",
			       m->destination, path);
	policy_grant_clear(&grant);
	return ok ? fd_steal(&fd) : -1;
}

static bool open_layers(const struct spec_mount *m, struct vet *vet,
			const struct overlay_options *o, struct layers *l, GError **error)
{
	for (guint i = 0; i < o->lower->len; i++) {
		int fd = open_layer(m, vet, o->lower->pdata[i], true, error);

		if (fd < 0)
			return false;
		g_array_append_val(l->lower, fd);
	}
	if (o->upper) {
		g_autofree char *upper = overlay_unescape(o->upper);
		g_autofree char *work = overlay_unescape(o->work);

		l->upper = open_layer(m, vet, upper, false, error);
		l->work = l->upper < 0 ? -1 : open_layer(m, vet, work, false, error);
	}
	return !o->upper || l->work >= 0;
}

static char *name_of(int fd)
{
	return g_strdup_printf("/proc/self/fd/%d", fd);
}

static int set_layer(int fs, const char *key, int fd)
{
	g_autofree char *name = name_of(fd);

	return sys_fsconfig_string(fs, key, name);
}

static int mount_layers(const struct layers *l)
{
	g_autoptr(GString) lower = g_string_new(NULL);
	autofd fs = sys_fsopen("overlay");
	int r;

	for (guint i = 0; i < l->lower->len; i++) {
		g_autofree char *name = name_of(g_array_index(l->lower, int, i));

		g_string_append_printf(lower, "%s%s", i ? ":" : "", name);
	}
	r = fs < 0 ? fs : sys_fsconfig_string(fs, "source", "overlay");
	if (r == 0)
		r = sys_fsconfig_string(fs, "lowerdir", lower->str);
	if (r == 0 && l->upper >= 0)
		r = set_layer(fs, "upperdir", l->upper);
	if (r == 0 && l->upper >= 0)
		r = set_layer(fs, "workdir", l->work);
	if (r == 0)
		r = sys_fsconfig_create(fs);
	return r < 0 ? r : sys_fsmount(fs, MOUNT_ATTR_NODEV);
}

/* What may be said of it but its layers: nothing that changes how they are read. */
static bool check_options(const struct spec_mount *m, const struct overlay_options *o,
			  GError **error)
{
	if (o->rest->len)
		return error_set(error, "mount \"%s\": of an overlay \"%s\" cannot be an option",
				 m->destination, (const char *)o->rest->pdata[0]);
	if (!o->lower->len || o->n_data || !o->upper != !o->work)
		return error_set(error,
				 "mount \"%s\": of an overlay give lowerdir, and upperdir and "
				 "workdir or none of both",
				 m->destination);
	return true;
}

/**
 * overlay_volume() - put the overlay of @m together
 * @vet: who is asked about each of its layers
 *
 * Return: a detached mount with the owners as on disk, or -1 and *@error.
 */
int overlay_volume(const struct spec_mount *m, struct vet *vet, GError **error)
{
	struct layers l = { g_array_new(false, false, sizeof(int)), -1, -1 };
	struct overlay_options o;
	int fd = -1;

	overlay_options_read(&o, m->data);
	if (check_options(m, &o, error) && open_layers(m, vet, &o, &l, error)) {
		fd = mount_layers(&l);
		if (fd < 0)
			error_set_errno(error, fd, "mount overlay on \"%s\"", m->destination);
	}
	for (guint i = 0; i < l.lower->len; i++)
		fd_close(g_array_index(l.lower, int, i));
	fd_cleanup(&l.upper);
	fd_cleanup(&l.work);
	g_array_unref(l.lower);
	overlay_options_clear(&o);
	return fd < 0 ? -1 : fd;
}
