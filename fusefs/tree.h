/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tree of views[]: most nodes never come or go, so the kernel may remember them for ever
 * (tree_fixed()), and their numbers are below TREE_NODES_MAX.
 */
#include "providers.h"
#include "lib/sysctl.h"

#include <stdint.h>
#include <sys/types.h>

#define TREE_ROOT      1
#define TREE_NODES_MAX 1024
/* Files below a cpuN have this size for stat(2), as in sysfs; no text there is longer. */
#define TREE_CPU_FILE_SIZE 4096
#define TREE_NAME_MAX	   256 /* with the NUL */
#define TREE_PATHS_MAX	   65536

struct node {
	const char *name; /* not terminated: @name_len */
	size_t name_len;
	uint64_t parent;
	mode_t mode; /* with the type */
	unsigned int subdirs;
	bool cover;			 /* is laid over the kernel's: in VIEW_COVERS too */
	bool unlisted;			 /* only who knows the name finds it */
	bool native;			 /* a file of the kernel's, of that number (natives.c) */
	bool with_natives;		 /* there if the kernel has a file of that name */
	uint16_t numbered;		 /* the entry whose name ends with a number, or 0 */
	provider_fn *render;		 /* VIEW_RENDERED */
	const struct dir_file *dir_file; /* in a VIEW_DIRECTORY */
	const struct sysctl *sysctl;	 /* or a row of sysctls[] */
};

struct sysctl_store;
struct native_write;
int tree_build(const struct facts *facts, const struct sysctl_store *store, char *paths);
const struct node *tree_node(uint64_t ino);
uint64_t tree_lookup(uint64_t parent, const char *name);
uint64_t tree_next(uint64_t parent, uint64_t after);
bool tree_fixed(uint64_t ino);
mode_t tree_mode(uint64_t ino);
int tree_link(uint64_t ino, char target[TREE_NAME_MAX]);
void tree_name(uint64_t parent, uint64_t ino, char name[TREE_NAME_MAX]);
int tree_write(uint64_t ino, const struct native_write *w, size_t *written);
int tree_render(uint64_t ino, const struct facts *facts, struct text *out);
