/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the programs that measure share: the clock, and a median. */
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/* Nanoseconds. */
static inline long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static inline int by_value(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return x < y ? -1 : x > y;
}

/* Of @n values, which are sorted by it. */
static inline long median(long *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}
