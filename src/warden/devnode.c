/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mknod(2) of devices that harm nobody.
 *
 * Theory of operation. A node on the container's own file systems could be made, but not opened:
 * the root file system and volumes are locked "nodev", and what a user namespace mounts is so by
 * itself. So the container gets an empty file, made with the caller's rights, and mounted on it a
 * node of its own, which a helper makes on a small tmpfs of the workshop, with the owner and mode
 * that were asked for. The mount is not locked: umount(2) and unlink(2) take both away.
 *
 * Which devices: a list of numbers here, no more. What the container controls is only where and
 * with which mode; the number is taken from the notification's registers, and the node is made of
 * the list's own.
 */
#include "config.h"
#include "warden/helper.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/wardenproto.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/major.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* In the workshop. */
#define NODES "nodes"
/* What a container can make of them: each is an inode of the helpers' memory. */
#define NODES_OPTIONS "size=4k,nr_inodes=4096,mode=0700"

/* A mknod call's arguments, read once. */
struct devnode_args {
	char parent[PATH_MAX], name[NAME_MAX + 1];
	mode_t mode;
	dev_t dev; /* of the node that it gets */
	int dirfd; /* the caller's, or -1: its working directory */
};

static const struct harmless {
	unsigned int major, minor, grants; /* which switch it needs beside WARDEN_GRANT_MKNOD */
	bool as_null;
} harmless[] = {
	{ .major = MEM_MAJOR, .minor = 3 },    /* null */
	{ .major = MEM_MAJOR, .minor = 5 },    /* zero */
	{ .major = MEM_MAJOR, .minor = 7 },    /* full */
	{ .major = MEM_MAJOR, .minor = 8 },    /* random */
	{ .major = MEM_MAJOR, .minor = 9 },    /* urandom */
	{ .major = TTYAUX_MAJOR, .minor = 0 }, /* tty: the caller's own */
	/* The host's console nobody gets; debootstrap stops without a node of the name. */
	{ .major = TTYAUX_MAJOR, .minor = 1, .as_null = true },
	/* Whether they can be opened the device cgroup decides, as for those in /dev. */
	{ .major = MISC_MAJOR, .minor = 229, .grants = WARDEN_GRANT_FUSE },
	{ .major = MISC_MAJOR, .minor = 200, .grants = WARDEN_GRANT_TUN },
};

/* As the kernel reads the argument (include/linux/kdev_t.h: new_decode_dev()). */
static bool find(unsigned int dev, unsigned int grants, dev_t *ret)
{
	unsigned int major = (dev & 0xfff00) >> 8, minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);

#ifdef MUTANT_NODE_ANY
	*ret = makedev(major, minor);
	return true;
#endif
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		const struct harmless *h = &harmless[i];

		if (h->major != major || h->minor != minor || (h->grants & grants) != h->grants)
			continue;
		*ret = h->as_null ? makedev(MEM_MAJOR, 3) : makedev(major, minor);
		return true;
	}
	return false;
}

/* "a/b/name" is @name in "a/b". What names no new file is the kernel's to refuse. */
static bool split(const char *path, struct devnode_args *a)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;

	if (!*name || strlen(name) > NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	strcpy(a->name, name);
	memcpy(a->parent, path, len);
	a->parent[len] = '\0';
	return true;
}

