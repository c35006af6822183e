/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What /proc and /sys tell of the machine, file by file, and what a container gets in its place.
 *
 * One table decides; identity-make.c makes what is the container's own, identity-lay.c lays it over
 * the kernel's. Paths begin with "proc/" or "sys/", as in views.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum identity_policy {
	IDENTITY_NATIVE,   /* the kernel's own: it has a namespace for it */
	IDENTITY_HARMLESS, /* the kernel's own: it tells nothing of this machine; copied into own */
			   /* directories, as it was at the start */
	IDENTITY_VIEW,	   /* views.c serves it; masked as long as it does not */
	IDENTITY_OWN,	   /* ours: a file or link with a content, or a directory in which there */
			   /* is what the table lists below it and nothing else */
	IDENTITY_EMPTY,	   /* an empty file or directory: what is true of the container */
	IDENTITY_MASKED,   /* an empty file or directory: what nobody inside has business with */
	IDENTITY_DENIED,   /* the kernel opens it for the host's root only; masked if its mode */
			   /* says otherwise */
	IDENTITY_POINT,	   /* an empty directory that is a mount, so that nobody tries to mount */
};

/* The container's own stable ids, made once and kept for its life. */
struct identity_values {
	char boot_id[37];
	char product_uuid[37];
	uid_t uid; /* host ids of the container's root */
	gid_t gid;
};

struct identity {
	const char *path;
	enum identity_policy policy;
	mode_t mode;	  /* own: file type and permissions */
	const char *text; /* own: content of a file, target of a link */
	size_t value;	  /* own: or else the offset of a string in struct identity_values */
	int (*make)(int own, int base, const char *path); /* own: or else what makes it */
	const char *reason;
};

/* Where identity_lay() finds what it lays. */
#define IDENTITY_OWN_DIR   "own"
#define IDENTITY_EMPTY_DIR "empty"

extern const struct identity identities[];
extern const int identities_count;

const char *identity_policy_name(enum identity_policy policy);
const struct identity *identity_find(const char *path);
const struct identity *identity_cover_of(const char *path);
bool identity_is_below(const char *path, const char *directory);
bool identity_has_view(const char *path);
bool identity_has_views_below(const char *path);

int identity_values_make(struct identity_values *values, uid_t uid, gid_t gid);
int identity_make(int own, int base, const char *part, const struct identity_values *values,
		  const char *const *points, char *what, size_t size);
int identity_lay(int base, const char *part, char *what, size_t size);

/* What the table's computed rows are made by. */
int identity_make_cgroups(int own, int base, const char *path);
int identity_make_hugepages(int own, int base, const char *path);
