/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What comes of the container itself once it is there: pids of its pid namespace, and the devices
 * of its network namespace.
 */
#include "source.h"

#include <stdatomic.h>

struct pid_watch {
	atomic_int
		dir; /* a procfs of the namespace; -1: it is the source itself, or has not come */
	_Atomic uint64_t last;
	atomic_int devices; /* its /proc/net/dev; -1: a source of its own, or has not come */
};

#define PID_WATCH_NONE                                                                             \
	{                                                                                          \
		.dir = -1, .devices = -1                                                           \
	}

uint64_t pids_last(const struct facts *facts);
int pids_read_devices(const struct facts *facts, size_t max, struct text *t);
