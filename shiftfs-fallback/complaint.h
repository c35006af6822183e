/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Why a mount was not made: one line, and the exit status that mount(8) passes on.
 */
#include <stdbool.h>

/* mount(8), EXIT STATUS. */
enum mount_status {
	MOUNT_OK = 0,
	MOUNT_USAGE = 1,   /* wrong invocation or permissions */
	MOUNT_SYSTEM = 2,  /* out of memory, cannot fork, … */
	MOUNT_BUG = 4,	   /* cannot happen */
	MOUNT_BROKEN = 8,  /* interrupted by the user */
	MOUNT_FAILED = 32, /* the mount could not be made */
};

struct complaint {
	enum mount_status status;
	char text[768];
};

bool complain(struct complaint *c, enum mount_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
