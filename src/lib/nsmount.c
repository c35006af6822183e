/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procfs and sysfs of namespaces that the caller is not in, mounted with the caller's credentials:
 * a mount made by the container itself would be refused once covers are on its /proc, and one made
 * here lets the launcher lay those covers before the tree is locked.
 */
#include "config.h"
#include "lib/nsmount.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const unsigned int attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

static int open_ns(int host_proc, pid_t pid, const char *kind)
{
	char path[64];
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "%d/ns/%s", (int)pid, kind);
	else
		snprintf(path, sizeof(path), "self/ns/%s", kind);
	fd = openat(host_proc, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Linux 6.17: procfs takes the pid namespace as an option. -EOPNOTSUPP before that. */
static int proc_by_option(int ns_fd)
{
	autofd fs = sys_fsopen("proc");
	int r = fs < 0 ? fs : sys_fsconfig_fd(fs, "pidns", ns_fd);

	if (r < 0)
		return r == -EINVAL ? -EOPNOTSUPP : r;
	return fd_steal(&fs);
}

/*
 * Before 6.17 procfs shows the pid namespace of the process that begins it: a child is born there,
 * keeps our credentials, opens the context, hands it out and is gone. Non-dumpable: the container
 * may see it.
 */
static void proc_child(int sock)
{
	int r, fd;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (sock != 3 && dup3(sock, 3, O_CLOEXEC) != 3)
		_exit(1);
	sock = 3;
	sys_close_range(4, ~0U, 0);
	fd = sys_fsopen("proc");
	r = fd < 0 ? fd : 0;
	fd_send(sock, &r, sizeof(r), &fd, fd < 0 ? 0 : 1);
	_exit(0);
}

static int proc_by_child(int host_proc, int ns_fd)
{
	autofd own = open_ns(host_proc, 0, "pid");
	int pair[2], fd = -1, r;
	size_t n = 0;
	pid_t pid;

	if (own < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	autofd parent_end = pair[0];
	autofd child_end = pair[1];

	if (setns(ns_fd, CLONE_NEWPID) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		proc_child(child_end);
	r = setns(own, CLONE_NEWPID) < 0 ? -errno : 0;
	if (pid < 0)
		return -errno;
	fd_close(fd_steal(&child_end));
	if (fd_recv(parent_end, &r, sizeof(r), &fd, 1, &n) <= 0)
		r = -EPIPE;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && n == 0)
		r = -EPIPE;
	return r < 0 ? r : fd;
}

/**
 * nsmount_proc_context() - a file system context, not yet created, for a procfs that shows the pid
 * namespace @ns
 * @host_proc: descriptor of the host's /proc
 */
int nsmount_proc_context(int host_proc, int ns)
{
	int r = proc_by_option(ns);

	return r == -EOPNOTSUPP ? proc_by_child(host_proc, ns) : r;
}

/**
 * nsmount_proc_of() - a detached procfs that shows the pid namespace @ns
 * @host_proc: descriptor of the host's /proc
 * @options: hidepid= and the like, or NULL
 *
 * Its superblock belongs to the user namespace that owns that pid namespace.
 */
int nsmount_proc_of(int host_proc, int ns, const char *options)
{
	autofd fs = nsmount_proc_context(host_proc, ns);
	int r = fs < 0 ? fs : sys_fsconfig_string(fs, "source", "proc");

	if (r == 0)
		r = mnt_configure(fs, options);
	if (r == 0)
		r = sys_fsconfig_create(fs);
	return r < 0 ? r : sys_fsmount(fs, attrs);
}

/**
 * nsmount_proc() - nsmount_proc_of() the pid namespace of process @pid
 */
int nsmount_proc(int host_proc, pid_t pid, const char *options)
{
	autofd ns = open_ns(host_proc, pid, "pid");

	return ns < 0 ? ns : nsmount_proc_of(host_proc, ns, options);
}

/**
 * nsmount_proc_allows() - do @options concern nothing but what an instance shows of its namespace?
 *
 * The kernel reads them with our rights: not pidns= (Linux 6.17), which names another namespace.
 */
bool nsmount_proc_allows(const char *options)
{
	static const char *const known[] = { "hidepid", "gid", "subset" };

#ifdef MUTANT_OPTIONS_PASSED
	return true;
#endif
	for (const char *p = options ?: ""; *p; p += strcspn(p, ","), p += *p == ',') {
		size_t len = strcspn(p, "=,"), i = 0;

		while (i < sizeof(known) / sizeof(known[0]) &&
		       (strlen(known[i]) != len || strncmp(p, known[i], len) != 0))
			i++;
		if (len && i == sizeof(known) / sizeof(known[0]))
			return false;
	}
	/* A quoted value could have commas: none of these has. */
	return !options || !strchr(options, '"');
}

static int set_subset(int mount, const char *subset)
{
	autofd fs = sys_fspick(mount);
	int r = fs < 0 ? fs : sys_fsconfig_string(fs, "subset", subset);

	return r < 0 ? r : sys_fsconfig_reconfigure(fs);
}

/**
 * nsmount_proc_widen() - have a procfs show its files also if it was made with subset=pid
 * @mount: descriptor of its root
 * @narrow: whether it was
 *
 * The kernel lets everybody who may mount have a whole new procfs if there is one with nothing
 * locked over it (fs/namespace.c: mnt_already_visible()), and takes one with subset=pid for that:
 * it has to have something to be covered.
 *
 * Return: 0, or -errno; -EINVAL with @narrow: it stays so for good (Linux 7.2).
 */
int nsmount_proc_widen(int mount, bool *narrow)
{
	*narrow = false;
#ifdef MUTANT_SUBSET_BARE
	return 0;
#endif
	/* "sys" is in all others. */
	if (faccessat(mount, "sys", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	*narrow = true;
#ifdef MUTANT_SUBSET_TRUSTED
	return -EINVAL;
#endif
	/* An empty list: neither this nor that. */
	return set_subset(mount, ",");
}

/**
 * nsmount_proc_narrow() - the opposite, when what covers it is there: that stays
 */
int nsmount_proc_narrow(int mount)
{
	return set_subset(mount, "pid");
}

/**
 * nsmount_in_net() - call @fn in the network namespace @ns
 * @host_proc: descriptor of the host's /proc
 *
 * Return: what @fn returns, or -errno.
 */
int nsmount_in_net(int host_proc, int ns, int (*fn)(void *arg), void *arg)
{
	autofd own = open_ns(host_proc, 0, "net");
	int r;

	if (own < 0)
		return own;
	if (setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	r = fn(arg);
	/* Staying in the wrong namespace would poison all that follows. */
	if (setns(own, CLONE_NEWNET) < 0)
		_exit(125);
	return r;
}

static int new_sysfs(void *arg)
{
	return mnt_new("sysfs", NULL, attrs);
}

static int new_sysfs_context(void *arg)
{
	(void)arg;
	return sys_fsopen("sysfs");
}

/**
 * nsmount_sysfs_context() - a file system context, not yet created, for a sysfs that shows the
 * network namespace @ns
 * @host_proc: descriptor of the host's /proc
 */
int nsmount_sysfs_context(int host_proc, int ns)
{
	return nsmount_in_net(host_proc, ns, new_sysfs_context, NULL);
}

/**
 * nsmount_sysfs_of() - a detached sysfs that shows the network namespace @ns
 * @host_proc: descriptor of the host's /proc
 */
int nsmount_sysfs_of(int host_proc, int ns)
{
	return nsmount_in_net(host_proc, ns, new_sysfs, NULL);
}

/**
 * nsmount_sysfs() - nsmount_sysfs_of() the network namespace of process @pid
 */
int nsmount_sysfs(int host_proc, pid_t pid)
{
	autofd ns = open_ns(host_proc, pid, "net");

	return ns < 0 ? ns : nsmount_sysfs_of(host_proc, ns);
}
