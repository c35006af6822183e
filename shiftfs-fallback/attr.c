/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of inodes, and of the file system.
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SYS_FCHMODAT2	 452 /* on every architecture */
#define MINOR_KILLS_SUID 33

/* The kernel's new_encode_dev(), include/linux/kdev_t.h. */
static uint32_t encode_dev(uint32_t maj, uint32_t min)
{
	return (min & 0xff) | maj << 8 | (min & ~0xffu) << 12;
}

/**
 * attr_fill() - attributes as they are shown
 *
 * An id without an image is shown as "none": the kernel shows its overflow id for it, and lets
 * nobody write to the file or remove it.
 */
void attr_fill(struct server *s, const struct node_stat *st, struct fuse_attr *attr)
{
	const struct statx *x = &st->x;

	*attr = (struct fuse_attr){ .ino = node_number(&s->nodes, st->dev, x->stx_ino),
				    .size = x->stx_size,
				    .blocks = x->stx_blocks,
				    .atime = x->stx_atime.tv_sec,
				    .mtime = x->stx_mtime.tv_sec,
				    .ctime = x->stx_ctime.tv_sec,
				    .atimensec = x->stx_atime.tv_nsec,
				    .mtimensec = x->stx_mtime.tv_nsec,
				    .ctimensec = x->stx_ctime.tv_nsec,
				    .mode = x->stx_mode,
				    .nlink = x->stx_nlink,
				    .uid = id_map_inside(&s->maps.uids, x->stx_uid),
				    .gid = id_map_inside(&s->maps.gids, x->stx_gid),
				    .rdev = encode_dev(x->stx_rdev_major, x->stx_rdev_minor),
				    .blksize = x->stx_blksize };
}

/**
 * timeout_of() - how long the kernel may believe what it is told of @n
 *
 * The names of a file of an overlay are nodes of their own (node.c): what is changed by one is seen
 * by the others only if they ask.
 */
struct timespec timeout_of(const struct server *s, const struct node *n, const struct node_stat *st)
{
	if (n->alias || (s->nodes.overlay && !S_ISDIR(st->x.stx_mode) && st->x.stx_nlink > 1))
		return (struct timespec){ 0 };
	return s->timeout;
}

static int reply_attr(struct request *r, int fd)
{
	struct fuse_attr_out *out = &r->reply.attr;
	struct timespec timeout;
	struct node_stat st;
	int error = node_stat(fd, &st);

	if (error < 0)
		return error;
	timeout = timeout_of(r->server, request_node(r), &st);
	*out = (struct fuse_attr_out){ .attr_valid = timeout.tv_sec,
				       .attr_valid_nsec = timeout.tv_nsec };
	attr_fill(r->server, &st, &out->attr);
	return reply_with(r, out, sizeof(*out));
}

/**
 * do_getattr() - GETATTR
 */
int do_getattr(struct request *r)
{
	int fd = request_fd(r);

	return fd < 0 ? fd : reply_attr(r, fd);
}

static struct proto_sx_time sx_time(const struct statx_timestamp *t)
{
	return (struct proto_sx_time){ .tv_sec = t->tv_sec, .tv_nsec = t->tv_nsec };
}

/**
 * do_statx() - STATX: what GETATTR tells, and the time of birth
 */
int do_statx(struct request *r)
{
	struct server *s = r->server;
	struct proto_statx_out *out = &r->reply.statx;
	struct node_stat st;
	const struct statx *x = &st.x;
	int fd = request_fd(r), error = fd < 0 ? fd : node_stat(fd, &st);
	struct timespec timeout;

	if (error < 0)
		return error;
	timeout = timeout_of(s, request_node(r), &st);
	*out = (struct proto_statx_out){
		.attr_valid = timeout.tv_sec,
		.attr_valid_nsec = timeout.tv_nsec,
		.stat = { .mask = x->stx_mask & (STATX_BASIC_STATS | STATX_BTIME),
			  .blksize = x->stx_blksize,
			  .nlink = x->stx_nlink,
			  .uid = id_map_inside(&s->maps.uids, x->stx_uid),
			  .gid = id_map_inside(&s->maps.gids, x->stx_gid),
			  .mode = x->stx_mode,
			  .ino = node_number(&s->nodes, st.dev, x->stx_ino),
			  .size = x->stx_size,
			  .blocks = x->stx_blocks,
			  .atime = sx_time(&x->stx_atime),
			  .btime = sx_time(&x->stx_btime),
			  .ctime = sx_time(&x->stx_ctime),
			  .mtime = sx_time(&x->stx_mtime),
			  .rdev_major = x->stx_rdev_major,
			  .rdev_minor = x->stx_rdev_minor }
	};
	return reply_with(r, out, sizeof(*out));
}

/**
 * keep_suid() - whether suid and sgid bits stay when the inode of @fd is changed next
 *
 * A look at whether it has any costs a third of a change of capabilities.
 */
