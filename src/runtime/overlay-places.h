/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The directories of the host that an overlay is made of.
 */
#include "runtime/overlay.h"

/* A directory of the host that a name led to. */
struct overlay_place {
	int fd; /* O_PATH */
	uint64_t mount_id;
	dev_t dev;
	ino_t ino;
	char *path; /* canonical */
};

struct overlay_places {
	GArray *lower; /* struct overlay_place */
	struct overlay_place upper, work, work_parent;
};

#define OVERLAY_NOWHERE ((struct overlay_place){ .fd = -1 })

char *overlay_path_of(int fd);
bool overlay_places_find(struct overlay *o, const char *mountinfo, int overlay_root,
			 struct overlay_places *p, GError **error);
void overlay_places_clear(struct overlay_places *p);
