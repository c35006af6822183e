/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A container's swap as one thing that can be switched off and on again: its cgroup's limit.
 */
#include "lib/cgroup.h"

#include <stdbool.h>

/* What its /proc/swaps calls it: nobody inside can make a file of that name. */
#define SWAPLIMIT_NAME "/dev/swap"

/* In the container's directory: the limit that is to come back, or nothing; and the lock. */
#define SWAPLIMIT_FILE "swap"

int swaplimit_open(int dir_fd);
int swaplimit_off(int dir, bool v2, int state, bool again);
int swaplimit_on(int dir, bool v2, int state, bool again);
int swaplimit_set(int dir_fd, struct cgroups *cg, const struct cgroup_limits *limits, char *what,
		  size_t what_size);
