/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The built-in list of what no container may mount.
 */
#include "policy/restricted.h"

struct restricted_default {
	const char *path;
	unsigned int flags; /* enum restricted_flags */
};

extern const struct restricted_default restricted_defaults[];
extern const unsigned int restricted_n_defaults;
