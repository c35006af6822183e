/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setxattr(2) of trusted.overlay.opaque = "y" on a directory, by which tools that unpack images
 * say that nothing below shows through. The kernel lets only the host's root set any trusted
 * attribute, and asks nothing else of it: neither whose the directory is nor what its mode says.
 *
 * Theory of operation. Two processes. The prover, a child of the helper, enters the caller's user
 * namespace, mounts and root, which takes every right over the host away from it; finds the object
 * as the caller would, with his ids and capabilities; and opens it so that the kernel asks whether
 * it is the caller's and may be written to. It hands the descriptor over and ends. The helper never
 * enters anything: it sets the attribute by that descriptor, whatever has become of the path. So
 * the mount that the caller found decides whether that can be written to.
 *
 * The prover stays outside the container's pid namespace and is not dumpable: nobody inside sees
 * it. Could somebody, there would be little to gain: the helper takes nothing but a directory, on a
 * file system of the list here, and sets this one attribute on it.
 *
 * Whatever is not proven goes to the kernel, which has the right error for it and never grants it.
 */
#include "config.h"
#include "warden/helper.h"

#include "lib/fd.h"
#include "lib/wardenproto.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAME "trusted.overlay.opaque"

/* Newer than some headers. */
#ifndef BCACHEFS_STATFS_MAGIC
#define BCACHEFS_STATFS_MAGIC 0xca451a4e
#endif
#define ZFS_MAGIC 0x2fc12fc1

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* A call about the mark: whose, and of what. */
struct opaque_args {
	char path[PATH_MAX];
	int dirfd;  /* what a relative path is relative to, or -1 */
	int number; /* or the caller's open file that is meant, or -1 */
	int flags;  /* XATTR_CREATE, XATTR_REPLACE */
	bool nofollow;
};

/* The last argument of setxattrat(2), <linux/xattr.h> of Linux 6.13. */
struct value_args {
	uint64_t value;
	uint32_t size, flags;
};

/* Our own copies of all that pointers lead to; what cannot be read is the kernel's to complain of.
 */
static bool is_mark(const struct request *r, uint64_t name, uint64_t value, uint64_t size,
		    uint32_t flags)
{
	char text[sizeof(NAME) + 1], byte;

#ifdef MUTANT_OPAQUE_ANY
	return true;
#endif
	return size == 1 && !(flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE)) &&
	       request_read_string(r, name, text, sizeof(text)) == 0 && strcmp(text, NAME) == 0 &&
	       request_read(r, value, &byte, 1) == 0 && byte == 'y';
}

static bool read_path(const struct request *r, uint64_t address, struct opaque_args *a)
{
	return address && request_read_string(r, address, a->path, sizeof(a->path)) == 0 &&
	       *a->path;
}

/* The caller stands where the mark is of use, and has the right that the kernel asks of the host's
 * root: over the container, not over a namespace that anybody can make himself.
 */
static int may_set(struct job *job)
{
	struct visit *v = &job->visit;
	int r = visit_open(v, job->request);

#ifdef MUTANT_OPAQUE_RIGHTS
	return r;
#endif
	return r == 0 && !(visit_at_home(v) && visit_has_admin(v, v->owner_ns)) ? -EACCES : r;
}

/* A file that is open without a right to it (O_PATH) is none for fsetxattr(2). */
static int take_open_file(const struct job *job, int number)
{
	autofd fd = request_take_fd(job->request, number);
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (fd < 0)
		return fd;
	return flags < 0 || flags & O_PATH ? -EACCES : fd_steal(&fd);
}

static int look_up(const struct job *job, struct visit_path *path)
{
	const struct opaque_args *a = job->arg;
	int r;

	if (a->number >= 0) {
		*path = (struct visit_path){ .text = "", .rest = "" };
		path->fd = take_open_file(job, a->number);
		return path->fd < 0 ? path->fd : 0;
	}
	r = visit_look_up(&job->visit, a->path, path);
	/* The link itself, which is no directory. */
	if (r == 0 && path->fd >= 0 && !*path->rest && a->nofollow)
		return -EACCES;
	if (r == 0 && path->fd < 0 && a->dirfd >= 0 && *a->path != '/')
		r = visit_beneath(&job->visit, a->dirfd, path);
	path->nofollow = a->nofollow;
	return r;
}

static int find(struct visit *v, const struct visit_path *path, pid_t helper)
{
	int r = visit_enter_userns(v);

	if (r == 0)
		r = visit_enter_mounts(v);
	if (r == 0)
		r = visit_enter_root(v);
	/* The way takes as long as the container likes; who waits for us may be made to end. */
	if (r == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != helper))
		return -ESRCH;
	return r < 0 ? r : visit_resolve(v, path);
}

