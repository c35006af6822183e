/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acting as the owner of a container's user namespace, who is the effective user that made it.
 *
 * Of much that processes use (inotify instances, pending signals and timers, message queues,
 * namespaces) the kernel keeps an account for the user in his namespace, and one for the owner of
 * that, in the namespace above (kernel/ucount.c: inc_ucount()), with a limit on each. Were the
 * owner the host's root, one container could leave nothing for the host's services and for all
 * others. So each container's is its own root, whom the host does not have.
 *
 * Capabilities, and whose files are, stay root's. It concerns the calling thread alone.
 */
#include "config.h"
#include "runtime/owner.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The saved one as well: by it, before 5.17, a process of that user's may move itself (cgroup v1).
 */
static int set_effective(uid_t uid)
{
	if (syscall(SYS_setresuid, -1, uid, uid) < 0)
		return -errno;
	syscall(SYS_setfsuid, 0);
	return 0;
}

/**
 * owner_become() - have @uid as effective user until owner_leave()
 *
 * Return: 0, or -errno, and then nothing has changed.
 */
int owner_become(uid_t uid, struct owner_before *before)
{
	int r;

	before->bits = prctl(PR_GET_SECUREBITS);
	before->dumpable = prctl(PR_GET_DUMPABLE);
	if (before->bits < 0 || prctl(PR_GET_PDEATHSIG, &before->end_signal) < 0 ||
	    prctl(PR_SET_SECUREBITS, before->bits | SECBIT_NO_SETUID_FIXUP) < 0)
		return -errno;
	r = set_effective(uid);
	if (r < 0)
		prctl(PR_SET_SECUREBITS, before->bits);
	return r;
}

/**
 * owner_become_of() - the same, of the user namespace that process @pid is in
 */
int owner_become_of(pid_t pid, struct owner_before *before)
{
	autofd ns = -1;
	char path[64];
	uid_t uid;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || ioctl(ns, NS_GET_OWNER_UID, &uid) < 0)
		return -errno;
	return owner_become(uid, before);
}

/**
 * owner_leave() - be root again, as before
 */
void owner_leave(const struct owner_before *before)
{
	/* All that follows would be another's. */
	if (set_effective(0) < 0 || prctl(PR_SET_SECUREBITS, before->bits) < 0)
		_exit(125);
	prctl(PR_SET_PDEATHSIG, before->end_signal);
	prctl(PR_SET_DUMPABLE, before->dumpable);
}
