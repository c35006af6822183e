/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that the C library or the kernel may lack. The only place that knows.
 */
#include "config.h"
#include "lib/sys.h"

#include <errno.h>
#include <grp.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in glibc 2.36. */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif
#ifndef MS_PRIVATE
#define MS_PRIVATE (1 << 18)
#endif

static inline int ret_errno(long r)
{
	return r < 0 ? -errno : (int)r;
}

/**
 * sys_openat2() - openat2(2), O_CLOEXEC always added, mode 0 (not for creating)
 * @resolve: RESOLVE_* bits
 */
int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	int r;

	/* RESOLVE_IN_ROOT answers EAGAIN when it raced with any rename on the machine. */
	for (int i = 0; i < 64; i++) {
		r = ret_errno(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
		if (r != -EAGAIN && r != -EINTR)
			break;
	}
	return r;
}

/**
 * sys_open_tree() - open_tree(2), OPEN_TREE_CLOEXEC always added
 */
int sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
	return ret_errno(syscall(SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC));
}

/**
 * sys_move_mount() - move_mount(2)
 */
int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned int flags)
{
	return ret_errno(syscall(SYS_move_mount, from, from_path, to, to_path, flags));
}

/**
 * sys_fsopen() - fsopen(2): a context for a new instance of @fstype, close-on-exec
 */
int sys_fsopen(const char *fstype)
{
	return ret_errno(syscall(SYS_fsopen, fstype, FSOPEN_CLOEXEC));
}

/**
 * sys_fsconfig_flag() - fsconfig(2): set an option that has no value
 */
int sys_fsconfig_flag(int fs, const char *key)
{
	return ret_errno(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, key, NULL, 0));
}

/**
 * sys_fsconfig_string() - fsconfig(2): set an option; the value has at most 255 bytes
 */
int sys_fsconfig_string(int fs, const char *key, const char *value)
{
	return ret_errno(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0));
}

/**
 * sys_fsconfig_fd() - fsconfig(2): set an option to a descriptor, which stays ours
 */
int sys_fsconfig_fd(int fs, const char *key, int fd)
{
	return ret_errno(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, key, NULL, fd));
}

/**
 * sys_fsconfig_create() - fsconfig(2): make the instance
 */
int sys_fsconfig_create(int fs)
{
	return ret_errno(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

/**
 * sys_fsconfig_reconfigure() - fsconfig(2): change the instance that fspick(2) chose
 */
int sys_fsconfig_reconfigure(int fs)
{
	return ret_errno(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
}

/**
 * sys_fsmount() - make the file system context @fs a detached mount
 * @attrs: MOUNT_ATTR_*
 */
int sys_fsmount(int fs, unsigned int attrs)
{
	return ret_errno(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs));
}

/**
 * sys_mount_setattr() - change the attributes of the mount @fd
 * @set: MOUNT_ATTR_* to set; with MOUNT_ATTR_IDMAP, @userns_fd says by which mapping
 *
 * Return: 0; -ENOSYS before Linux 5.12; -EINVAL where the file system cannot be ID-mapped.
 */
int sys_mount_setattr(int fd, bool recursive, uint64_t set, uint64_t clear, int userns_fd)
{
	struct mount_attr attr = { .attr_set = set,
				   .attr_clr = clear,
				   .userns_fd = userns_fd >= 0 ? (uint64_t)userns_fd : 0 };
	unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	return ret_errno(syscall(SYS_mount_setattr, fd, "", flags, &attr, sizeof(attr)));
}

/**
 * sys_mount_propagation() - how the mounts of the tree @fd give to and take from their peers
 * @type: MS_PRIVATE, MS_SLAVE, …
 *
 * Return: 0; -ENOSYS before Linux 5.12.
 */
int sys_mount_propagation(int fd, unsigned long type)
{
	struct mount_attr attr = { .propagation = type };

	return ret_errno(syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
				 sizeof(attr)));
}

/**
 * sys_mount_id() - the id of the mount that @fd is on, as in mountinfo (STATX_MNT_ID, Linux 5.8)
 */
int sys_mount_id(int fd)
{
	struct statx st;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return -errno;
	return st.stx_mask & STATX_MNT_ID ? (int)st.stx_mnt_id : -ENOSYS;
}

/**
 * sys_pivot_root() - pivot_root(2)
 */
int sys_pivot_root(const char *new_root, const char *put_old)
{
	return ret_errno(syscall(SYS_pivot_root, new_root, put_old));
}

/**
 * sys_pidfd_open() - pidfd_open(2), which is close-on-exec
 */
int sys_pidfd_open(pid_t pid)
{
	return ret_errno(syscall(SYS_pidfd_open, pid, 0));
}

/**
 * sys_pidfd_open_thread() - a descriptor of a thread, which need not be the first of its process
 *
 * Return: the descriptor; -EINVAL before Linux 6.9.
 */
int sys_pidfd_open_thread(pid_t tid)
{
	return ret_errno(syscall(SYS_pidfd_open, tid, PIDFD_THREAD));
}

/**
 * sys_fspick() - a context to reconfigure the file system by, of which @fd is the root of a mount
 */
int sys_fspick(int fd)
{
	return ret_errno(syscall(SYS_fspick, fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC));
}

/**
 * sys_pidfd_getfd() - the open file that has @number in another process (Linux 5.6)
 */
int sys_pidfd_getfd(int pidfd, int number)
{
	return ret_errno(syscall(SYS_pidfd_getfd, pidfd, number, 0));
}

/**
 * sys_pidfd_send_signal() - pidfd_send_signal(2)
 */
int sys_pidfd_send_signal(int pidfd, int sig)
{
	return ret_errno(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

/**
 * sys_close_range() - close_range(2), Linux 5.9; @flags: CLOSE_RANGE_*
 */
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return ret_errno(syscall(SYS_close_range, first, last, flags));
}

/**
 * sys_clone3() - fork with namespaces
 * @flags: CLONE_*; nothing may be shared with the child (no CLONE_VM, CLONE_FILES)
 * @pidfd: receives a descriptor of the child, or NULL
 * @cgroup_fd: cgroup v2 directory in which the child is born, or -1
 *
 * Return: as fork(2), or -errno.
 */
pid_t sys_clone3(uint64_t flags, int exit_signal, int *pidfd, int cgroup_fd)
{
	struct clone_args args = { .flags = flags, .exit_signal = exit_signal };

	if (pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uintptr_t)pidfd;
	}
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = cgroup_fd;
	}
	return ret_errno(syscall(SYS_clone3, &args, sizeof(args)));
}