void keep_suid(struct request *r, int fd, bool on)
{
	struct node_stat st;

	if (r->worker->creds.fsetid == on)
		return;
	if (node_stat(fd, &st) < 0 || st.x.stx_mode & (S_ISUID | S_ISGID))
		creds_fsetid(&r->worker->creds, on);
}

/*
 * In a superblock of its own a user namespace's CAP_CHOWN is good for what belongs to nobody there,
 * says the kernel (chown_ok()); on an ID-mapped mount it is not. The owner may replace a group that
 * is none; root is told from somebody in that group by the first of the caller's groups.
 */
static bool is_strangers(const struct request *r, const struct fuse_setattr_in *in, int fd)
{
#ifndef MUTANT_STRANGERS_TAKEN
	const struct id_map *known = &r->server->known;
	struct node_stat st;

	if (r->server->mode != MODE_CONTAINER)
		return false;
	if (node_stat(fd, &st) < 0 || id_map_inside(known, st.x.stx_uid) == ID_NONE)
		return true;
	return id_map_inside(known, st.x.stx_gid) == ID_NONE &&
	       (r->in->uid != st.x.stx_uid || (r->in->uid == 0 && in->gid != r->in->gid));
#else
	return false;
#endif
}

/*
 * The backing clears suid bits, but a S_ISGID without S_IXGRP only for who is not of the group and
 * has not CAP_FSETID. The kernel does not tell; of the caller's groups it tells one.
 *
 * Return: 0, or -EOVERFLOW if an id has no image.
 */
