/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What lies over procfs and sysfs in a container, as its workshop has it.
 */
#include "warden/mountlist.h"

#include <stdbool.h>
#include <stdint.h>

/* The parts of the workshop that covers are taken from. */
#define COVERS_SOURCES 3

struct covers {
	struct mountlist shop;
	const struct mountlist_entry *sources[COVERS_SOURCES]; /* or NULL */
	int shop_root;					       /* a descriptor of its "/" */
	_Atomic int stock;		   /* see covers_open_stock(); -1: not opened yet */
	_Atomic int pattern;		   /* see pattern.c; -1: not made yet, -2: it cannot be */
	uint64_t pattern_pid, pattern_net; /* inodes of the namespaces that it is for */
};

int covers_learn(struct covers *c, int host_proc);
int covers_open_stock(struct covers *c, int host_proc, int shop_ns);
const struct mountlist_entry *covers_part(const struct covers *c, const char *part);
const char *covers_below(const struct mountlist_entry *e, const char *part);
bool covers_is_own_part(const struct mountlist_entry *e, const struct mountlist_entry *part);
int covers_lay(const struct covers *c, const char *part, const char *where, const char *bare,
	       bool readonly);
int covers_lay_one(const struct covers *c, const char *part, const char *where, const char *bare);
bool covers_only(const struct covers *c, const struct mountlist *list, int top);
bool covers_concern(const struct covers *c, int fd);
bool covers_any(const struct mountlist *list, int top);
bool covers_visible(const struct covers *c, const struct mountlist *list, const char *type,
		    bool *readonly);
