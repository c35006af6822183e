/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Device nodes that a container makes.
 */
#include "warden/helper.h"

#include <limits.h>

/* A mknod call's arguments, read once. */
struct devnode_args {
	char parent[PATH_MAX], name[NAME_MAX + 1];
	mode_t mode;
	dev_t dev; /* of the node that it gets */
	int dirfd; /* the caller's, or -1: its working directory */
};

int64_t devnode_make(struct job *job);
