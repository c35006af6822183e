/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New procfs and sysfs by fsopen(2) and fsmount(2).
 *
 * Theory of operation. The caller gets a real file system context, made for its pid or network
 * namespace, and configures and creates it by itself: the kernel judges each fsconfig(2), with the
 * caller's rights. Only at fsmount(2) are we needed again: there the kernel, asked by the
 * container, refuses (mount_too_revealing()). The helper takes the caller's open file, mounts that
 * very superblock, covers it as transplant.c does, and gives out the root of the locked tree, which
 * the caller's own move_mount(2) attaches.
 *
 * Contexts that came from us are known by a mark which the kernel keeps with the open file, not
 * with its number or in our memory. It protects nothing. Whoever removes it is refused by the
 * kernel; whoever puts it on a context of his own has it covered if it is one of these, and else
 * refused.
 *
 * A descriptor that comes by seccomp cannot be an O_PATH one, and the tree lives only as long as
 * such a one, or until it is attached. So some stay behind in a socket that nobody reads: the
 * kernel keeps what is under way, also when one of us dies. What has to give way cannot be attached
 * any more, and stays covered: the kernel keeps a tree together that it takes down.
 */
#include "config.h"
#include "warden/fsmount.h"

#include "lib/fd.h"
#include "lib/nsmount.h"
#include "lib/sys.h"
#include "warden/mountlist.h"
#include "warden/transplant.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* F_SETSIG: which signal input on the file would send. A context has no input. */
#define MARK 61

#define NOBODY 65534

#define PICK_FLAGS                                                                                 \
	(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH)

/* Trees that wait for being attached, per container. */
#define KEPT_MAX 16

#define ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/*
 * Can a call that has used up its context be made again after a signal? It need not where signals
 * wait (Linux 5.19), which then knows the flag and complains of the address.
 */
static bool is_served(void)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		       NULL) < 0 &&
	       errno == EFAULT;
}

/**
 * fsmount_open() - fsopen("proc") and fsopen("sysfs"); where mount(2) is to be tried it is ENOSYS
 *
 * What the kernel asks when a context is configured and created it asks of who does it, and not of
 * us, who opened it.
 */
int64_t fsmount_open(struct job *job)
{
	const struct mount_args *args = job->arg;
	struct visit *v = &job->visit;
	int fs, r = visit_open(v, job->request);

	if (r == 0 && !transplant_may_mount(v, args->sysfs))
		r = -EACCES;
	if (r == -EACCES || !is_served())
		return -ENOSYS;
	if (r == 0 && args->flags & ~(uint64_t)FSOPEN_CLOEXEC)
		r = -EINVAL;
	if (r < 0)
		return r;
	fs = args->sysfs ? nsmount_sysfs_context(v->host_proc, v->net_ns)
			 : nsmount_proc_context(v->host_proc, v->pid_ns);
	if (fs < 0)
		return fs;
	if (fcntl(fs, F_SETSIG, MARK) < 0)
		return -errno;
	return helper_give(job, fs, args->flags & FSOPEN_CLOEXEC);
}

static int take_context(const struct request *r, const struct fsmount_args *args)
{
	autofd fs = request_take_fd(r, args->context);

	if (fs >= 0 && fcntl(fs, F_GETSIG) != MARK)
		return -EINVAL;
	return fd_steal(&fs);
}

/**
 * fsmount_concerns() - is it about a context of ours?
 */
bool fsmount_concerns(const struct request *r, const struct fsmount_args *args)
{
	autofd fs = take_context(r, args);

	return fs >= 0;
}

/*
 * What is under way counts against the real user of who sent it, with RLIMIT_NOFILE for all of
 * root's together: so it is the container's, who is in nobody's way then. For this thread alone.
 */
static int send_as(uid_t uid)
{
#ifdef MUTANT_KEPT_BY_ROOT
	return 0;
#endif
	return syscall(SYS_setresuid, uid, -1, -1) < 0 ? -errno : 0;
}

static int recv_kept(int sock)
{
	size_t n = 0;
	char word;
	int fd = -1;

	return fd_recv(sock, &word, 1, &fd, 1, &n) == 1 && n == 1 ? fd : -EAGAIN;
}

static int count_kept(int sock)
{
	int n; /* of bytes: one each */

	return ioctl(sock, FIONREAD, &n) < 0 ? 0 : n;
}

static int keep(const struct notify *n, int tree)
{
	while (count_kept(n->kept[1]) >= KEPT_MAX) {
		autofd oldest = recv_kept(n->kept[1]);

		if (oldest < 0)
			break;
	}
#ifdef MUTANT_TREE_UNKEPT
	return 0;
#endif
	return fd_send(n->kept[0], "", 1, &tree, 1);
}

/**
 * fsmount_let_go() - before an unmount: what has been attached, which would be busy else
 */
void fsmount_let_go(const struct request *r)
{
	const int *kept = r->notify->kept;
	int trees[KEPT_MAX], ids[KEPT_MAX];
	bool attached[KEPT_MAX];
	struct rusage begun;
	char path[64];
	int n = 0;

	getrusage(RUSAGE_THREAD, &begun);

	while (n < KEPT_MAX && (trees[n] = recv_kept(kept[1])) >= 0) {
		ids[n] = sys_mount_id(trees[n]);
		n++;
	}
	snprintf(path, sizeof(path), "%u/mountinfo", r->notif->pid);
	if (n > 0 && mountlist_has(r->host_proc, path, ids, attached, n) < 0)
		memset(attached, 0, sizeof(attached));
	if (n > 0 && send_as(r->notify->uid) < 0)
		memset(attached, 1, sizeof(attached));
	for (int i = 0; i < n; i++) {
		if (!attached[i])
			fd_send(kept[0], "", 1, &trees[i], 1);
		fd_close(trees[i]);
	}
	if (n > 0)
		send_as(0);
	rest_owe_own(&begun);
}