/**
 * sys_keyctl_new_session() - leave the session keyring of the caller for a new, empty one
 */
int sys_keyctl_new_session(const char *name)
{
	return ret_errno(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0));
}

/**
 * sys_become_none() - be a user that there is not
 *
 * Not `nobody`: as that one daemons of the host run, who could stop us, or kill us again and again.
 * A user namespace has no such id; there it is nobody.
 */
int sys_become_none(void)
{
	uid_t uid = SYS_NO_USER;

#ifdef MUTANT_NOBODY_SIGNALS
	uid = SYS_NOBODY;
#endif
	if (setresuid(uid, uid, uid) == 0 ||
	    (errno == EINVAL && setresuid(SYS_NOBODY, SYS_NOBODY, SYS_NOBODY) == 0))
		return 0;
	return -errno;
}

/**
 * sys_drop_privileges() - be a user that there is not, without groups and any capability, and with
 * no way to get one
 */
int sys_drop_privileges(void)
{
	const gid_t gid = SYS_NOBODY;
	int r;

	for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0)
		return -errno;
	r = sys_become_none();
	return r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : r;
}

/**
 * sys_mind_children() - have the ends of our children told to us, whatever our caller does with his
 *
 * Whoever ignores SIGCHLD has the kernel collect them, and an exec does not change that: waitpid(2)
 * would say of each only that there is none.
 */
void sys_mind_children(void)
{
	signal(SIGCHLD, SIG_DFL);
}

/**
 * sys_leave_session() - in a child of one that blocks signals: out of the terminal's reach, and
 * then ready for signals
 *
 * A Ctrl-C that was typed before is dropped: it is the parent's to deal with, which got it too.
 */
int sys_leave_session(void)
{
	const struct timespec none = { 0 };
	sigset_t set;

	if (setsid() < 0)
		return -errno;
	sigfillset(&set);
	while (sigtimedwait(&set, NULL, &none) > 0)
		;
	sigemptyset(&set);
	return sigprocmask(SIG_SETMASK, &set, NULL) < 0 ? -errno : 0;
}

/**
 * sys_lift_limits() - free of what a caller's session limits, as far as we may
 *
 * A helper lives as long as its container and works for whoever is in there. Processes are counted
 * by user, and all servers are one: a limit that is enough for a shell would be too little for
 * many.
 */
void sys_lift_limits(void)
{
	static const int resources[] = { RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS,
					 RLIMIT_NPROC };
	struct rlimit limit;

#ifdef MUTANT_HELPERS_LIMITED
	return;
#endif
	for (size_t i = 0; i < sizeof(resources) / sizeof(*resources); i++) {
		limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
		if (setrlimit(resources[i], &limit) == 0 || getrlimit(resources[i], &limit) < 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(resources[i], &limit);
	}
}
