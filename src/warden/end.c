/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's end, as the warden brings it about or finds it: what is removed, and by whom.
 *
 * What goes by a name (its cgroups, its directory) is touched under the lock of the state root
 * only, and only while the name is still that of our container.
 */
#include "config.h"
#include "warden/warden.h"

#include "lib/fd.h"
#include "lib/reap.h"
#include "lib/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* @named: the name is that of our container, and nobody else takes it */
static void leave_helpers_cgroup(const struct warden *w, struct cgroups *all, bool named)
{
	const char *path = w->hello.record.helpers_cgroup;
	struct cgroups helpers = { 0 };

	reap_helper_hierarchies(all, &helpers);
	for (int i = 0; i < helpers.n; i++)
		fd_write_file_at(helpers.h[i].mount_fd, helpers.h[i].v2 ? "cgroup.procs" : "tasks",
				 "0");
	if (cgroup_open(&helpers, path) < 0)
		return;
	if (named)
		reap_helpers(w->root_fd, w->hello.id, &helpers, path);
	else
		cgroup_remove_killed(&helpers, path);
}

/* By name, so under the lock, and only while the name is still that of our container. */
static bool open_cgroups(const struct warden *w, struct cgroups *cg)
{
	autofd lock = rundir_lock(w->root_fd);

	return rundir_is(w->root_fd, w->hello.id, w->dir_fd) &&
	       cgroup_open(cg, w->hello.record.cgroup) >= 0;
}

static void remove_container(const struct warden *w, struct cgroups *cg)
{
	autofd lock = -1;

	/* One that cannot die now has our ids: `delete` finishes it. Nobody waits for that here. */
	if (open_cgroups(w, cg) && cgroup_kill(cg, SIGKILL) == -EBUSY)
		return;
	lock = rundir_lock(w->root_fd);
	if (!rundir_is(w->root_fd, w->hello.id, w->dir_fd) ||
	    cgroup_remove_killed(cg, w->hello.record.cgroup) == -EBUSY)
		return;
	leave_helpers_cgroup(w, cg, true);
	reap_scope(&w->hello.record);
	rundir_remove(w->root_fd, w->hello.id);
}

/**
 * warden_end() - the container has ended
 * @all: nobody else removes it. Else only the helpers go, and their cgroup.
 *
 * The helpers go one by one, not with their cgroup: we are in it.
 */
void warden_end(struct warden *w, bool all)
{
	struct cgroups cg = { 0 };

	if (w->other_pidfd >= 0)
		sys_pidfd_send_signal(w->other_pidfd, SIGKILL);
	proc_kill(&w->shared->server, SIGKILL);
	notify_end(&w->notify);
	/* What is kept for `state` and `delete`; unless it never came to be. */
	if (all && !w->hello.record.auto_remove && w->shared->detached)
		exit(0);
	if (cgroup_detect(&cg) < 0)
		exit(1);
	if (all)
		remove_container(w, &cg);
	leave_helpers_cgroup(w, &cg, false);
	exit(0);
}

/**
 * warden_kill_container() - kill PID 1, and with it all of the container
 *
 * By its cgroups too: in a v1 freezer, where the container can put it itself, PID 1 does not even
 * take SIGKILL.
 */
void warden_kill_container(struct warden *w)
{
	struct cgroups cg = { 0 };

	sys_pidfd_send_signal(w->init_pidfd, SIGKILL);
	if (cgroup_detect(&cg) < 0)
		return;
	if (open_cgroups(w, &cg))
		cgroup_kill(&cg, SIGKILL);
	cgroup_free(&cg);
}
