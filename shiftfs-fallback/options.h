/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Options of a mount, as they stand behind -o and in /etc/fstab.
 */
#include "complaint.h"
#include "map.h"

#include <stddef.h>
#include <stdint.h>

#define OPTIONS_HIDE_MAX 64

enum fallback {
	FALLBACK_AUTO,	 /* an ID-mapped mount if the kernel can, else FUSE */
	FALLBACK_NEVER,	 /* an ID-mapped mount, or an error */
	FALLBACK_ALWAYS, /* FUSE */
};

struct mount_options {
	char *text; /* what the strings below point into */

	/* Whose ids: at most one of these; without any (with `as`) everything is its root's. */
	bool mapped; /* .maps was given */
	struct id_maps maps;
	const char *userns;    /* path of a user namespace */
	const char *container; /* name of a running one */
	const char *state_root;

	const char *as; /* USER[:GROUP] */
	bool owned;	/* everything appears owned by these */
	bool group_given;
	uint32_t owner_uid, owner_gid;

	enum fallback fallback;
	const char *cache; /* "strict", "auto", "always" or NULL */
	const char *timeout, *threads, *inodes;
	bool no_io_uring;
	const char *hide[OPTIONS_HIDE_MAX];
	size_t n_hide;

	uint64_t set;		    /* MOUNT_ATTR_* */
	bool allow_suid, allow_dev; /* mount(8) does not pass on "suid" and "dev" */
	bool remount, nofail;
	const char *sync; /* "sync" or "dirsync" */

	/* How the reader fills in the maps. */
	bool fill_uids, fill_gids;
};

bool mount_options_read(struct mount_options *o, const char *text, bool sloppy,
			struct complaint *why);
void mount_options_clear(struct mount_options *o);

/* options-map.c */
bool options_read_idmap(struct mount_options *o, const char *value, struct complaint *why);
bool options_read_triples(struct mount_options *o, const char *key, const char *value,
			  struct complaint *why);
bool options_read_pairs(struct mount_options *o, const char *value, struct complaint *why);
bool options_read_offset(struct mount_options *o, const char *key, const char *value,
			 struct complaint *why);
bool options_read_translate(struct mount_options *o, const char *key, const char *value,
			    struct complaint *why);
bool options_read_shift(struct mount_options *o, const char *value, struct complaint *why);
bool options_read_shown(struct mount_options *o, const char *key, const char *value,
			struct complaint *why);
bool options_read_owner(struct mount_options *o, const char *value, struct complaint *why);
bool options_complete_maps(struct mount_options *o, struct complaint *why);
bool options_map_text(const char *text, struct id_map *map);