static void be_prover(struct job *job, const struct visit_path *path, int sock, pid_t helper)
{
	struct visit *v = &job->visit;
	autofd object = find(v, path, helper);
	int fd;

#ifdef MUTANT_OPAQUE_UNPROVEN
	fd = object < 0 ? -1 : openat(object, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
#else
	fd = object < 0 ? -1 : visit_open_owned(v, object);
#endif
	_exit(fd < 0 || fd_send(sock, "d", 1, &fd, 1) < 0);
}

/* Return: the directory, opened by the prover; or -EACCES. If that is killed so are we, to be asked
 * again. */
static int prove(struct job *job, const struct visit_path *path)
{
	pid_t self = getpid(), pid;
	size_t n = 0;
	int pair[2], fd = -1, status = 0;
	char word;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		be_prover(job, path, pair[1], self);
	close(pair[1]);
	if (pid > 0 && fd_recv(pair[0], &word, 1, &fd, 1, &n) != 1)
		n = 0;
	close(pair[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		_exit(1);
	return n == 1 ? fd : -EACCES;
}

/* On which an upper directory can be, and whose attributes nobody's server invents. */
static bool is_disk(int fd)
{
	static const uint32_t magic[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
					  F2FS_SUPER_MAGIC, TMPFS_MAGIC,     BCACHEFS_STATFS_MAGIC,
					  ZFS_MAGIC };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
		if ((uint32_t)fs.f_type == magic[i])
			return true;
	return false;
}

/* Set the mark, if the caller were let by an owner\'s rights. */
static int64_t opaque_set(struct job *job)
{
	const struct opaque_args *a = job->arg;
	struct visit_path path = { .fd = -1 };
	int r = may_set(job);
	autofd directory = -1;

	if (r == 0)
		r = look_up(job, &path);
	if (r == 0)
		r = directory = prove(job, &path);
	fd_close(path.fd);
	if (r < 0 || !is_disk(directory))
		return JOB_CONTINUE;
	return fsetxattr(directory, NAME, "y", 1, a->flags) < 0 ? -errno : 0;
}

static void run(struct request *r, bool ours, const struct opaque_args *a)
{
	if (ours)
		helper_run(r, opaque_set, a);
	else
		request_continue(r);
}

/**
 * setxattr_handle() - setxattr, lsetxattr(path, name, value, size, flags), fsetxattr(fd, …)
 */
void setxattr_handle(struct request *r, enum mediate_call call)
{
	const __u64 *arg = r->notif->data.args;
	struct opaque_args a = { .dirfd = -1,
				 .number = -1,
				 .flags = (int)arg[4],
				 .nofollow = call == MEDIATE_LSETXATTR };
	bool ours = r->notify->grants & WARDEN_GRANT_SETXATTR &&
		    is_mark(r, arg[1], arg[2], arg[3], (uint32_t)arg[4]);

	if (call == MEDIATE_FSETXATTR)
		a.number = (int)arg[0];
	else
		ours = ours && read_path(r, arg[0], &a);
	run(r, ours && (call != MEDIATE_FSETXATTR || a.number >= 0), &a);
}

/**
 * setxattrat_handle() - setxattrat(dirfd, path, at_flags, name, args, size)
 */
void setxattrat_handle(struct request *r)
{
	const __u64 *arg = r->notif->data.args;
	uint32_t at = (uint32_t)arg[2];
	struct opaque_args a = { .dirfd = (int)arg[0],
				 .number = -1,
				 .nofollow = at & AT_SYMLINK_NOFOLLOW };
	struct value_args v;
	bool ours = r->notify->grants & WARDEN_GRANT_SETXATTR && arg[5] == sizeof(v) &&
		    !(at & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) &&
		    request_read(r, arg[4], &v, sizeof(v)) == 0 &&
		    is_mark(r, arg[3], v.value, v.size, v.flags);

	a.flags = ours ? (int)v.flags : 0;
	if (a.dirfd < 0 && a.dirfd != AT_FDCWD)
		ours = false;
	if (ours && !read_path(r, arg[1], &a)) {
		a.number = a.dirfd;
		ours = at & AT_EMPTY_PATH && a.dirfd >= 0 && !*a.path;
	}
	if (a.dirfd == AT_FDCWD)
		a.dirfd = -1;
	run(r, ours, &a);
}
