/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building the container's own overlay, in the workshop, on ID-mapped clones of the layers.
 *
 * What overlayfs creates on its own account (its work directory, and the new inode of a copy-up
 * before it gets its owner) it creates with the credentials of who mounted it. Host id 0 has no
 * image in the container's range, and the result would be read-only: so it is mounted with the
 * container's root as file system user, and with all capabilities.
 *
 * Layers are given as descriptors: by "self/fd/N" below the host's /proc, which is a name that
 * nobody can give another meaning, needs no escapes, and keeps hundreds of them within the page
 * that mount(2) has for options.
 */
#include "config.h"
#include "runtime/overlay.h"

#include "lib/fd.h"
#include "lib/mirror.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the clones are attached while overlayfs looks at them, below the workshop's base. */
#define SCAFFOLD "overlay"

#define FSCONFIG_STRING_MAX 255 /* fsconfig(2): without the NUL */

struct credentials {
	struct __user_cap_data_struct caps[2];
	uid_t uid;
	gid_t gid;
};

static int set_caps(struct credentials *c)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return syscall(SYS_capset, &header, c->caps) < 0 ? -errno : 0;
}

/* Be @uid and @gid for file systems only, and keep the capabilities that this would take away. */
static int credentials_take(struct credentials *old, uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

	if (syscall(SYS_capget, &header, old->caps) < 0)
		return -errno;
	old->gid = setfsgid(gid);
	old->uid = setfsuid(uid);
	return set_caps(old);
}

static int credentials_restore(struct credentials *old)
{
	setfsuid(old->uid);
	setfsgid(old->gid);
	return set_caps(old);
}

static void work_name(char name[64], uid_t uid)
{
	g_snprintf(name, 64, MIRROR_WORK "%u", (unsigned int)uid);
}

/**
 * overlay_work_path() - the host's path of the work directory for the range that begins with @uid
 *
 * One of our own: the kernel empties the one it is given, and the engine's mount, which is still
 * there, would lose its.
 * Return: NULL if the overlay has no writable layer.
 */
char *overlay_work_path(const struct overlay *o, uid_t uid)
{
	char name[64];

	work_name(name, uid);
	return o->work_dir ? g_build_filename(o->work_dir, name, NULL) : NULL;
}

