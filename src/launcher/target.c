/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container that a command is about: its record and its cgroups.
 */
#include "config.h"
#include "launcher/target.h"

#include "lib/proc.h"
#include "runtime/error.h"

/**
 * target_open() - find container @id and open its cgroups
 *
 * Give back with target_close(), whatever the result.
 */
bool target_open(const char *id, struct target *t, GError **error)
{
	int r;

	t->cgroups = (struct cgroups){ 0 };
	if (!known_open(&t->known, id, false, error))
		return false;
	r = cgroup_detect(&t->cgroups);
	if (r == 0)
		r = cgroup_open(&t->cgroups, t->known.record.cgroup);
	return r == 0 || error_set_errno(error, r, "open the cgroups of \"%s\"", id);
}

/**
 * target_open_running() - the same for a container that has a first process
 */
bool target_open_running(const char *id, struct target *t, GError **error)
{
	if (!target_open(id, t, error))
		return false;
	return proc_alive(&t->known.record.init) ||
	       error_set(error, "container not running: \"%s\"", id);
}

/**
 * target_close() - the end of target_open() and target_open_running()
 */
void target_close(struct target *t)
{
	known_close(&t->known);
	cgroup_free(&t->cgroups);
}
