/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container that a command is about: its record and its cgroups.
 */
#include "config.h"
#include "launcher/target.h"

#include "launcher/launcher.h"
#include "lib/fd.h"
#include "lib/proc.h"
#include "lib/reap.h"
#include "runtime/error.h"

#include <unistd.h>

/**
 * target_open() - find container @id, after cleaning up behind those that died with their helpers
 *
 * Give back with target_close(), whatever the result.
 */
bool target_open(const char *id, struct target *t, GError **error)
{
	int r;

	*t = (struct target){ .root_fd = -1, .dir_fd = -1 };
	t->root_fd = launcher_open_root(error);
	if (t->root_fd < 0)
		return false;
	{
		autofd lock = rundir_lock(t->root_fd);

		reap_sweep(t->root_fd);
	}
	t->dir_fd = rundir_enter(t->root_fd, id);
	if (t->dir_fd < 0 || rundir_read_record(t->dir_fd, &t->record) < 0)
		return error_set(error,
				 "container \"%s\" does not exist; `cloister list` shows those "
				 "that do",
				 id);
	r = cgroup_detect(&t->cgroups);
	if (r == 0)
		r = cgroup_open(&t->cgroups, t->record.cgroup);
	return r == 0 || error_set_errno(error, r, "open the cgroups of \"%s\"", id);
}

/**
 * target_open_running() - the same for a container that has a first process
 */
bool target_open_running(const char *id, struct target *t, GError **error)
{
	if (!target_open(id, t, error))
		return false;
	return proc_alive(&t->record.init) ||
	       error_set(error, "container not running: \"%s\"", id);
}

void target_close(struct target *t)
{
	if (t->dir_fd >= 0)
		fd_close(t->dir_fd);
	if (t->root_fd >= 0)
		fd_close(t->root_fd);
	cgroup_free(&t->cgroups);
}
