/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The host's mounts, and objects of the host with what says which they are, whatever their names.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mounttab_entry {
	uint64_t id, parent;
	dev_t dev;   /* of the file system */
	char *root;  /* what of the file system it shows */
	char *point; /* where */
	char *fstype;
};

struct mounttab {
	int fd;	    /* /proc/self/mountinfo, as it was opened */
	char *text; /* all of it */
	GArray *entries;
};

/* An object that a path led to. */
struct object {
	int fd; /* O_PATH; borrowed */
	dev_t dev;
	ino_t ino;
	mode_t mode;
	uint64_t links;
	uint64_t mount_id;
	char *path;			    /* canonical, as we see it */
	const struct mounttab_entry *mount; /* NULL: it lies on none that we see */
	char *fspath;			    /* its path in its file system; NULL with mount */
};

bool mounttab_open(struct mounttab *tab);
bool mounttab_read(struct mounttab *tab);
bool mounttab_changed(const struct mounttab *tab);
void mounttab_close(struct mounttab *tab);
void mounttab_below(const struct mounttab *tab, const struct object *top, GPtrArray *ret);

int object_open(const struct mounttab *tab, int fd, struct object *ret);
int object_at(const struct mounttab *tab, int dirfd, const char *path, struct object *ret);
void object_clear(struct object *o);
bool path_is_below(const char *path, const char *top, const char **rest);
