/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees that a container's covers are on: a bind and an unmount of one as a whole, and making it
 * read-only as a whole.
 *
 * All that is looked at to decide is the kernel's own (namespaces, capabilities, mounts), and
 * whenever these functions do not want to act the kernel carries out what was asked, and refuses.
 */
#include "config.h"
#include "warden/transplant.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "warden/covers.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static bool concerns_us(const struct job *job, int fd)
{
	return covers_concern(job->request->notify->covers, fd);
}

/* The way of all that acts on mounts of the caller's: JOB_CONTINUE if it may not, or need not. */
static int64_t go_there(struct job *job)
{
	struct visit *v = &job->visit;
	int r = visit_open(v, job->request);

	if (r == 0 && !visit_has_admin(v, v->owner_ns))
		r = -EACCES;
	if (r == -EACCES)
		return JOB_CONTINUE;
	return r;
}

static int arrive(struct job *job, struct mountlist *list)
{
	struct visit *v = &job->visit;
	/* What a path below /proc/sys/net leads to depends on who looks. */
	int r = setns(v->net_ns, CLONE_NEWNET) < 0 ? -errno : visit_enter_userns(v);

	if (r == 0)
		r = visit_enter_mounts(v);
	if (r == 0 && list)
		r = mountlist_read(v->host_proc, "self/mountinfo", list);
	return r < 0 ? r : visit_enter_root(v);
}

/**
 * transplant_bind() - mount(MS_BIND) without MS_REC of what has locked covers on it: with them
 */
int64_t transplant_bind(struct job *job)
{
	const struct mount_args *args = job->arg;
	struct visit_path from, to;
	autofd source = -1;
	autofd target = -1;
	int64_t r = go_there(job);
	int tree;

	if (r == 0)
		r = visit_look_up(&job->visit, args->source, &from);
	if (r == 0)
		r = visit_look_up(&job->visit, args->target, &to);
	if (r == 0)
		r = arrive(job, NULL);
	if (r != 0)
		return r;
	source = visit_resolve(&job->visit, &from);
	if (source < 0 || !concerns_us(job, source))
		return JOB_CONTINUE;
	tree = mnt_clone(source, "", false);
	/* Nothing locked is in the way. */
	if (tree >= 0 || tree != -EINVAL)
		return JOB_CONTINUE;
	tree = mnt_clone(source, "", true);
	if (tree < 0)
		return JOB_CONTINUE;
	target = visit_resolve(&job->visit, &to);
	return target < 0 ? target : helper_attach(job, tree, target);
}

/**
 * transplant_unmount() - umount(2) of a tree that has nothing but our covers on it
 *
 * With anything else on it the kernel says EBUSY, and without anything it needs no help.
 */
int64_t transplant_unmount(struct job *job)
{
	const struct mount_args *args = job->arg;
	struct mountlist list = { 0 };
	struct visit_path path;
	autofd target = -1;
	int64_t r = go_there(job);
	int id;

	if (r == 0)
		r = visit_look_up(&job->visit, args->target, &path);
	if (r == 0)
		r = arrive(job, &list);
	if (r != 0)
		return r;
	path.nofollow = args->nofollow;
	target = visit_resolve(&job->visit, &path);
	if (target < 0 || !concerns_us(job, target))
		return JOB_CONTINUE;
	id = sys_mount_id(target);
	if (id < 0 || !covers_any(&list, id) ||
	    !covers_only(job->request->notify->covers, &list, id))
		return JOB_CONTINUE;
	if (fchdir(target) < 0)
		return JOB_CONTINUE;
	/* What is no mount's root, or locked, the kernel refuses here as it would there. */
	return helper_detach(job, id);
}

/* Before 5.12: each of them by its path. */
static int restrict_each(const struct mountlist *list, int top)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct mountlist_entry *e = &list->entries[i];

		if (e->parent == top && e->id != top &&
		    mount(NULL, e->point, NULL,
			  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  NULL) < 0)
			return -errno;
	}
	return 0;
}

/*
 * Below /proc/sys/net a path leads to what the caller's network namespace has there: where that is
 * not the container's the covers cannot be reached by any. But they are in the list of mounts, and
 * who goes through it (bwrap --unshare-net) passes over what it is not let to, and stops for other
 * errors.
 */
static bool is_out_of_reach(const struct mountlist *list, const char *path)
{
#ifdef MUTANT_COVERS_STUMBLED
	return false;
#endif
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->entries[i].point, path) == 0)
			return true;
	return false;
}

/**
 * transplant_readonly() - a tree is about to be made read-only: what lies over it too
 *
 * The kernel does the tree itself. If this fails, so does the whole: who asked believes that
 * nothing can be written there.
 */
int64_t transplant_readonly(struct job *job)
{
	const struct mount_args *args = job->arg;
	struct mountlist list = { 0 };
	struct visit_path path;
	autofd target = -1;
	int64_t r = go_there(job);

	if (r == 0)
		r = visit_look_up(&job->visit, args->target, &path);
	if (r == 0 && args->dirfd >= 0 && *args->target != '/')
		r = visit_beneath(&job->visit, args->dirfd, &path);
	if (r == 0)
		r = arrive(job, &list);
	if (r != 0)
		return r;
	path.nofollow = args->nofollow;
	target = visit_resolve(&job->visit, &path);
	if (target == -ENOENT && is_out_of_reach(&list, args->target))
		return -EACCES;
	if (target < 0 || !concerns_us(job, target))
		return JOB_CONTINUE;
	r = sys_mount_setattr(target, true, MOUNT_ATTR_RDONLY, 0, -1);
	if (r == -ENOSYS)
		r = restrict_each(&list, sys_mount_id(target));
	if (r == -EINVAL && is_out_of_reach(&list, args->target))
		return -EACCES;
	return r < 0 && r != -EINVAL ? r : JOB_CONTINUE;
}
