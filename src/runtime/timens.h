/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A time namespace for the next child: its clocks begin at zero.
 */
#include <stdint.h>

int64_t timens_boottime(void);
int timens_enter(int host_proc, int64_t boot_offset);
int timens_leave(int host_proc);
