/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining the locked parts of the workshop to the container's tree.
 *
 * Runs in PID 1, in the container's user namespace, without any power over the host: whatever a
 * hostile image puts in the way of a mount point (symlinks, files for directories), only the
 * container itself can come to harm. Every target is resolved within the new root and mounted on
 * by descriptor.
 */
#include "config.h"
#include "runtime/assemble.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "lib/views.h"
#include "runtime/copyup.h"
#include "runtime/error.h"
#include "runtime/lsm.h"
#include "runtime/tmpfs.h"
#include "runtime/masks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef MUTANT_MOUNT_FOLLOWS
#define IN_ROOT 0
#else
#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#endif

/* Make @name in the directory that the first @parent_len bytes of @path lead to. */
static int make_entry(int root, const char *path, size_t parent_len, const char *name, bool file)
{
	char parent[PATH_MAX];
	autofd dir = -1;
	int fd;

	if (parent_len >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, parent_len);
	parent[parent_len] = '\0';
	dir = sys_openat2(root, parent_len ? parent : ".", O_RDONLY | O_DIRECTORY, IN_ROOT);
	if (dir < 0)
		return dir;
	if (!file)
		return mkdirat(dir, name, 0755) < 0 ? -errno : 0;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/*
 * Walk @path below @root and make what is missing. A component that leads back to the root itself
 * (a symlink to "/" in the image) is refused: the mount would replace the container's root.
 */
static int make_path(int root, const char *path, bool file)
{
	char done[PATH_MAX] = "", name[NAME_MAX + 1];
	size_t len = 0;

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		bool last = p[n] == '\0' || strspn(p + n, "/") == strlen(p + n);
		size_t parent = len;
		autofd fd = -1;
		int r;

		if (n > NAME_MAX || len + n + 2 > sizeof(done))
			return -ENAMETOOLONG;
		memcpy(name, p, n);
		name[n] = '\0';
		p += n + strspn(p + n, "/");
		if (n == 0 || strcmp(name, ".") == 0)
			continue;
		len += snprintf(done + len, sizeof(done) - len, "%s%s", len ? "/" : "", name);
		fd = sys_openat2(root, done, O_PATH, IN_ROOT);
		if (fd == -ENOENT) {
			r = make_entry(root, done, parent, name, file && last);
			/* A dangling symlink: openat2 says ENOENT, mkdir says EEXIST. */
			if (r < 0)
				return r == -EEXIST ? -ENOENT : r;
			continue;
		}
		if (fd < 0)
			return fd;
#ifndef MUTANT_ROOT_TARGET
		if (fd_same(root, fd))
			return -EXDEV;
#endif
	}
	return len ? 0 : -EXDEV;
}

/*
 * The object in @root on which to mount, made if it is missing.
 * @root: the new root, with what is mounted below it so far
 * @rw_root: writable clone of a read-only root, to make mount points in, or -1
 *
 * Return: an O_PATH descriptor or -errno; -EXDEV if @path leads to the root itself.
 */
static int open_target(int root, int rw_root, const char *path, bool file)
{
	int r;

	path += strspn(path, "/");
	r = make_path(root, path, file);
	if (r == -EROFS && rw_root >= 0)
		r = make_path(rw_root, path, file);
	return r < 0 ? r : sys_openat2(root, path, O_PATH, IN_ROOT);
}

/* What move_mount(2) calls EINVAL. */
static bool kinds_differ(int mount_fd, int target, bool *dir)
{
	struct stat what, where;

	if (fstat(mount_fd, &what) < 0 || fstat(target, &where) < 0)
		return false;
	*dir = S_ISDIR(where.st_mode);
	return *dir != S_ISDIR(what.st_mode);
}

static void attach_at(const struct init_args *a, int root, int mount_fd, const char *path,
		      bool file)
{
	autofd target = open_target(root, a->rw_root_fd, path, file);
	int r = target < 0 ? target : mnt_attach_fd(mount_fd, target);
	bool dir;

	if (r == -EXDEV)
		child_fail(a->common.sync, EXIT_USAGE, 0,
			   "mount target \"%s\": is the container's root, or leads to it through a "
			   "symlink; give a target below it",
			   path);
	if (r == -EINVAL && kinds_differ(mount_fd, target, &dir))
		child_fail(
			a->common.sync, EXIT_USAGE, 0,
			dir ? "mount target \"%s\": is a directory, and the source is none"
			    : "mount target \"%s\": is no directory, as what is to be mounted is",
			path);
	if (r < 0)
		child_fail(a->common.sync, EXIT_USAGE, -r, "mount target \"%s\"", path);
}

