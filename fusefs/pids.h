/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pids of the container's pid namespace.
 */
#include "source.h"

#include <stdatomic.h>

struct pid_watch {
	atomic_int
		dir; /* a procfs of the namespace; -1: it is the source itself, or has not come */
	_Atomic uint64_t last;
};

uint64_t pids_last(const struct facts *facts);