/* The directory of nodes: a file system that is made when the first is. */
static int open_nodes(void)
{
	autofd dir = open(NODES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofd fd = -1;
	struct stat st, base;
	int r;

	if (dir < 0 || fstat(dir, &st) < 0 || stat(".", &base) < 0)
		return -errno;
	if (st.st_dev != base.st_dev)
		return fd_steal(&dir);
	fd = mnt_new("tmpfs", NODES_OPTIONS, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	r = fd < 0 ? fd : mnt_attach(fd, AT_FDCWD, NODES);
	return r < 0 ? r : fd_steal(&fd);
}

/*
 * A detached mount of a new node. It keeps its name, for one without cannot be attached, until the
 * next is made by the same thread of the notifier; mounted it needs none.
 */
static int make_node(const struct job *job, const struct devnode_args *a)
{
	const struct visit *v = &job->visit;
	autofd dir = open_nodes();
	char name[16];

	if (dir < 0)
		return dir;
	snprintf(name, sizeof(name), "%d", (int)(job->mail - job->request->notify->mail));
	unlinkat(dir, name, 0);
	if (mknodat(dir, name, S_IFCHR, a->dev) < 0)
		return -errno;
	if (fchownat(dir, name, v->fsuid, v->fsgid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, name, a->mode & ~v->umask & 0777, 0) < 0)
		return -errno;
	return mnt_clone(dir, name, false);
}

/* The caller has the right to make devices, where those on his file systems were of use. */
static int may_make(struct job *job)
{
	struct visit *v = &job->visit;
	int r = visit_open(v, job->request);

#ifdef MUTANT_NODE_RIGHTS
	return r;
#endif
	return r == 0 && !visit_has(v, v->owner_ns, CAP_MKNOD) ? -EACCES : r;
}

static int look_up(const struct job *job, struct visit_path *path)
{
	const struct devnode_args *a = job->arg;
	int r = visit_look_up(&job->visit, a->parent, path);

	if (r == 0 && path->fd < 0 && a->dirfd >= 0 && *a->parent != '/')
		r = visit_beneath(&job->visit, a->dirfd, path);
	if (r == 0 && !*path->text)
		path->text = ".";
	return r;
}

static int enter(struct visit *v)
{
	int r = visit_enter_userns(v);

	if (r == 0)
		r = visit_enter_mounts(v);
	return r < 0 ? r : visit_enter_root(v);
}

/*
 * What is attached is the caller's, who may unmount it at once, and what it is on: nothing of ours
 * keeps it busy when he has his answer. Should nobody wait for that, it is found by its path.
 */
static void let_go(struct job *job, int file)
{
	char name[32];

	snprintf(name, sizeof(name), "self/fd/%d", file);
	if (readlinkat(job->request->host_proc, name, job->undo_path, PATH_MAX - 1) < 0)
		job->undo_path[0] = '\0';
	job->undo = -1;
	fd_close(job->visit.cwd);
	if (chdir("/") < 0)
		_exit(1);
}

static int make_file(struct job *job, int dir)
{
	const struct devnode_args *a = job->arg;
	bool again = helper_try(job);
	int fd = visit_create(&job->visit, dir, a->name, a->mode);

	return fd == -EEXIST && again ? visit_adopt(&job->visit, dir, a->name) : fd;
}

static int64_t attach(struct job *job, int node, struct visit_path *path)
{
	const struct devnode_args *a = job->arg;
	const struct visit *v = &job->visit;
	autofd begin = path->fd;
	autofd dir = visit_resolve(v, path);
	autofd file = dir < 0 ? dir : make_file(job, dir);
	int64_t r = file < 0 ? file : helper_attach(job, node, file);

	(void)begin;
	if (r == 0)
		let_go(job, file);
	else if (file >= 0)
		visit_unlink(v, dir, a->name);
	/* Of no mount namespace of his: what he could not mount on either. */
	return file >= 0 && r < 0 ? -EPERM : r;
}

/* A file where it was asked for, and the node on it. */
static int64_t devnode_make(struct job *job)
{
	struct visit *v = &job->visit;
	struct visit_path path;
	int64_t r = may_make(job);
	autofd node = -1;

	if (r == 0)
		r = look_up(job, &path);
	if (r == -EACCES)
		return JOB_CONTINUE;
	if (r == 0)
		r = node = make_node(job, job->arg);
	if (r >= 0)
		r = enter(v);
	return r < 0 ? r : attach(job, node, &path);
}

/**
 * mknod_handle() - mknod(path, mode, dev), mknodat(dirfd, path, mode, dev), of character devices
 */
void mknod_handle(struct request *r, bool has_dirfd)
{
	const __u64 *arg = r->notif->data.args + has_dirfd;
	struct devnode_args a = { .mode = (mode_t)arg[1], .dirfd = -1 };
	unsigned int grants = r->notify->grants;
	char path[PATH_MAX];

	if (has_dirfd && (int)r->notif->data.args[0] != AT_FDCWD)
		a.dirfd = (int)r->notif->data.args[0];
	if (grants & WARDEN_GRANT_MKNOD && find((unsigned int)arg[2], grants, &a.dev) &&
	    request_read_string(r, arg[0], path, sizeof(path)) == 0 && split(path, &a))
		helper_run(r, devnode_make, &a);
	else
		request_continue(r);
}