static void attach_part(const struct init_args *a, int root, const struct plan_step *step)
{
	autofd part = mnt_clone(AT_FDCWD, step->from, true);

	if (part < 0)
		child_fail(a->common.sync, EXIT_USAGE, -part, "clone \"%s\"", step->from);
	attach_at(a, root, part, step->mount->destination, step->file);
}

/* What the root file system has at the mount point of a new tmpfs; nothing if it has no directory.
 */
static void fill_tmpfs(const struct init_args *a, int root, int mount_fd,
		       const struct spec_mount *m)
{
	const char *path = m->destination + strspn(m->destination, "/");
	autofd from = sys_openat2(root, path, O_RDONLY | O_DIRECTORY, IN_ROOT);
	autofd to = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool mode_given = m->data && strstr(m->data, "mode=");
	int r = to < 0 ? -errno : from < 0 ? 0 : copyup(from, to, !mode_given);

	if (r < 0)
		child_fail(a->common.sync, EXIT_USAGE, -r, "copy \"%s\" to its tmpfs",
			   m->destination);
}

/* The permissions of the directory that a new file system comes to lie on; -1 if there is none. */
static int mode_below(int root, const char *destination)
{
	autofd fd = sys_openat2(root, destination + strspn(destination, "/"), O_PATH | O_DIRECTORY,
				IN_ROOT);
	struct stat st;

	return fd < 0 || fstat(fd, &st) < 0 ? -1 : (int)(st.st_mode & 07777);
}

/* The options of a new file system, with the name that /proc/mounts shows in the place of a source.
 */
static char *options_of(const struct init_args *a, int root, const struct spec_mount *m)
{
	bool is_tmpfs = strcmp(m->type, "tmpfs") == 0;
	g_autofree char *filled = is_tmpfs ? tmpfs_options(a->spec, m->data,
							   mode_below(root, m->destination))
					   : g_strdup(m->data);
	g_autofree char *labeled = lsm_mount_options(m->type, filled, a->spec->mount_label);

	if (!m->source || !*m->source || strlen(m->source) > NAME_MAX || strpbrk(m->source, ",\""))
		return g_steal_pointer(&labeled);
	return g_strconcat("source=", m->source, labeled ? "," : "", labeled, NULL);
}

static void attach_new(const struct init_args *a, int root, const struct plan_step *step)
{
	const struct spec_mount *m = step->mount;
	uint64_t later = m->tmpcopyup ? m->set & MOUNT_ATTR_RDONLY : 0;
	g_autofree char *options = options_of(a, root, m);
	autofd fd = mnt_new(m->type, options, m->set & ~later);
	bool with = fd == -EINVAL && m->data && *m->data; /* one of them is not the kernel's */

	if (fd < 0)
		child_fail(a->common.sync, EXIT_USAGE, -fd, "mount %s on \"%s\"%s%s%s", m->type,
			   m->destination, with ? " with \"" : "", with ? m->data : "",
			   with ? "\"" : "");
	if (m->tmpcopyup)
		fill_tmpfs(a, root, fd, m);
	if (mnt_restrict(fd, false, later) < 0)
		child_fail(a->common.sync, EXIT_USAGE, errno, "make \"%s\" read-only",
			   m->destination);
	attach_at(a, root, fd, m->destination, false);
}

/* One cgroup v1 hierarchy below the tmpfs @dir; co-mounted controllers get their symlinks. */
static int attach_v1(const struct cgroup_hierarchy *h, int dir, uint64_t attrs)
{
	const char *name = strrchr(h->mount_point, '/');
	autofd fd = -1;
	int r;

	name = name ? name + 1 : h->mount_point;
	fd = h->v2 ? mnt_new("cgroup2", NULL, attrs) : mnt_new("cgroup", h->controllers, attrs);
	if (fd < 0)
		return fd;
	if (mkdirat(dir, name, 0755) < 0)
		return -errno;
	r = mnt_attach(fd, dir, name);
	for (const char *p = h->controllers; r == 0 && strchr(h->controllers, ',') && *p;) {
		size_t n = strcspn(p, ",");
		char link[64];

		snprintf(link, sizeof(link), "%.*s", (int)n, p);
		if (strcmp(link, name) != 0 && symlinkat(name, dir, link) < 0)
			return -errno;
		p += n + (p[n] == ',');
	}
	return r;
}

