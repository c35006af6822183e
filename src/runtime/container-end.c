/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a container: what is left of it is killed, and every trace removed. What the launcher
 * cannot remove any more the warden does, and the next command (lib/reap.c).
 */
#include "config.h"
#include "runtime/container.h"

#include "lib/fd.h"
#include "lib/reap.h"
#include "lib/sys.h"
#include "lib/sysctl-host.h"

#include <errno.h>
#include <signal.h>

/* How long the helpers may take to end before their cgroup is tried to be removed. */
#define HELPERS_END_MS 1000

static void end_helpers(struct container *c)
{
	autofd lock = rundir_lock(c->root_fd);

	cgroup_kill(&c->helpers, SIGKILL);
	if (rundir_is(c->root_fd, c->id, c->dir_fd))
		reap_helpers(c->root_fd, c->id, &c->helpers, c->record.helpers_cgroup);
	else
		cgroup_remove_killed(&c->helpers, c->record.helpers_cgroup);
}

/* The helpers are told to die first, so that they are gone when their cgroup is removed. */
static void remove_traces(struct container *c)
{
	/* Whoever deleted the container by name meanwhile may have made room for another of that
	 * name. */
	bool ours = rundir_is(c->root_fd, c->id, c->dir_fd);
	struct cgroup_dying dying = { .n = 0 };
	int left = 0;

	if (c->helpers.n > 0)
		cgroup_kill_start(&c->helpers, &dying);
	if (ours && c->has_cgroup && cgroup_remove(&c->cgroups, c->record.cgroup) < 0) {
		cgroup_kill(&c->cgroups, SIGKILL);
		left = cgroup_remove_killed(&c->cgroups, c->record.cgroup);
	}
	if (ours)
		reap_scope(&c->record);
	sysctl_host_end(c->root_fd, &c->record.init);
	cgroup_wait_dying(&dying, HELPERS_END_MS);
	if (c->helpers.n > 0 && cgroup_remove(&c->helpers, c->record.helpers_cgroup) < 0)
		end_helpers(c);
	/* One that cannot die now has our ids: `delete` finishes it. */
	if (left != -EBUSY) {
		autofd lock = rundir_lock(c->root_fd);

		if (rundir_is(c->root_fd, c->id, c->dir_fd))
			rundir_remove(c->root_fd, c->id);
	}
}

/**
 * container_end() - kill what is left of the container and remove every trace. Idempotent.
 */
void container_end(struct container *c)
{
	if (c->pidfd >= 0 && !c->reaped) {
		sys_pidfd_send_signal(c->pidfd, SIGKILL);
		container_reap(c);
	}
	scope_release(&c->scope);
	if (c->dir_fd >= 0)
		remove_traces(c);
	container_close(c);
}

/**
 * container_close() - free what this process holds of the container
 */
void container_close(struct container *c)
{
	int *fds[] = { &c->dir_fd,  &c->alive_fd,    &c->pidfd,	   &c->sync,	&c->warden,
		       &c->console, &c->workshop_ns, &c->start_fd, &c->null_fd, &c->pids_fd };

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		if (*fds[i] >= 0)
			fd_close(*fds[i]);
		*fds[i] = -1;
	}
	reap_close_helpers(&c->helpers);
	cgroup_free(&c->cgroups);
	plan_clear(&c->plan);
	nsjoin_close(&c->join);
	scope_clear(&c->scope);
	g_clear_pointer(&c->state_inside, g_free);
	g_clear_pointer(&c->policy_events, g_strfreev);
	seccomp_clear(&c->seccomp);
	lsm_clear(&c->lsm);
}
