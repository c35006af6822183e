/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a container with a root file system on overlay leaves outside of itself, and taking it back:
 * the mirror (a FUSE view of its overlay, on top of the engine's mount) and its work directory.
 */
#include "lib/proc.h"

#include <limits.h>
#include <stdint.h>

struct mirror_record {
	struct proc_id server;
	uint64_t mount_id;   /* in the mount namespace of the launcher; 0: no mirror */
	uint64_t dev;	     /* of the FUSE file system */
	char path[PATH_MAX]; /* the engine's mount point */
	char work[PATH_MAX]; /* "" if there is none */
};

/* Of the work directory, followed by the first host id of the container's range. */
#define MIRROR_WORK ".cloister-work-"

int mirror_save(int dir_fd, const struct mirror_record *record);
int mirror_identify(int mount_fd, struct mirror_record *record);
int mirror_stop(int dir_fd);
void mirror_remove_work(int parent_fd, const char *name);
