/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of a disk for the engines that run inside a container whose root is an overlay.
 *
 * An engine inside wants an overlay of its own, and overlayfs takes no upper directory that is on
 * an overlay. So where an engine keeps its data a container that may mount gets a directory of the
 * file system on which the root's upper directory lies: beside that, where the outer engine removes
 * it together with the container's other layers, and so with the images that were pulled inside,
 * and not before. What the image has there is copied to it once.
 */
#include "config.h"
#include "runtime/enginedirs.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_DIR ".cloister-data"

struct engine_dir {
	struct spec_mount mount; /* what stands in the plan */
	const char *name;	 /* below DATA_DIR */
	bool always;		 /* also where the image has no such directory */
};

#define ENGINE_DIR(path, n, a)                                                                     \
	{                                                                                          \
		{ .destination = (char *)(path), .type = (char *)"bind", .bind = true }, n, a      \
	}

static const struct engine_dir engine_dirs[] = {
	ENGINE_DIR("/var/lib/docker", "docker", true),
	ENGINE_DIR("/var/lib/containerd", "containerd", true),
	ENGINE_DIR("/var/lib/containers", "containers", true),
	ENGINE_DIR("/var/lib/buildkit", "buildkit", false),
	ENGINE_DIR("/var/lib/kubelet", "kubelet", false),
	ENGINE_DIR("/var/lib/rancher", "rancher", false),
};

/* Is @path, or something above it, mounted by the specification? */
static bool is_mounted(const struct spec *spec, const char *path)
{
	for (guint i = 0; i < spec->mounts->len; i++) {
		const struct spec_mount *m = spec->mounts->pdata[i];
		size_t n = strlen(m->destination);

		if (strncmp(path, m->destination, n) == 0 && (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

/*
 * Copy with its owners, links and extended attributes, as root: cp follows no link below its
 * source, and the source is a descriptor.
 */
static bool copy_tree(int from, int to, const char *path, GError **error)
{
	g_autofree char *source = g_strdup_printf("/proc/%d/fd/%d/.", (int)getpid(), from);
	g_autofree char *target = g_strdup_printf("/proc/%d/fd/%d/", (int)getpid(), to);
	const char *argv[] = { "cp", "-a", "--reflink=auto", "--", source, target, NULL };
	g_autofree char *said = NULL;
	g_autoptr(GError) failed = NULL;
	int status;

	if (g_spawn_sync("/", (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &said,
			 &status, &failed) &&
	    g_spawn_check_wait_status(status, &failed))
		return true;
	return error_set(error, "copy what the image has in \"%s\": %s", path,
			 said && *said ? g_strchomp(said) : failed->message);
}

/*
 * The directory for @e, made and filled if it is not there. It gets its name when it is complete: a
 * start that is killed leaves nothing that looks so.
 */
static int take_dir(int parent, int image, const struct engine_dir *e, GError **error)
{
	g_autofree char *unfinished = g_strdup_printf("%s.new", e->name);
	autofd fd = sys_openat2(parent, e->name, O_PATH | O_DIRECTORY,
				RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	int r;

	if (fd >= 0)
		return fd_steal(&fd);
	r = mkdirat(parent, unfinished, 0711) < 0 && errno != EEXIST ? -errno : 0;
	if (r == 0)
		r = fd = sys_openat2(parent, unfinished, O_RDONLY | O_DIRECTORY,
				     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (r >= 0 && image >= 0 && !copy_tree(image, fd, e->mount.destination, error))
		return -EIO;
	if (r >= 0)
		r = renameat(parent, unfinished, parent, e->name) < 0 ? -errno : 0;
	if (r >= 0)
		return fd_steal(&fd);
	error_set_errno(error, r,
			"make a directory for \"%s\" beside the root file system's layers",
			e->mount.destination);
	return r;
}

static bool add_step(struct plan *plan, int dir, const struct engine_dir *e, GError **error)
{
	struct plan_step step = { .kind = PLAN_PART, .mount = &e->mount, .tree_fd = -1 };
	char link[64];
	int r;

	step.tree_fd = mnt_clone(dir, "", false);
	r = step.tree_fd < 0 ? step.tree_fd : sys_mount_propagation(step.tree_fd, MS_PRIVATE);
	if (r < 0 && r != -ENOSYS) {
		if (step.tree_fd >= 0)
			fd_close(step.tree_fd);
		return error_set_errno(error, r, "clone the directory for \"%s\"",
				       e->mount.destination);
	}
	g_snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	step.path = g_file_read_link(link, NULL);
	g_snprintf(step.from, sizeof(step.from), "vol/%s", e->name);
	g_array_append_val(plan->steps, step);
	return true;
}

static int open_data_dir(const struct overlay *o)
{
	if (mkdirat(o->work_parent, DATA_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	return sys_openat2(o->work_parent, DATA_DIR, O_RDONLY | O_DIRECTORY,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/**
 * enginedirs_plan() - add the data directories of engines to the plan, before the mounts of @spec
 *
 * Only where an engine can run, with CAP_SYS_ADMIN, and only on an overlay with a writable layer; a
 * mount of the specification goes before.
 */
bool enginedirs_plan(const struct spec *spec, struct plan *plan, GError **error)
{
	const struct overlay *o = plan->root_overlay;
	autofd data = -1;

	if (!o || o->upper_fd < 0 || o->work_parent < 0 ||
	    !(spec->process.caps.bounding >> CAP_SYS_ADMIN & 1))
		return true;
	data = open_data_dir(o);
	if (data < 0)
		return error_set_errno(error, data, "make \"%s\" beside the layers of \"%s\"",
				       DATA_DIR, o->merged);
	for (size_t i = 0; i < G_N_ELEMENTS(engine_dirs); i++) {
		const struct engine_dir *e = &engine_dirs[i];
		autofd image = sys_openat2(o->merged_fd, e->mount.destination,
					   O_RDONLY | O_DIRECTORY,
					   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		autofd dir = -1;

		if (is_mounted(spec, e->mount.destination) || (image < 0 && !e->always))
			continue;
		dir = take_dir(data, image, e, error);
		if (dir < 0 || !add_step(plan, dir, e, error))
			return false;
	}
	return true;
}