static void attach_cgroup(const struct init_args *a, int root, const struct plan_step *step)
{
	const struct cgroups *cg = a->cgroups;
	const struct spec_mount *m = step->mount;
	uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	autofd fd = -1;
	autofd dir = -1;

	if (cgroup_mode(cg) == CGROUP_NONE)
		return;
	if (cgroup_mode(cg) == CGROUP_V2) {
		fd = mnt_new("cgroup2", NULL, attrs | m->set);
		if (fd < 0)
			child_fail(a->common.sync, EXIT_USAGE, -fd, "mount cgroup2 on \"%s\"",
				   m->destination);
		attach_at(a, root, fd, m->destination, false);
		return;
	}
	fd = mnt_tmpfs("64k", "0755", attrs);
	if (fd < 0)
		child_fail(a->common.sync, EXIT_USAGE, -fd, "mount \"%s\"", m->destination);
	attach_at(a, root, fd, m->destination, false);
	dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < cg->n; i++) {
		uint64_t set = m->set;
		int r;

		if (step->own_systemd && strcmp(cg->h[i].controllers, "name=systemd") == 0)
			set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		r = cg->h[i].dir_fd < 0 ? 0 : attach_v1(&cg->h[i], dir, attrs | set);
		if (r < 0)
			child_fail(a->common.sync, EXIT_USAGE, -r,
				   "mount cgroup \"%s\" below \"%s\"", cg->h[i].controllers,
				   m->destination);
	}
	if (m->set & MOUNT_ATTR_RDONLY)
		mnt_restrict(fd, false, MOUNT_ATTR_RDONLY);
}

#ifdef MUTANT_COVER_UNLOCKED
/* What not to do: a cover that is laid after the copy was taken is the container's own to lift. */
static void cover_late(int root)
{
	for (int i = 0; i < views_count; i++) {
		g_autofree char *from = g_strconcat("fs/", views[i].path, NULL);
		autofd cover = mnt_clone(AT_FDCWD, from, false);
		autofd target = sys_openat2(root, views[i].path, O_PATH, IN_ROOT);

		if (cover >= 0 && target >= 0)
			mnt_attach_fd(cover, target);
	}
}
#endif

/**
 * assemble() - take the locked copy of the workshop apart and join its parts to one tree
 *
 * Called in the workshop's mount namespace; leaves the process in its own, with the container's
 * root as "/", on top of the workshop's base.
 */
void assemble(struct init_args *a)
{
	autofd root = -1;
	int r = fchdir(a->base_fd) < 0 ? -errno : 0;

	/* The copy belongs to our user namespace: here the kernel locks what the launcher made. */
	if (r < 0 || unshare(CLONE_NEWNS) < 0)
		child_fail(a->common.sync, EXIT_USAGE, errno, "make a mount namespace");
	root = mnt_clone(AT_FDCWD, "root", false);
	r = root < 0 ? root : mnt_attach(root, AT_FDCWD, ".");
	if (r < 0)
		child_fail(a->common.sync, EXIT_USAGE, -r, "clone the root file system");
	for (guint i = 0; i < a->plan->steps->len; i++) {
		const struct plan_step *step = &g_array_index(a->plan->steps, struct plan_step, i);

		if (step->kind == PLAN_PART)
			attach_part(a, root, step);
		else if (step->kind == PLAN_NEW)
			attach_new(a, root, step);
		else
			attach_cgroup(a, root, step);
	}
	masks_lay(a, root);
	/* As other runtimes do; without it the command's chdir() fails, and says what lacks. */
	fd_close(open_target(root, a->rw_root_fd, a->spec->process.cwd, false));
#ifdef MUTANT_COVER_UNLOCKED
	cover_late(root);
#endif
	if (fchdir(root) < 0 || chroot(".") < 0)
		child_fail(a->common.sync, EXIT_USAGE, errno, "enter the root file system");
}
