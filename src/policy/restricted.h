/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of the host no container may mount, recognised whatever name or mount leads to it.
 */
#include "policy/mounttab.h"
#include "policy/settings.h"

#include <glib.h>
#include <stdbool.h>

enum restricted_flags {
	/* What counts is that nobody changes it: a parent may be mounted read-only … */
	RESTRICTED_PARENT_RO = 1 << 0,
	/* … and it, too. */
	RESTRICTED_SELF_RO = 1 << 1,
	/* What is below it is not restricted. */
	RESTRICTED_NOT_BELOW = 1 << 2,
	/* The state of an engine: some of it the engine itself gives to its containers. */
	RESTRICTED_ENGINE = 1 << 3,
	/* The socket of an engine. */
	RESTRICTED_SOCKET = 1 << 4,
	/* Configuration: may have hard links elsewhere, and is small enough to look for them. */
	RESTRICTED_SCAN = 1 << 5,
};

#define RESTRICTED_MAX_UP 256 /* directories between an object and the root */

/* A key of the tables below. */
struct file_id {
	dev_t dev;
	ino_t ino;
};

struct restricted_object {
	char *path;	 /* as it was listed */
	char *canonical; /* where that led; NULL if it is not there */
	unsigned int flags;
	dev_t dev;
	ino_t ino;
	uint64_t mount_id;
	dev_t fs;
	char *fspath; /* of what is not there: of its first component that is not */
};

struct restricted {
	GPtrArray *objects;  /* struct restricted_object * */
	GHashTable *by_id;   /* dev and ino → struct restricted_object * */
	GHashTable *parents; /* dev and ino of a directory above → GPtrArray of those */
	GHashTable *by_name; /* canonical path of one → that list */
	GHashTable *dirs;    /* name of a directory → canonical path of it, or NULL */
	GPtrArray *excepted; /* char *, of these nothing is restricted */
	struct object
		last_dir; /* while this is filled: the directory of the last that was not there */
	const char *building; /* where BuildKit keeps the bundle that is judged, or NULL */
};

enum relation {
	REL_NONE,
	REL_SAME,   /* it is the restricted object */
	REL_BELOW,  /* it lies in it */
	REL_ABOVE,  /* it contains it */
	REL_KERNEL, /* it is a file system of the kernel's: /proc, /sys */
	REL_DEVICE, /* a block device */
	REL_UNKNOWN /* nobody can tell what it is */
};

struct restricted_hit {
	enum relation relation;
	const struct restricted_object *object; /* NULL: none is meant in particular */
};

void restricted_load(struct restricted *r, const struct mounttab *tab, const struct settings *s);
void restricted_add(struct restricted *r, const struct mounttab *tab, const char *path,
		    unsigned int flags);
void restricted_clear(struct restricted *r);
bool restricted_is_excepted(const struct restricted *r, const char *path);
struct restricted_hit restricted_find(const struct restricted *r, const struct object *o,
				      bool readonly, bool rec_readonly, bool as_root);
struct restricted_hit restricted_find_mount(const struct restricted *r,
					    const struct mounttab_entry *e, bool readonly);
bool restricted_is_engines(const struct restricted *r, const struct mounttab *tab,
			   const struct object *o);
bool restricted_is_forwarded(const struct restricted *r, const struct object *o);
