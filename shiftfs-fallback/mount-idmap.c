/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's way: an ID-mapped mount, which needs nobody once it is there.
 */
#include "config.h"
#include "mount.h"
#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

/* As a user namespace has them: inside are the source's, outside those that are shown. */
static void map_text(const struct id_map *map, char *text, size_t size)
{
	int len = 0;

	for (size_t i = 0; i < map->n; i++)
		len += snprintf(text + len, size - len, "%u %u %u\n", map->range[i].outside,
				map->range[i].inside, map->range[i].count);
}

static int make_userns(const struct id_maps *maps)
{
	static char uids[USERNS_MAP_TEXT], gids[USERNS_MAP_TEXT];
	autofd proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0)
		return -errno;
	map_text(&maps->uids, uids, sizeof(uids));
	map_text(&maps->gids, gids, sizeof(gids));
	return userns_make(proc, uids, gids);
}

static int open_userns(const struct mount_job *job)
{
	int fd;

	if (!job->options.userns)
		return make_userns(&job->maps);
	fd = open(job->options.userns, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* What only the server can do. */
static const char *needs_server(const struct mount_options *o)
{
	if (o->as)
		return "as=: the rights of a user";
	if (o->n_hide)
		return "hide=: names are hidden";
	return o->fallback == FALLBACK_ALWAYS ? "fallback=always, or the type fuse.shiftfs" : NULL;
}

static int try(struct mount_job *job, int clone)
{
	autofd userns = open_userns(job);
	struct statfs fs = { 0 };
	int r = userns;

	if (r < 0) {
		snprintf(job->reason, sizeof(job->reason),
			 "no user namespace can be made with these ids: %s", strerror(-r));
		return r;
	}
	r = mnt_idmap(clone, false, userns);
	if (r == -ENOSYS)
		snprintf(job->reason, sizeof(job->reason),
			 "this kernel has no ID-mapped mounts (Linux 5.12)");
	else if (r < 0 && fstatfs(job->source_fd, &fs) == 0)
		snprintf(job->reason, sizeof(job->reason),
			 "the source's file system (type 0x%lx) cannot be ID-mapped: %s",
			 (unsigned long)fs.f_type, strerror(-r));
	return r;
}

/**
 * mount_idmapped() - a detached ID-mapped mount of the source
 *
 * Return: its descriptor; -1 if it cannot be done that way, with the reason in the job; with
 * fallback=never that is a complaint.
 */
int mount_idmapped(struct mount_job *job, struct complaint *why)
{
	const char *reason = needs_server(&job->options);
	autofd clone = -1;
	int r;

	if (reason) {
		snprintf(job->reason, sizeof(job->reason), "%s", reason);
		return -1;
	}
	clone = mnt_clone(job->source_fd, "", false);
	r = clone < 0 ? clone : try(job, clone);
	if (r == 0)
		r = mnt_make_private_fd(clone);
	if (r == 0)
		r = mnt_restrict(clone, false, mount_attributes(&job->options));
	if (r == 0)
		return fd_steal(&clone);
	if (!*job->reason)
		snprintf(job->reason, sizeof(job->reason), "no ID-mapped mount of it: %s",
			 strerror(-r));
	if (job->options.fallback == FALLBACK_NEVER)
		complain(why, MOUNT_FAILED, "%s: %s; fallback=never", job->source, job->reason);
	return -1;
}
