/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted at the target already: is it what we are asked for? (`mount -a` recognises file
 * systems by what mountinfo has as their source; of an ID-mapped mount that is a device.) And
 * changing it: mount -o remount.
 */
#include "config.h"
#include "mount.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

struct there {
	bool fuse; /* fuse.shiftfs */
	bool idmapped;
	char source[PATH_MAX];
};

/* \ooo as in mountinfo */
static void decode(char *s)
{
	char *to = s;

	while (*s) {
		unsigned int c;

		if (sscanf(s, "\\%3o", &c) == 1) {
			*to++ = c;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* "ID PARENT DEV ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER" */
static void read_line(char *line, struct there *t)
{
	char options[4096] = "", type[64] = "", *tail = strstr(line, " - ");

	sscanf(line, "%*s %*s %*s %*s %*s %4095s", options);
	if (tail)
		sscanf(tail, " - %63s %4095s", type, t->source);
	decode(t->source);
	t->idmapped = strstr(options, "idmapped");
	t->fuse = strcmp(type, "fuse.shiftfs") == 0;
}

/* Return: whether @fd is the root of a mount; then *@t says of which. */
static bool look(int fd, struct there *t)
{
	struct statx stx;
	char *line = NULL;
	size_t size = 0;
	bool found = false;
	FILE *f;

	*t = (struct there){ 0 };
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0 ||
	    !(stx.stx_mask & STATX_MNT_ID) || !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	f = fopen("/proc/self/mountinfo", "re");
	while (f && !found && getline(&line, &size, f) > 0)
		found = strtoull(line, NULL, 10) == stx.stx_mnt_id;
	if (found)
		read_line(line, t);
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* The owners of the top directory tell maps apart as well as a look can. */
static bool same_ids(const struct mount_job *job)
{
	struct stat st;
	const struct stat *src = &job->source_stat;

	if (!job->maps.uids.n)
		return true;
	return fstatat(job->target_fd, "", &st, AT_EMPTY_PATH) == 0 &&
	       (id_map_inside(&job->maps.uids, src->st_uid) == st.st_uid || st.st_uid == 65534) &&
	       (id_map_inside(&job->maps.gids, src->st_gid) == st.st_gid || st.st_gid == 65534);
}

static bool shows_source(const struct mount_job *job, const struct there *t)
{
	struct stat st;

	if (t->fuse)
		return strcmp(t->source, job->source) == 0;
	return t->idmapped && fstatat(job->target_fd, "", &st, AT_EMPTY_PATH) == 0 &&
	       st.st_dev == job->source_stat.st_dev && st.st_ino == job->source_stat.st_ino;
}

/**
 * mount_what_is_there() - whether the target shows the source already, with these ids or others
 */
enum mount_there mount_what_is_there(const struct mount_job *job)
{
	struct there t;

	if (!look(job->target_fd, &t) || (!t.fuse && !t.idmapped))
		return THERE_NOTHING;
	if (shows_source(job, &t))
		return same_ids(job) ? THERE_SAME : THERE_OTHER;
	return t.fuse ? THERE_OTHER : THERE_NOTHING;
}

/* As with mount(2), a remount gives all flags anew; mount(8) has looked up those that stay. */
#define CHANGEABLE                                                                                 \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |            \
	 MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

/* Before 5.12. */
static int change_old(int fd, uint64_t set)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} map[] = {
		{ MOUNT_ATTR_RDONLY, MS_RDONLY },
		{ MOUNT_ATTR_NOSUID, MS_NOSUID },
		{ MOUNT_ATTR_NODEV, MS_NODEV },
		{ MOUNT_ATTR_NOEXEC, MS_NOEXEC },
		{ MOUNT_ATTR_NOATIME, MS_NOATIME },
		{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
		{ MOUNT_ATTR_STRICTATIME, MS_STRICTATIME },
	};
	unsigned long flags = MS_REMOUNT | MS_BIND;
	char name[64];

	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++)
		if (set & map[i].attr)
			flags |= map[i].flag;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return mount(NULL, name, NULL, flags, NULL) < 0 ? -errno : 0;
}

/**
 * mount_change() - mount -o remount: read-only or not, and the other flags
 *
 * Whose ids are shown is fixed when a mount is made.
 */
bool mount_change(struct mount_job *job, struct complaint *why)
{
	uint64_t set = mount_attributes(&job->options), clear = CHANGEABLE & ~set;
	struct there t;
	int r;

	if (!look(job->target_fd, &t) || (!t.fuse && !t.idmapped))
		return complain(why, MOUNT_FAILED, "%s: not mounted by shiftfs", job->target);
	if (job->source_fd >= 0 && shows_source(job, &t) && !same_ids(job))
		return complain(why, MOUNT_FAILED,
				"%s: the ids of a mount cannot be changed; unmount it first",
				job->target);
	if (job->fake)
		return true;
	r = sys_mount_setattr(job->target_fd, false, set, clear, -1);
	if (r == -ENOSYS)
		r = change_old(job->target_fd, set);
	return r == 0 ||
	       complain(why, MOUNT_FAILED, "%s: change the mount: %s", job->target, strerror(-r));
}
