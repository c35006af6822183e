/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending a container and everything that belongs to it, from whatever state it is in: the one
 * path for a normal end, `delete --force`, and the clean-up of what somebody killed.
 */
#include "config.h"
#include "lib/reap.h"

#include "lib/fd.h"
#include "lib/proc.h"
#include "lib/program.h"
#include "lib/sysctl-host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/**
 * reap_helper_hierarchies() - the hierarchies in which helpers get a cgroup of their own
 *
 * v2 (to kill them all at once) and the memory controller (their limit). @ret borrows from @all.
 */
void reap_helper_hierarchies(const struct cgroups *all, struct cgroups *ret)
{
	ret->n = 0;
	for (int i = 0; i < all->n; i++) {
		if (!all->h[i].v2 && !strstr(all->h[i].controllers, "memory"))
			continue;
		ret->h[ret->n] = all->h[i];
		ret->h[ret->n++].dir_fd = -1;
	}
}

/**
 * reap_close_helpers() - close what cgroup_create() or cgroup_open() opened for @helpers
 */
void reap_close_helpers(struct cgroups *helpers)
{
	for (int i = 0; i < helpers->n; i++)
		if (helpers->h[i].dir_fd >= 0)
			fd_close(helpers->h[i].dir_fd);
	helpers->n = 0;
}

static int remove_cgroup(struct cgroups *cg, const char *path)
{
	int r = path[0] ? cgroup_open(cg, path) : 0;

	if (!path[0] || r < 0)
		return r;
	cgroup_kill(cg, SIGKILL);
	return cgroup_remove_killed(cg, path);
}

/*
 * Whoever made the container was killed before it had looked whether the cgroup is somebody else's:
 * what is in it is not ours to kill.
 */
static int remove_doubtful(struct cgroups *cg, const char *path)
{
	if (path[0] && cgroup_open(cg, path) >= 0 && cgroup_populated(cg) == 0)
		cgroup_remove(cg, path);
	return 0;
}

/*
 * Return: -EBUSY if a process of the container cannot be ended now: one in an uninterruptible
 * sleep, on a disk or file system that does not answer.
 */
static int remove_cgroups(const struct rundir_record *record)
{
	struct cgroups cg = { 0 }, helpers = { 0 };
	int r = cgroup_detect(&cg);

	if (r < 0)
		return r;
	reap_helper_hierarchies(&cg, &helpers);
#ifndef MUTANT_HELPERS_LEFT
	remove_cgroup(&helpers, record->helpers_cgroup);
#endif
	r = record->cgroup_own ? remove_cgroup(&cg, record->cgroup)
			       : remove_doubtful(&cg, record->cgroup);
	reap_close_helpers(&helpers);
	cgroup_free(&cg);
	return r;
}

/**
 * reap_scope() - have systemd let go of the container's scope, if it had one; its cgroup is gone
 *
 * systemd would notice by itself that the cgroup got empty, but not where the cgroup is removed
 * before the kernel's news of that is on its way: the news is then dropped, and the unit stays.
 */
void reap_scope(const struct rundir_record *record)
{
	const char *const args[] = { "stop", record->scope, NULL };

	if (record->scope[0] && record->cgroup_own)
		program_run("cloister-systemd", args);
}

/**
 * reap_container() - kill what is left of container @id and remove every trace of it
 *
 * Caller holds rundir_lock(): all this goes by names, which somebody else may free and take again.
 * Must not be called by one of the container's own helpers: they are killed too.
 * Idempotent.
 *
 * Return: 0; -EBUSY if one of its processes would not die: its record and its ids are kept then, so
 * that nobody gets them and a later call can finish; or -errno of the first thing that could not be
 * removed.
 */
int reap_container(int root_fd, const char *id)
{
	struct rundir_record record = { 0 };
	autofd dir = rundir_enter(root_fd, id);
	int r = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (!rundir_is_ours(dir))
		return 0;
	if (rundir_read_record(dir, &record) == 0) {
		proc_kill(&record.init, SIGKILL);
		r = remove_cgroups(&record);
		reap_scope(&record);
		sysctl_host_end(root_fd, &record.init);
	}
	return r == -EBUSY ? r : rundir_remove(root_fd, id);
}

static int sweep_one(const char *id, void *arg)
{
	int root_fd = *(int *)arg;
	struct rundir_record record;
	autofd dir = rundir_enter(root_fd, id);

	if (dir < 0 || !rundir_orphaned(dir))
		return 0;
	if (rundir_read_record(dir, &record) == 0) {
		bool bound = record.launcher.pid != 0; /* ends with its launcher, which is dead */

		if (!bound && (proc_alive(&record.init) || !record.auto_remove))
			return 0;
	}
	reap_container(root_fd, id);
	return 0;
}

/**
 * reap_sweep() - clean up after containers that died with all their helpers.
 * Caller holds rundir_lock(). Costs three system calls per living container.
 */
int reap_sweep(int root_fd)
{
	int r = rundir_each(root_fd, sweep_one, &root_fd);

	sysctl_host_sweep(root_fd);
	return r;
}
