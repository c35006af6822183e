/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending a container and everything that belongs to it, from whatever state it is in: the one
 * path for a normal end, `delete --force`, and the clean-up of what somebody killed.
 */
#include "config.h"
#include "lib/reap.h"

#include "lib/claims.h"
#include "lib/fd.h"
#include "lib/fuseconn.h"
#include "lib/proc.h"
#include "lib/program.h"
#include "lib/sysctl-host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* `delete` holds the lock for one try at a time; all tries together take seven seconds. */
#define TRY_MS	    100 /* to kill, and as much again to remove */
#define PAUSE_MS    20	/* between two tries */
#define TRIES	    32
#define STUCK_TRIES 3 /* after so many what the processes may wait for is aborted */
/* Whoever sweeps has the lock anyway, and wants to go on. */
#define SWEEP_MS 1000
#define STUCK	 "stuck" /* in the container's directory: a sweep could not end it */

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

static void abort_connections(int root_fd, const char *id)
{
	struct claim claim;

	if (claim_find(root_fd, id, &claim) == 0)
		fuseconn_abort_ids(claim.base, claim.count);
}

/**
 * reap_helpers() - remove the cgroup @path of helpers that have been killed
 * @id: the container, whose name must be its own still
 *
 * One that looked at the container's memory, or took a file of it, may wait for a FUSE server of
 * the container's, or of another one to which that gave the connection.
 */
int reap_helpers(int root_fd, const char *id, const struct cgroups *helpers, const char *path)
{
	int r = cgroup_remove(helpers, path);

	if (r != -EBUSY)
		return r;
	abort_connections(root_fd, id);
	return cgroup_remove_killed(helpers, path);
}

/* How long one try may take, while others wait for the lock; and how hard it is tried. */
struct patience {
	unsigned int ms;
	bool stuck; /* it has been tried before: abort what the processes may wait for */
};

static int remove_cgroup(struct cgroups *cg, const char *path, const struct patience *p)
{
	int r = path[0] ? cgroup_open(cg, path) : 0;

	if (!path[0] || r < 0)
		return r;
	cgroup_kill_try(cg, p->ms, p->stuck);
	return cgroup_remove_try(cg, path, p->ms);
}

static int remove_helpers(int root_fd, const char *id, struct cgroups *helpers, const char *path,
			  const struct patience *p)
{
	int r = remove_cgroup(helpers, path, p);

	if (r != -EBUSY)
		return r;
	abort_connections(root_fd, id);
	return cgroup_remove_try(helpers, path, p->ms);
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
 * Return: -EBUSY if a process of the container, or a helper, cannot be ended now: one in an
 * uninterruptible sleep, on a disk or file system that does not answer.
 */
static int remove_cgroups(int root_fd, const char *id, const struct rundir_record *record,
			  const struct patience *p)
{
	struct cgroups cg = { 0 }, helpers = { 0 };
	int r = cgroup_detect(&cg), stuck = 0;

	if (r < 0)
		return r;
	reap_helper_hierarchies(&cg, &helpers);
#ifndef MUTANT_HELPERS_LEFT
	stuck = remove_helpers(root_fd, id, &helpers, record->helpers_cgroup, p);
#endif
	r = record->cgroup_own ? remove_cgroup(&cg, record->cgroup, p)
			       : remove_doubtful(&cg, record->cgroup);
	reap_close_helpers(&helpers);
	cgroup_free(&cg);
	return stuck == -EBUSY ? stuck : r;
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

/* Caller holds the lock: all this goes by names, which somebody else may free and take again. */
static int reap_once(int root_fd, const char *id, int dir, const struct patience *p)
{
	struct rundir_record record = { 0 };
	int r = 0;

	if (!rundir_is_ours(dir))
		return 0;
	if (rundir_read_record(dir, &record) == 0) {
		proc_kill(&record.init, SIGKILL);
		r = remove_cgroups(root_fd, id, &record, p);
		if (r != -EBUSY)
			reap_scope(&record);
		sysctl_host_end(root_fd, &record.init);
	}
	return r == -EBUSY ? r : rundir_remove(root_fd, id);
}

/**
 * reap_container() - kill what is left of container @id and remove every trace of it
 *
 * Takes rundir_lock(), again and again if it has to wait: one process that cannot die must not stop
 * all other commands on this machine.
 * Must not be called by one of the container's own helpers: they are killed too.
 * Idempotent.
 *
 * Return: 0; -EBUSY if one of its processes would not die: its record and its ids are kept then, so
 * that nobody gets them and a later call can finish; or -errno of the first thing that could not be
 * removed.
 */
int reap_container(int root_fd, const char *id)
{
	autofd dir = rundir_enter(root_fd, id);
	int r = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	for (int i = 0; i < TRIES; i++) {
		const struct patience p = { .ms = TRY_MS, .stuck = i >= STUCK_TRIES };

		if (i > 0)
			usleep(PAUSE_MS * 1000);
		{
			autofd lock = rundir_lock(root_fd);

			if (lock < 0)
				return lock;
			/* Somebody else did it, and the name may be another's by now. */
			if (!rundir_is(root_fd, id, dir))
				return 0;
			r = reap_once(root_fd, id, dir, &p);
		}
		if (r != -EBUSY)
			break;
	}
	return r;
}

/* So that the next sweep, by the next command, does not wait for the same processes again. */
static void mark_stuck(int dir)
{
	int fd = openat(dir, STUCK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

static int sweep_one(const char *id, void *arg)
{
	int root_fd = *(int *)arg;
	struct rundir_record record;
	struct patience p;
	autofd dir = rundir_enter(root_fd, id);

	if (dir < 0 || !rundir_orphaned(dir))
		return 0;
	if (rundir_read_record(dir, &record) == 0) {
		bool bound = record.launcher.pid != 0; /* ends with its launcher, which is dead */

		if (!bound && (proc_alive(&record.init) || !record.auto_remove))
			return 0;
	}
	p.stuck = faccessat(dir, STUCK, F_OK, 0) == 0;
	p.ms = p.stuck ? 0 : SWEEP_MS;
	if (reap_once(root_fd, id, dir, &p) == -EBUSY && !p.stuck)
		mark_stuck(dir);
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
