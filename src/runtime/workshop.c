/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workshop: a private mount namespace, owned by the initial user namespace, in which the
 * launcher assembles a container's mounts before they are locked.
 *
 * Theory of operation. What lies in the workshop when PID 1 copies it into its own, less
 * privileged, user namespace is locked by the kernel: read-only stays read-only, a cover stays on.
 * The parts are therefore put side by side, not yet on top of each other:
 *
 *   base           tmpfs, in the place of the host's root
 *   ├─ root        the root file system, without anything on it
 *   ├─ proc        procfs of the new pid namespace, covers and masks on it
 *   ├─ sys         sysfs of the new network namespace, covers and masks on it
 *   ├─ dev         device nodes
 *   ├─ fs          the FUSE server's tree; its files are cloned as covers
 *   ├─ own         read-only tmpfs with what is the container's own of /proc and /sys (identity.h)
 *   ├─ empty       read-only tmpfs with an empty directory and an empty file, for masks
 *   ├─ nodes       the warden's, for device nodes that the container makes (devnode.c); not in its
 *   │              copy
 *   └─ vol/0 …     volumes, ID-mapped
 *
 * PID 1 clones each part out of its locked copy and joins them to one tree on top of "base"
 * (assemble.c): so only the insides of the parts are locked, and whole parts can be bound and moved
 * as anywhere else. "base" stays below as a floor: a container that unmounts its root finds there
 * what it had anyway, as locked as before. The host's tree is let go of before any part exists.
 */
#include "config.h"
#include "runtime/workshop.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* What nothing can be executed, opened as a device or gain rights from. */
#define NOTHING (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int make_empty(const struct workshop *w)
{
	autofd fd = mnt_tmpfs("4k", "0555", NOTHING);
	int file, r;

	if (fd < 0)
		return fd;
	file = openat(fd, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (file < 0 || mkdirat(fd, "dir", 0555) < 0)
		return -errno;
	close(file);
	r = mnt_attach(fd, w->base, "empty");
	if (r == 0)
		r = mnt_restrict(fd, false, MOUNT_ATTR_RDONLY);
	if (r == -ENOSYS)
		r = mnt_restrict_at(w->base, "empty", MOUNT_ATTR_RDONLY | NOTHING);
	return r < 0 ? r : fd_steal(&fd);
}

static int make_base(void)
{
	static const char *const parts[] = { "root", "proc",  "sys", "dev",  "fs",
					     "vol",  "empty", "own", "nodes" };
	autofd fd = mnt_tmpfs("1m", "0755", NOTHING);

	if (fd < 0)
		return fd;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (mkdirat(fd, parts[i], 0755) < 0)
			return -errno;
	return fd_steal(&fd);
}

static int remember_host(struct workshop *w)
{
	w->host_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	w->host_root = open("/", O_PATH | O_CLOEXEC);
	w->host_cwd = open(".", O_PATH | O_CLOEXEC);
	w->host_proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return w->host_ns < 0 || w->host_root < 0 || w->host_proc < 0 ? -errno : 0;
}

/*
 * Put "base" in the place of the host's tree and let go of that. It is mounted on /proc for a
 * moment, since that is a directory on every host.
 */
static int replace_root(const struct workshop *w)
{
	int r = mnt_attach(w->base, AT_FDCWD, "/proc");

	if (r == 0 && fchdir(w->base) < 0)
		r = -errno;
	if (r == 0)
		r = sys_pivot_root(".", ".");
	/* The old root now lies on top of the new one, and "." is still below it. */
	if (r == 0 && (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0))
		r = -errno;
	return r;
}

/**
 * workshop_enter() - move the calling (single-threaded) process into a new workshop
 *
 * From here on host paths do not resolve; descriptors opened before still work.
 */
int workshop_enter(struct workshop *w)
{
	int r;

	*w = WORKSHOP_CLOSED;
	r = remember_host(w);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	w->own_ns = openat(w->host_proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	r = w->own_ns < 0 ? -errno : mnt_make_private();
	if (r < 0)
		return r;
	w->base = make_base();
	r = w->base < 0 ? w->base : replace_root(w);
	if (r < 0)
		return r;
	w->empty = make_empty(w);
	return w->empty < 0 ? w->empty : 0;
}

/**
 * workshop_close() - the parts are complete: nothing can be made beside them
 */
int workshop_close(const struct workshop *w)
{
	int r = mnt_restrict(w->base, false, MOUNT_ATTR_RDONLY);

	return r == -ENOSYS ? mnt_restrict_at(w->base, ".", MOUNT_ATTR_RDONLY | NOTHING) : r;
}

/**
 * workshop_leave() - go back to where workshop_enter() came from. Idempotent.
 */
int workshop_leave(struct workshop *w)
{
	int r = 0;

	if (w->host_ns < 0)
		return 0;
	if (setns(w->host_ns, CLONE_NEWNS) < 0 || fchdir(w->host_root) < 0 || chroot(".") < 0)
		r = -errno;
	if (r == 0 && w->host_cwd >= 0 && fchdir(w->host_cwd) < 0)
		r = chdir("/") < 0 ? -errno : 0;
	/* own_ns outlives this: whoever lets go of a mount namespace last waits for the kernel. */
	for (int *fd = &w->host_ns; fd <= &w->base; fd++)
		if (*fd >= 0)
			fd_close(*fd);
	return r;
}
