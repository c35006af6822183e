/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names that the mount does not have, whatever the backing has.
 */
#include "node.h"

struct hidden {
	uint64_t dev, ino;
	const char *name;
};

struct hide {
	size_t n;
	struct hidden *list;
};

int hide_add(struct hide *h, int root, const char *path);
bool hide_has(const struct hide *h, const struct node *dir, const char *name);
