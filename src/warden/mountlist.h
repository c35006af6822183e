/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What /proc/PID/mountinfo says.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mountlist_entry {
	int id, parent;
	int up; /* index of the parent, -1 if it is not in the list */
	dev_t dev;
	const char *root, *point, *type;
	const char *options; /* of the file system, not of the mount */
	bool readonly;
};

struct mountlist {
	struct mountlist_entry *entries;
	size_t n;
	char *text;
	size_t text_size, entries_size;
};

int mountlist_read(int proc_fd, const char *path, struct mountlist *ret);
int mountlist_has(int proc_fd, const char *path, const int *ids, bool *found, size_t n);
void mountlist_sort(struct mountlist *list);
void mountlist_free(struct mountlist *list);
const struct mountlist_entry *mountlist_up(const struct mountlist *list,
					   const struct mountlist_entry *e);
const struct mountlist_entry *mountlist_by_id(const struct mountlist *list, int id);
