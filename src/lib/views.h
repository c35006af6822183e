/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The table of emulated files: what cloister-fs serves, and what the runtime lays over /proc and
 * /sys. Both sides read this one table. Paths begin with "proc/" or "sys/", as in the server's
 * tree.
 */
#include <stdint.h>
#include <sys/types.h>

enum view_kind {
	VIEW_RENDERED,	/* a provider renders it at each open */
	VIEW_DIRECTORY, /* covered as a whole: what is in it is the server's (fusefs/dirs.h) */
};

struct view {
	const char *path; /* "proc/uptime" */
	mode_t mode;	  /* 0444, 0644 */
	enum view_kind kind;
	const char *source; /* what it is derived from, for `cloister status` and the man page */
};

extern const struct view views[];
extern const int views_count;

/*
 * A directory of the server's tree in which lies, under one name, all that is laid over the
 * kernel's: a start learns all of it with one request. It is not listed.
 */
#define VIEW_COVERS    "covers"
#define VIEW_COVER_MAX 128

void view_cover_name(const char *path, char name[VIEW_COVER_MAX]);
