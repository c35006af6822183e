/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's view of a root file system that we rebuilt.
 *
 * Two overlay mounts on one upper directory do not see each other's changes: a name that one of
 * them looked up before stays absent, a file that the other copied up stays the lower one. An
 * engine that writes through its own mount (docker cp) while the container runs on ours would write
 * into the void. So there is one overlay only that anybody uses, ours; on top of the engine's mount
 * point lies a FUSE file system (shiftfs) that shows it with the container's ids turned back into
 * those of the disk.
 *
 * The engine's own mount stays below, unused, and is what it finds again when the container is
 * deleted: mirror_stop() in src/lib, since everybody who cleans up does it.
 */
#include "config.h"
#include "runtime/mirror.h"

#include "lib/fd.h"
#include "lib/mirror.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/serve.h"
#include "runtime/wardenlink.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool copy_path(char to[PATH_MAX], const char *from, GError **error)
{
	return g_strlcpy(to, from ?: "", PATH_MAX) < PATH_MAX ||
	       error_set_errno(error, -ENAMETOOLONG, "root file system \"%s\"", from);
}

static bool make_record(const struct container *c, struct mirror_record *r, GError **error)
{
	const struct overlay *o = c->plan.root_overlay;
	g_autofree char *work = overlay_work_path(o, c->claim.base);

	*r = (struct mirror_record){ 0 };
	return copy_path(r->path, o->merged, error) && copy_path(r->work, work, error);
}

static bool save_record(const struct container *c, const struct mirror_record *r, GError **error)
{
	int saved = mirror_save(c->dir_fd, r);

	return saved == 0 || error_set_errno(error, saved, "write the state of \"%s\"", c->id);
}

/**
 * mirror_prepare() - put on record what overlay_build() will make beside the engine's layers
 */
bool mirror_prepare(struct container *c, GError **error)
{
	struct mirror_record r;

	return !c->plan.root_overlay || (make_record(c, &r, error) && save_record(c, &r, error));
}

/* Not the server of the container's mounts: it lives longer, and those who ask are the host's. */
static bool spawn_server(const struct container *c, int fuse, struct proc_id *server,
			 GError **error)
{
	g_autofree char *map = g_strdup_printf("0:%u:%u", c->claim.base, c->claim.count);
	char *const what[] = { (char *)"--source-fd", (char *)"3",
			       (char *)"--fuse-fd",   (char *)"4",
			       (char *)"--map",	      map,
			       (char *)"--target",    c->plan.root_overlay->merged,
			       (char *)"--coherent" };
	g_autoptr(GPtrArray) options = g_ptr_array_new();
	g_autoptr(GArray) fds = g_array_new(false, false, sizeof(int));

	for (size_t i = 0; i < G_N_ELEMENTS(what); i++)
		g_ptr_array_add(options, what[i]);
	g_array_append_val(fds, c->plan.root_view);
	g_array_append_val(fds, fuse);
	return serve_spawn(c, options, fds, server, error);
}

/*
 * An engine looks where a path of the container leads, link by link, and then goes there by its
 * name: dockerd mounts the container's volumes so at each `docker cp`, in the host's mount
 * namespace. What was a directory may be a link by then, out of the container. So the kernel
 * follows none here; reading them is no matter of it.
 */
static int mount_mirror(const struct overlay *o, int fuse)
{
	uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSYMFOLLOW |
			 (o->options.attrs & MOUNT_ATTR_RDONLY);
	char options[256];

#ifdef MUTANT_MIRROR_FOLLOWS
	attrs &= ~(uint64_t)MOUNT_ATTR_NOSYMFOLLOW;
#endif
	g_snprintf(options, sizeof(options),
		   "source=cloister,subtype=shiftfs,fd=%d,rootmode=40000,user_id=0,group_id=0,"
		   "allow_other,default_permissions%s",
		   fuse, o->options.readonly ? ",ro" : "");
	return mnt_new("fuse", options, attrs);
}

/**
 * mirror_start() - lay the container's own root file system over the engine's mount of it
 *
 * In the mount namespace of the caller, which is the engine's. Nothing to do where the engine's
 * mount is used as it is.
 */
bool mirror_start(struct container *c, GError **error)
{
	g_autofree char *path = wardenlink_program("shiftfs");
	const struct overlay *o = c->plan.root_overlay;
	struct mirror_record record;
	autofd fuse = -1;
	int r;

	if (c->plan.root_view < 0)
		return true;
	if (access(path, X_OK) < 0) {
		c->plan.root_shift.why =
			"overlay on ID-mapped layers; shiftfs is not installed, so "
			"changes through the engine's own mount may stay unseen";
		return true;
	}
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		return error_set_errno(error, -errno, "open \"/dev/fuse\"");
	c->plan.root_mirror = mount_mirror(o, fuse);
	if (c->plan.root_mirror < 0)
		return error_set_errno(error, c->plan.root_mirror, "mount a FUSE file system");
	if (!make_record(c, &record, error) || !spawn_server(c, fuse, &record.server, error))
		return false;
	r = mirror_identify(c->plan.root_mirror, &record);
	if (r < 0)
		return error_set_errno(error, r, "root file system \"%s\": its mirror", o->merged);
	if (!save_record(c, &record, error))
		return false;
#ifndef MUTANT_MIRROR_MISSING
	r = mnt_attach_fd(c->plan.root_mirror, o->merged_fd);
#endif
	return r == 0 || error_set_errno(error, r, "mount on \"%s\"", o->merged);
}

/**
 * mirror_wait() - until the mirror answers
 */
bool mirror_wait(struct container *c, GError **error)
{
	struct stat st;

	if (c->plan.root_mirror < 0 || fstat(c->plan.root_mirror, &st) == 0)
		return true;
	return error_set_errno(error, -errno, "start shiftfs for \"%s\"",
			       c->plan.root_overlay->merged);
}
