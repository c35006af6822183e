/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The mark of an overlay's opaque directory.
 */
#include "warden/helper.h"

struct opaque_args {
	char path[PATH_MAX];
	int dirfd;  /* what a relative path is relative to, or -1 */
	int number; /* or the caller's open file that is meant, or -1 */
	int flags;  /* XATTR_CREATE, XATTR_REPLACE */
	bool nofollow;
};

int64_t opaque_set(struct job *job);
