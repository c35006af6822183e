/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names that the mount does not have, whatever the backing has.
 */
#include "node.h"

struct hidden {
	uint64_t dev, ino; /* of the directory that it was in at the start, */
	int dir;	   /* which keeps these numbers as long as it is open */
	const char *path;  /* below what is served */
	const char *name;  /* its end */
	bool many_names;   /* the directory may have the same thing under other names */
};

struct hide {
	int root;
	size_t n;
	struct hidden *list;
};

int hide_add(struct hide *h, int root, const char *path);
bool hide_has(const struct hide *h, const struct node *dir, const char *name);
bool hide_has_aliases(const struct hide *h, const struct node *dir);
bool hide_has_alias(const struct hide *h, const struct node *dir, int dirfd, const char *name);
