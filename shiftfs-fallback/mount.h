/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mount.shiftfs: one mount, from its options to its place.
 */
#include "options.h"

#include <sys/stat.h>

struct mount_job {
	const char *source, *target;
	struct mount_options options;
	bool fake, verbose, sloppy;

	int source_fd, target_fd; /* O_PATH */
	struct stat source_stat;
	struct id_maps maps; /* as resolved */
	int server_fd;	     /* the server's program, O_PATH; -1: not installed */
	int home_ns;	     /* with -N: the mount namespace that we came from */
	char reason[160];    /* why it is FUSE */
};

uint64_t mount_attributes(const struct mount_options *o);

/* mount-ids.c */
bool mount_resolve_ids(struct mount_job *job, struct complaint *why);

/* mount-idmap.c */
int mount_idmapped(struct mount_job *job, struct complaint *why);

/* mount-fuse.c */
bool mount_fuse(struct mount_job *job, int *mount_fd, struct complaint *why);

/* mount-there.c */
enum mount_there { THERE_NOTHING, THERE_SAME, THERE_OTHER };
enum mount_there mount_what_is_there(const struct mount_job *job);
bool mount_change(struct mount_job *job, struct complaint *why);
