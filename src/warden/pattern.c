/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The procfs of the container's own pid namespace, covered once, of which plain mounts are clones.
 *
 * Theory of operation. Nearly all that a new instance costs is laying the covers, one by one, and
 * who mounts procfs without any option in the namespaces that the container began with gets what
 * whoever asked before him got. So the first to ask has an instance covered that stays: in a mount
 * namespace that nobody is in, and that belongs to a user namespace which nobody is in either. That
 * is not the host's, so the kernel has locked the covers there; and not the container's, so the
 * container cannot find it, nor enter it and lay something of its own over it, whatever its rights
 * (NS_MNT_GET_NEXT and setns(2) ask for CAP_SYS_ADMIN over that user namespace).
 *
 * These mounts have one superblock, as all of a pid namespace had before Linux 5.8: to remount one
 * with an option of procfs is to remount them all; those that come after that are new instances
 * where it shows (ro, subset=pid). The container's /proc is none of them.
 */
#include "config.h"
#include "warden/pattern.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/nsmount.h"
#include "lib/sys.h"
#include "warden/covers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMPOSSIBLE -2

/* What every instance here is mounted with, or what makes no difference to one. */
#define PLAIN (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME | MS_SILENT)

struct names {
	uint64_t pid, net;
};

static bool is_plain(const struct mount_args *args)
{
	return !args->sysfs && !*args->data && !(args->flags & ~(uint64_t)PLAIN);
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Of a namespace of process @pid; 0: there is none */
static uint64_t inode_at(const struct request *r, pid_t pid, const char *kind)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "%d/ns/%s", (int)pid, kind);
	return fstatat(r->host_proc, path, &st, 0) == 0 ? st.st_ino : 0;
}

static bool is_like_init(const struct request *r, const char *kind)
{
	uint64_t own = inode_at(r, r->notify->init.pid, kind);

	return own && own == inode_at(r, (pid_t)r->notif->pid, kind);
}

/* The copy is nobody's, and locked. */
static int make(struct job *job, struct names *names)
{
	struct visit *v = &job->visit;
	struct instance made = { .mount = -1 };
	int r = visit_open(v, job->request);

	if (r == 0 && (!visit_at_home(v) || !transplant_may_mount(v, false)))
		r = -EPERM;
	if (r < 0)
		return r;
	*names = (struct names){ inode_of(v->pid_ns), inode_of(v->net_ns) };
	made.mount = nsmount_proc_of(v->host_proc, v->pid_ns, "");
	if (made.mount < 0)
		return made.mount;
	r = transplant_build(job, &made);
#ifdef MUTANT_PATTERN_UNLOCKED
	if (r == 0 && unshare(CLONE_NEWNS) < 0)
#else
	if (r == 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
#endif
		r = -errno;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return r < 0 ? r : openat(v->host_proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
}

static void be_maker(const struct request *r, const struct mount_args *args, int sock, pid_t parent)
{
	const int own[HELPER_OWN] = { sock, -1 };
	static struct job job;
	struct names names;
	int ns;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* Whoever follows the notifier has its own made. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	helper_let_go(r, own);
	job = (struct job){ .request = r, .arg = args, .undo = -1, .gift = -1 };
	ns = make(&job, &names);
	_exit(ns < 0 || fd_send(sock, &names, sizeof(names), &ns, 1) < 0);
}

/*
 * By a process of its own: none with threads can enter a user namespace.
 * Return: the mount namespace, IMPOSSIBLE, or -1: the caller has gone meanwhile.
 */
static int have_made(const struct request *r, const struct mount_args *args, struct names *names)
{
	pid_t parent = getpid(), pid;
	struct rusage usage = { 0 };
	int pair[2], fd = -1;
	autofd pidfd = -1;
	size_t n = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return IMPOSSIBLE;
	pid = fork();
	if (pid == 0)
		be_maker(r, args, pair[1], parent);
	pidfd = pid < 0 ? -1 : sys_pidfd_open(pid);
	if (pidfd >= 0)
		helper_wait_end(r, pidfd);
	while (pid > 0 && wait4(pid, NULL, 0, &usage) < 0 && errno == EINTR)
		;
	rest_owe(&usage);
	if (fd_recv(pair[0], names, sizeof(*names), &fd, 1, &n) != sizeof(*names))
		n = 0;
	close(pair[0]);
	close(pair[1]);
	return n == 1 ? fd : request_alive(r) ? IMPOSSIBLE : -1;
}

/**
 * pattern_open() - have the pattern, if the mount that is asked for might be a clone of it
 *
 * Whoever cannot have it, or asks while it is made, mounts an instance of his own.
 */
void pattern_open(const struct request *r, const struct mount_args *args)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct covers *c = r->notify->covers;
	struct names names = { 0 };
	int fd;

	if (c->pattern != -1 || !is_plain(args) || !is_like_init(r, "pid") ||
	    !is_like_init(r, "net") || !is_like_init(r, "user") || pthread_mutex_trylock(&lock))
		return;
	if (c->pattern == -1) {
		fd = have_made(r, args, &names);
		c->pattern_pid = names.pid;
		c->pattern_net = names.net;
		c->pattern = fd;
	}
	pthread_mutex_unlock(&lock);
}

/**
 * pattern_fits() - is what the caller asks for a clone of the pattern?
 */
bool pattern_fits(const struct job *job)
{
	const struct covers *c = job->request->notify->covers;
	const struct visit *v = &job->visit;

#ifdef MUTANT_PATTERN_ANY
	return c->pattern >= 0;
#endif
	return c->pattern >= 0 && is_plain(job->arg) && visit_at_home(v) &&
	       inode_of(v->pid_ns) == c->pattern_pid && inode_of(v->net_ns) == c->pattern_net;
}

/* Nobody has remounted one of the others with an option that shows. */
static bool is_as_made(int tree)
{
	struct statfs fs;

	return fstatfs(tree, &fs) == 0 && !(fs.f_flags & ST_RDONLY) &&
	       faccessat(tree, "sys", F_OK, 0) == 0;
}

/**
 * pattern_clone() - a new mount of it
 *
 * Return: the detached tree, and the helper is in the caller's mount namespace; -ENOTUNIQ: it is
 * not what was asked for any more, and the helper is where it was; or another -errno.
 */
int pattern_clone(struct job *job)
{
	struct visit *v = &job->visit;
	autofd tree = -1;
	int r;

	if (setns(job->request->notify->covers->pattern, CLONE_NEWNS) < 0)
		return -errno;
	tree = mnt_clone(AT_FDCWD, TRANSPLANT_PLACE, true);
	/* Back to where the kernel lets a bare instance be mounted. */
	if (tree >= 0 && !is_as_made(tree))
		return setns(job->request->notify->shop_ns, CLONE_NEWNS) < 0 ? -errno : -ENOTUNIQ;
	r = tree < 0 ? tree : visit_enter_userns(v);
	if (r == 0)
		r = visit_enter_mounts(v);
	return r < 0 ? r : fd_steal(&tree);
}