/* Make the work directory and open it through the ID-mapped clone. */
static int open_work(const struct overlay *o, uid_t uid)
{
	int tree = g_array_index(o->mounts, struct overlay_mount, o->work_mount).tree_fd;
	g_autofree char *path = NULL;
	char name[64];

	work_name(name, uid);
	/* Of a start that was killed, with marks that forbid reuse. */
	mirror_remove_work(o->work_parent, name);
	if (mkdirat(o->work_parent, name, 0700) < 0)
		return -errno;
	path = g_build_filename(o->work_path, name, NULL);
	return sys_openat2(tree, path, O_PATH | O_DIRECTORY,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static int add_fd(int fs, const char *key, int fd)
{
	char name[32];

	g_snprintf(name, sizeof(name), "self/fd/%d", fd);
	return sys_fsconfig_string(fs, key, name);
}

static int add_rest(const struct overlay *o, int fs)
{
	int r = 0;

	for (guint i = 0; r == 0 && i < o->options.rest->len; i++) {
		const char *option = g_ptr_array_index(o->options.rest, i);
		const char *value = strchr(option, '=');
		g_autofree char *key = value ? g_strndup(option, value - option) : NULL;

		r = value ? sys_fsconfig_string(fs, key, value + 1) : sys_fsconfig_flag(fs, option);
	}
	if (r == 0 && o->options.readonly)
		r = sys_fsconfig_flag(fs, "ro");
	return r;
}

static char *lower_string(const struct overlay *o)
{
	GString *s = g_string_new(NULL);

	for (guint i = 0; i < o->lower->len; i++) {
		const struct overlay_layer *l = &g_array_index(o->lower, struct overlay_layer, i);

		g_string_append_printf(s, "%sself/fd/%d", !i ? "" : l->data ? "::" : ":", l->fd);
	}
	return g_string_free(s, false);
}

/* In one string if fsconfig(2) takes it, which every kernel knows; else one by one, since 6.7. */
static int add_lower(const struct overlay *o, int fs)
{
	g_autofree char *all = lower_string(o);
	int r = 0;

	if (strlen(all) <= FSCONFIG_STRING_MAX)
		return sys_fsconfig_string(fs, "lowerdir", all);
	for (guint i = 0; r == 0 && i < o->lower->len; i++) {
		const struct overlay_layer *l = &g_array_index(o->lower, struct overlay_layer, i);

		r = add_fd(fs, l->data ? "datadir+" : "lowerdir+", l->fd);
	}
	return r;
}

/* -EINVAL where the kernel wants many layers in one string. */
static int mount_by_context(const struct overlay *o, int work)
{
	autofd fs = sys_fsopen("overlay");
	int r = fs < 0 ? fs : sys_fsconfig_string(fs, "source", "overlay");

	if (r == 0)
		r = add_lower(o, fs);
	if (r == 0 && work >= 0)
		r = add_fd(fs, "upperdir", o->upper_fd);
	if (r == 0 && work >= 0)
		r = add_fd(fs, "workdir", work);
	if (r == 0)
		r = sys_fsconfig_string(fs, "index", "off");
	if (r == 0)
		r = add_rest(o, fs);
	if (r == 0)
		r = sys_fsconfig_create(fs);
	return r < 0 ? r : sys_fsmount(fs, 0);
}

static char *option_string(const struct overlay *o, int work)
{
	g_autofree char *lower = lower_string(o);
	GString *s = g_string_new("index=off,lowerdir=");

	g_string_append(s, lower);
	if (work >= 0)
		g_string_append_printf(s, ",upperdir=self/fd/%d,workdir=self/fd/%d", o->upper_fd,
				       work);
	for (guint i = 0; i < o->options.rest->len; i++) {
		const char *option = g_ptr_array_index(o->options.rest, i);
		const char *value = strchr(option, '=');

		if (value && strchr(value, ',')) /* a security label */
			g_string_append_printf(s, ",%.*s=\"%s\"", (int)(value - option), option,
					       value + 1);
		else
			g_string_append_printf(s, ",%s", option);
	}
	return g_string_free(s, false);
}

/* Everything in one string, by mount(2). */
static int mount_by_string(const struct overlay *o, int work, int scaffold)
{
	g_autofree char *options = option_string(o, work);
	g_autofree char *target = g_strdup_printf("self/fd/%d", scaffold);
	int fd;

	if (strlen(options) >= 4096)
		return -E2BIG;
	if (mount("overlay", target, "overlay", o->options.readonly ? MS_RDONLY : 0, options) < 0)
		return -errno;
	/* The descriptor is what lies below the new mount; the name leads on top of it. */
	fd = mnt_clone(scaffold, "../new", false);
	if (fchdir(scaffold) < 0 || umount2("../new", MNT_DETACH) < 0)
		return -errno;
	return fd;
}

static int mount_overlay(const struct overlay *o, const struct workshop *shop, int work)
{
	autofd scaffold = openat(shop->base, SCAFFOLD "/new", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (scaffold < 0 || fchdir(shop->host_proc) < 0)
		return -errno;
	r = mount_by_context(o, work);
	return r == -EINVAL ? mount_by_string(o, work, scaffold) : r;
}

/* Before 6.15 overlayfs takes layers only from mounts of the caller's namespace. */
static int attach_clones(const struct overlay *o, const struct workshop *shop)
{
	int r = mkdirat(shop->base, SCAFFOLD, 0700) < 0 ||
				mkdirat(shop->base, SCAFFOLD "/new", 0700) < 0
			? -errno
			: 0;

	for (guint i = 0; r == 0 && i < o->mounts->len; i++) {
		g_autofree char *name = g_strdup_printf(SCAFFOLD "/%u", i);

		r = mkdirat(shop->base, name, 0700) < 0 ? -errno : 0;
		if (r == 0)
			r = mnt_attach(g_array_index(o->mounts, struct overlay_mount, i).tree_fd,
				       shop->base, name);
	}
	return r;
}

/* Nothing of the clones may be left when PID 1 takes its copy: they show all that the engine has.
 */
static int detach_clones(const struct overlay *o, const struct workshop *shop)
{
	int r = fchdir(shop->base) < 0 ? -errno : 0;

	for (guint i = 0; r == 0 && i < o->mounts->len; i++) {
		g_autofree char *name = g_strdup_printf(SCAFFOLD "/%u", i);

		/* EINVAL: not attached */
		if (umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL &&
		    errno != ENOENT)
			r = -errno;
		unlinkat(shop->base, name, AT_REMOVEDIR);
	}
	unlinkat(shop->base, SCAFFOLD "/new", AT_REMOVEDIR);
	unlinkat(shop->base, SCAFFOLD, AT_REMOVEDIR);
	return r;
}

static bool map_clones(const struct overlay *o, int userns_fd, GError **error)
{
	for (guint i = 0; i < o->mounts->len; i++) {
		int fd = g_array_index(o->mounts, struct overlay_mount, i).tree_fd;
		int r = mnt_idmap(fd, false, userns_fd);

		if (r == -ENOSYS)
			return error_set(error,
					 "root file system \"%s\": this kernel cannot map user ids "
					 "on mounts; use Linux 5.19 or newer for overlay",
					 o->merged);
		if (r == -EINVAL)
			return error_set(
				error,
				"root file system \"%s\": a layer of its overlay lies on a "
				"file system that cannot be ID-mapped; keep the engine's "
				"images on ext4, xfs or btrfs",
				o->merged);
		if (r < 0)
			return error_set_errno(error, r,
					       "root file system \"%s\": map the owners of layers",
					       o->merged);
	}
	return true;
}

/*
 * The overlay's root, or what of it the root file system is. For a part it has to be attached while
 * that is cloned (before 6.15).
 */
static int select_part(const struct overlay *o, const struct workshop *shop, int *overlay_fd)
{
	autofd dir = -1;
	int fd, r;

	if (!o->subpath[0])
		return fd_steal(overlay_fd);
	r = mnt_attach(*overlay_fd, shop->base, SCAFFOLD "/new");
	if (r < 0)
		return r;
	dir = sys_openat2(*overlay_fd, o->subpath, O_PATH | O_DIRECTORY,
			  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	fd = dir < 0 ? dir : mnt_clone(dir, "", false);
	if (fchdir(shop->base) < 0 || umount2(SCAFFOLD "/new", MNT_DETACH) < 0)
		_exit(EXIT_USAGE);
	return fd;
}

static int build(const struct overlay *o, const struct workshop *shop, uid_t uid, gid_t gid)
{
	struct credentials old;
	autofd overlay = -1, work = -1;
	int r = attach_clones(o, shop);

	if (r == 0 && o->upper_fd >= 0)
		r = work = open_work(o, uid);
	if (r < 0)
		return r;
	r = credentials_take(&old, uid, gid);
	if (r == 0)
		r = overlay = mount_overlay(o, shop, work);
	if (credentials_restore(&old) < 0)
		_exit(EXIT_USAGE);
	return r < 0 ? r : select_part(o, shop, &overlay);
}

/**
 * overlay_build() - mount the container's own overlay
 * @userns_fd: its user namespace
 * @uid, @gid: host ids of its root
 *
 * Called inside the workshop, once. The current directory is undefined afterwards.
 * Return: a detached mount with the container's ids, or -1 and *@error.
 */
int overlay_build(struct overlay *o, const struct workshop *shop, int userns_fd, uid_t uid,
		  gid_t gid, GError **error)
{
	int fd, r;

	if (!map_clones(o, userns_fd, error))
		return -1;
	fd = build(o, shop, uid, gid);
	r = detach_clones(o, shop);
	if (r == 0 && fd >= 0)
		r = mnt_restrict(fd, false, o->options.attrs);
	if (fd >= 0 && r == 0)
		return fd;
	if (fd >= 0)
		fd_close(fd);
	r = fd < 0 ? fd : r;
	if (r == -EINVAL)
		error_set(error,
			  "root file system \"%s\": the kernel refuses an overlay on its layers, "
			  "ID-mapped; use Linux 5.19 or newer",
			  o->merged);
	else
		error_set_errno(error, r, "root file system \"%s\": mount an overlay on its layers",
				o->merged);
	return -1;
}
