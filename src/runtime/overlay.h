/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Overlay root file systems, rebuilt on ID-mapped layers: overlayfs itself has no ID-mapped mounts,
 * what lies below it mostly has.
 */
#include "runtime/workshop.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What an overlay mount says of itself in mountinfo. */
struct overlay_options {
	char *mount_point;
	char *subdir;	/* below the overlay's root, of a mount that shows a part only; "/" */
	uint64_t attrs; /* MOUNT_ATTR_* of the mount */
	bool readonly;	/* the file system itself */
	bool index;
	GPtrArray *lower; /* char *, topmost first; relative ones to the mounting process's cwd */
	guint n_data;	  /* so many of the last are data-only */
	char *upper;	  /* may be NULL; as given, perhaps with backslash escapes */
	char *work;
	GPtrArray *rest; /* char *, "key" or "key=value": to be given to the new one too */
};

/* One layer: an object of one of the mounts below. */
struct overlay_layer {
	int fd; /* O_PATH, through our own clone of the mount it lies on */
	bool data;
};

/* Our clone of what one mount of the host holds of the layers. */
struct overlay_mount {
	uint64_t id; /* the host's number of the mount */
	int tree_fd;
};

struct overlay {
	struct overlay_options options;
	GArray *lower;	  /* struct overlay_layer, topmost first */
	int upper_fd;	  /* O_PATH through a clone, or -1 */
	int work_parent;  /* the directory that gets our work directory, through the host's mount */
	GArray *mounts;	  /* struct overlay_mount */
	guint work_mount; /* which of them holds upper and work */
	char *work_dir;	  /* its path on the host */
	char *work_path;  /* of work_parent, below that mount's clone */
	char *subpath;	  /* of the root file system below the overlay's root; "" */
	int merged_fd;	  /* O_PATH: the root file system as the host has it mounted */
	char *merged;	  /* its path on the host, canonical */
};

bool overlay_parse(const char *mountinfo, uint64_t mount_id, struct overlay_options *ret,
		   GError **error);
void overlay_options_read(struct overlay_options *ret, const char *text);
void overlay_options_clear(struct overlay_options *o);
char *overlay_unescape(const char *path);

bool overlay_plan(int root_fd, const char *path, struct overlay **ret, GError **error);
int overlay_build(struct overlay *o, const struct workshop *shop, int userns_fd, uid_t uid,
		  gid_t gid, GError **error);
char *overlay_work_path(const struct overlay *o, uid_t uid);
void overlay_free(struct overlay *o);