static int change_owner(struct request *r, const struct fuse_setattr_in *in, int fd)
{
	uid_t uid = -1;
	gid_t gid = -1;

	if (is_strangers(r, in, fd))
		return -EPERM;
	if (in->valid & FATTR_UID) {
		uid = id_map_outside(&r->server->maps.uids, in->uid);
		if (uid == ID_NONE)
			return r->server->as ? -EPERM : -EOVERFLOW;
	}
	if (in->valid & FATTR_GID) {
		gid = id_map_outside(&r->server->maps.gids, in->gid);
		if (gid == ID_NONE)
			return r->server->as ? -EPERM : -EOVERFLOW;
	}
	keep_suid(r, fd, seems_root(r));
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Before Linux 6.6 by way of /proc, whose links lead to the inode itself. */
static int chmod_inode(const struct server *s, int fd, mode_t mode)
{
	static atomic_bool too_old;
	char name[16];

	if (!atomic_load_explicit(&too_old, memory_order_relaxed)) {
		if (syscall(SYS_FCHMODAT2, fd, "", mode, AT_EMPTY_PATH) == 0)
			return 0;
		if (errno != ENOSYS)
			return -errno;
		atomic_store(&too_old, true);
	}
	snprintf(name, sizeof(name), "%d", fd);
	return fchmodat(s->proc_fd, name, mode, 0) < 0 ? -errno : 0;
}

static int change_mode(struct request *r, const struct fuse_setattr_in *in, int fd)
{
	if (S_ISLNK(node_type(request_node(r))))
		return -EOPNOTSUPP;
	if (in->mode & S_ISGID) /* who may set it was decided by the kernel */
		creds_fsetid(&r->worker->creds, true);
	return chmod_inode(r->server, fd, in->mode & 07777);
}

/* Linux 5.11 (7.33) and newer say whether the caller has CAP_FSETID. */
static bool cut_keeps_suid(const struct request *r, uint32_t valid)
{
	return r->server->minor < MINOR_KILLS_SUID ? keeps_suid(r) : !(valid & FATTR_KILL_SUIDGID);
}

/*
 * ftruncate(2) of what was opened to be written, else truncate(2): on most file systems that
 * changes no times where the size stays. What makes an empty file empty once more is O_TRUNC, by
 * all likelihood, which the kernel does not tell apart: the times change, and suid bits go. @fd: of
 * the inode; its link in the working directory is used.
 */
static int change_size(struct request *r, const struct fuse_setattr_in *in, int fd)
{
	int own = in->valid & FATTR_FH ? open_file_fd(in->fh) : -1;
	struct node_stat st;
	autofd opened = -1;
	char name[16];

	if (!S_ISREG(node_type(request_node(r))))
		return -EINVAL;
	keep_suid(r, fd, cut_keeps_suid(r, in->valid));
	if (own < 0 && in->size == 0 && node_stat(fd, &st) == 0 && st.x.stx_size == 0)
		own = opened = node_open(&r->server->nodes, request_node(r), O_WRONLY);
	if (own >= 0 && ftruncate(own, in->size) == 0)
		return 0;
	snprintf(name, sizeof(name), "%d", fd);
	return truncate(name, in->size) < 0 ? -errno : 0;
}

static struct timespec new_time(uint32_t valid, uint32_t set, uint32_t now, int64_t sec,
				uint32_t nsec)
{
	if (valid & now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	if (valid & set)
		return (struct timespec){ .tv_sec = sec, .tv_nsec = nsec };
	return (struct timespec){ .tv_nsec = UTIME_OMIT };
}

static int change_times(const struct fuse_setattr_in *in, int fd)
{
	struct timespec ts[] = {
		new_time(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		new_time(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec)
	};

	return utimensat(fd, "", ts, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

#define FATTR_TIMES (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW)

/*
 * Whether the caller may clear suid bits, and it is not the kernel that only wants to write. For
 * root it asks only where it has removed capabilities just before. A container's root clears them
 * by writing, too.
 */
static bool may_clear_suid(const struct request *r, const struct node_stat *st)
{
	struct server *s = r->server;
	uid_t caller = id_map_outside(&s->maps.uids, r->in->uid);

	if (r->in->uid == 0)
		return !keeps_suid(r) || atomic_exchange(&s->uncapped, 0) != request_of(r);
	if (r->in->uid == ID_NONE || caller == ID_NONE)
		return false;
	return caller == 0 || caller == st->x.stx_uid;
}

/*
 * What touch() says of somebody else's inode. Of S_ISGID without S_IXGRP the caller's groups, which
 * are not known, decide whether it goes.
 */
static int touch_of_another(mode_t mode)
{
	bool goes = mode & S_ISUID || (mode & S_ISGID && mode & S_IXGRP);

	return goes && !S_ISREG(mode) ? -EPERM : 0;
}

/*
 * touch() with the rights of one user, who has to own what has suid bits, and appear as the caller.
 */
static int touch_as_user(const struct request *r, const struct statx *x, int fd)
{
	bool bits = !S_ISDIR(x->stx_mode) && x->stx_mode & (S_ISUID | S_ISGID);
	uint32_t uid, gid;

	creds_user(&uid, &gid);
	if (bits && (x->stx_uid != uid || id_map_outside(&r->server->maps.uids, r->in->uid) != uid))
		return touch_of_another(x->stx_mode);
	return fchownat(fd, "", -1, -1, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/*
 * chown(2) that names nobody: the inode counts as changed, and suid bits go. Before somebody writes
 * to a file with suid bits or capabilities the kernel asks for the same, also for who is not the
 * owner, so such a file of another stays as it is here; so does one that had both for root, whose
 * writes leave the bits. The write itself sees to them. Pipes, sockets and devices nobody writes
 * through us.
 */
static int touch(struct request *r, int fd)
{
	uid_t caller = r->worker->creds.fsuid;
	struct node_stat st;
	int error = node_stat(fd, &st);

	if (error < 0)
		return error;
	if (r->server->as)
		return touch_as_user(r, &st.x, fd);
	if (!S_ISDIR(st.x.stx_mode) && r->in->uid != 0 && caller != 0 && st.x.stx_uid != caller)
		return touch_of_another(st.x.stx_mode);
	if (!S_ISDIR(st.x.stx_mode) && st.x.stx_mode & (S_ISUID | S_ISGID)) {
		if (!may_clear_suid(r, &st))
			return 0;
		creds_fsetid(&r->worker->creds, seems_root(r));
	}
	return fchownat(fd, "", -1, -1, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/**
 * do_setattr() - SETATTR: of several changes each as its own system call; answers with all
 * attributes
 */
int do_setattr(struct request *r)
{
	const struct fuse_setattr_in *in = r->arg;
	int fd = request_fd(r), error = fd < 0 ? fd : 0;

	if (r->done && error == 0)
		return reply_attr(r, fd);
	if (error == 0 && in->valid & (FATTR_UID | FATTR_GID))
		error = change_owner(r, in, fd);
	if (error == 0 && in->valid & FATTR_MODE)
		error = change_mode(r, in, fd);
	if (error == 0 && in->valid & FATTR_SIZE)
		error = change_size(r, in, fd);
	if (error == 0 && in->valid & FATTR_TIMES)
		error = change_times(in, fd);
	if (error == 0 &&
	    !(in->valid & (FATTR_UID | FATTR_GID | FATTR_MODE | FATTR_SIZE | FATTR_TIMES)))
		error = touch(r, fd);
	ask_again_aliases(r->server, request_node(r));
	return error < 0 ? error : reply_attr(r, fd);
}

/**
 * do_statfs() - STATFS
 */
int do_statfs(struct request *r)
{
	struct fuse_statfs_out *out = &r->reply.statfs;
	struct statfs st;
	int fd = request_fd(r);

	if (fd < 0)
		return fd;
	if (fstatfs(fd, &st) < 0)
		return -errno;
	*out = (struct fuse_statfs_out){ .st = { .blocks = st.f_blocks,
						 .bfree = st.f_bfree,
						 .bavail = st.f_bavail,
						 .files = st.f_files,
						 .ffree = st.f_ffree,
						 .bsize = st.f_bsize,
						 .namelen = st.f_namelen,
						 .frsize = st.f_frsize } };
	return reply_with(r, out, sizeof(*out));
}
