/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids that are not given as numbers: those of a container, of a user namespace, of a user.
 */
#include "config.h"
#include "mount.h"
#include "lib/claims.h"
#include "lib/fd.h"
#include "lib/rundir.h"
#include "lib/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct search {
	const char *name;
	struct claim claim;
	bool found;
};

static int compare_claim(const char *id, const struct claim *claim, void *arg)
{
	struct search *s = arg;

	if (strcmp(id, s->name) != 0)
		return 0;
	s->claim = *claim;
	s->found = true;
	return 0;
}

static bool is_running(int root, const char *name)
{
	autofd dir = rundir_enter(root, name);
	struct rundir_record record = { 0 };

	return dir >= 0 && rundir_read_record(dir, &record) == 0 && record.init.pid > 0 &&
	       proc_alive(&record.init);
}

static bool ids_of_container(struct mount_job *job, struct complaint *why)
{
	const char *path = job->options.state_root ?: RUNDIR_DEFAULT;
	struct search s = { .name = job->options.container };
	autofd root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!rundir_valid_id(s.name) || root < 0 || claim_each(root, compare_claim, &s) < 0 ||
	    !s.found || !is_running(root, s.name))
		return complain(why, MOUNT_FAILED,
				"idmap=container:%s: no such container is running (in \"%s\"); see "
				"`cloister list`",
				s.name, path);
	id_map_add(&job->maps.uids, s.claim.base, 0, s.claim.count);
	id_map_add(&job->maps.gids, s.claim.base, 0, s.claim.count);
	return true;
}

static bool ids_of_userns(struct mount_job *job, struct complaint *why)
{
	static char uids[USERNS_MAP_TEXT], gids[USERNS_MAP_TEXT];
	const char *path = job->options.userns;
	autofd proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd ns = open(path, O_RDONLY | O_CLOEXEC);
	int r = proc < 0 || ns < 0 ? -errno : userns_read_maps(proc, ns, uids, gids, sizeof(uids));

	if (r == -EINVAL)
		return complain(why, MOUNT_FAILED,
				"idmap=%s: not a user namespace other than this one", path);
	if (r < 0)
		return complain(why, MOUNT_FAILED, "idmap=%s: %s", path, strerror(-r));
	if (!options_map_text(uids, &job->maps.uids) || !options_map_text(gids, &job->maps.gids))
		return complain(why, MOUNT_FAILED, "idmap=%s: the namespace has no ids yet", path);
	return true;
}

/**
 * mount_resolve_ids() - fill in job->maps from the options
 */
bool mount_resolve_ids(struct mount_job *job, struct complaint *why)
{
	if (job->options.container)
		return ids_of_container(job, why);
	if (job->options.userns)
		return ids_of_userns(job, why);
	job->maps = job->options.maps;
	return true;
}
