/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The second table of `newmount`, and what it needs of the first.
 */
#include "calls.h"

#include <stdbool.h>

extern const struct call namespace_calls[];

bool is_bare(int dir, const char *name);
int new_flagged(unsigned int flags, char **a);
int new_mount(char **a);
