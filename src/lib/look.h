/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Looking for what comes next for a moment, before sleeping until it comes. */
#include <stdbool.h>
#include <stdint.h>

struct look {
	uint64_t start, now; /* CLOCK_MONOTONIC, in ns */
};

uint64_t look_clock(void);
void look_begin(struct look *l);
bool look_on(struct look *l);