/* Which of the two is it? Marks can be put on anything. */
static int identify(struct instance *made)
{
	struct statfs fs;

	if (fstatfs(made->mount, &fs) < 0)
		return -errno;
#ifndef MUTANT_MARK_BELIEVED
	if (fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC)
		return -EINVAL;
#endif
	made->sysfs = fs.f_type == SYSFS_MAGIC;
	made->readonly = fs.f_flags & ST_RDONLY;
	return 0;
}

/*
 * The context stays with the caller, who could reconfigure the instance by it: see fsmount_pick().
 * A reconfiguration that fails ends a context for good: try one without the right to, which is
 * neither to have capabilities nor to be the namespace's owner.
 */
static int end_context(int fs)
{
	int r;

#ifdef MUTANT_CONTEXT_KEPT
	return 0;
#endif
	if (syscall(SYS_setresuid, -1, NOBODY, -1) < 0)
		return -errno;
	r = sys_fsconfig_reconfigure(fs);
	if (syscall(SYS_setresuid, -1, 0, -1) < 0)
		return -errno;
	/* EBUSY: it had ended before. */
	return r == -EPERM || r == -EBUSY ? 0 : -EIO;
}

/*
 * An instance that was made with subset=pid has few covers. What is not in the caller's tree cannot
 * be told.
 */
static bool may_reconfigure(const struct mountlist *list, int fd)
{
	const struct mountlist_entry *e = mountlist_by_id(list, sys_mount_id(fd));
	struct statfs fs;

#ifdef MUTANT_SUBSET_UNDONE
	return true;
#endif
	if (fstatfs(fd, &fs) < 0)
		return false;
	return fs.f_type != PROC_SUPER_MAGIC || (e && !strstr(e->options, "subset=pid"));
}

static int pick(struct job *job, const struct visit_path *path)
{
	struct visit *v = &job->visit;
	struct mountlist list = { 0 };
	autofd fd = -1;
	int r = visit_enter_userns(v);

	if (r == 0)
		r = visit_enter_mounts(v);
	if (r == 0)
		r = visit_enter_root(v);
	if (r == 0)
		r = fd = visit_resolve(v, path);
	if (r >= 0)
		r = mountlist_read(v->host_proc, "self/mountinfo", &list);
	if (r == 0)
		r = may_reconfigure(&list, fd) ? sys_fspick(fd) : -EPERM;
	mountlist_free(&list);
	return r;
}

/**
 * fsmount_pick() - fspick(2), by which all but one file system may be reconfigured: as a procfs of
 * subset=pid all would be there (subset=",") that was not when the covers were laid
 *
 * mount(2) cannot say that. Made here, with the rights of the container's root, and never by the
 * caller, whose arguments can change.
 */
int64_t fsmount_pick(struct job *job)
{
	const struct mount_args *args = job->arg;
	struct visit *v = &job->visit;
	struct visit_path path;
	int r = visit_open(v, job->request);

	if (r == 0 && !visit_has_admin(v, v->owner_ns))
		r = -EPERM;
	if (r == 0 && args->flags & ~(uint64_t)PICK_FLAGS)
		r = -EINVAL;
	if (r == 0 && !*args->target && !(args->flags & FSPICK_EMPTY_PATH))
		r = -ENOENT;
	if (r == 0)
		r = visit_look_up(v, args->target, &path);
	if (r == 0 && args->dirfd != AT_FDCWD && *args->target != '/')
		r = visit_beneath(v, args->dirfd, &path);
#ifndef MUTANT_PICK_FOLLOWS
	path.nofollow = args->flags & FSPICK_SYMLINK_NOFOLLOW;
#endif
	if (r == 0)
		r = pick(job, &path);
	if (r < 0)
		return r == -EACCES ? -EPERM : r;
	return helper_give(job, r, args->flags & FSPICK_CLOEXEC);
}

/**
 * fsmount_make() - fsmount(2) of a context of ours
 */
int64_t fsmount_make(struct job *job)
{
	const struct fsmount_args *args = job->arg;
	struct instance made = { .attrs = args->attrs };
	struct visit *v = &job->visit;
	autofd fs = -1;
	autofd tree = -1;
	int root, r = visit_open(v, job->request);

	if (r == 0 && !visit_has_admin(v, v->owner_ns))
		r = -EPERM;
	if (r == 0 && args->flags & ~(uint32_t)FSMOUNT_CLOEXEC)
		r = -EINVAL;
	if (r < 0)
		return r == -EACCES ? -EPERM : r;
	fs = take_context(job->request, args);
	if (fs < 0) /* it was when we looked before */
		return -EBADF;
	r = send_as(job->request->notify->uid);
	made.mount = r < 0 ? r : sys_fsmount(fs, args->attrs | ATTRS);
	r = made.mount < 0 ? made.mount : identify(&made);
	if (r == 0)
		r = end_context(fs);
	if (r < 0)
		return r;
	tree = transplant_make(job, &made);
	r = tree < 0 ? tree : keep(job->request->notify, tree);
	if (r < 0)
		return r;
	root = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -errno : helper_give(job, root, args->flags & FSMOUNT_CLOEXEC);
}
