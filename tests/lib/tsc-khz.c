// SPDX-License-Identifier: Apache-2.0
/*
 * tsc-khz: how fast the counter runs that a guest under QEMU's emulation reads as its own. Prints
 * nothing where there is none.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <x86intrin.h>

struct moment {
	uint64_t ticks;
	double ns;
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Both at once, which is so if nobody came in between: the closest of some. */
static struct moment now(void)
{
	struct moment best = { 0 };
	uint64_t gap = UINT64_MAX;

	for (int i = 0; i < 100; i++) {
		uint64_t before = __rdtsc();
		double ns = now_ns();
		uint64_t after = __rdtsc();

		if (after - before >= gap)
			continue;
		gap = after - before;
		best = (struct moment){ before + gap / 2, ns };
	}
	return best;
}

int main(void)
{
	struct moment from = now(), to;

	usleep(200 * 1000);
	to = now();
	printf("%.0f\n", (double)(to.ticks - from.ticks) * 1e6 / (to.ns - from.ns));
	return 0;
}
#else
int main(void)
{
	return 0;
}
#endif
