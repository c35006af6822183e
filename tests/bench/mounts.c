// SPDX-License-Identifier: Apache-2.0
/*
 * mounts WHAT COUNT: microseconds that a call takes of those the warden has a part in, the median
 * of COUNT: tmpfs (a mount and its unmount), proc (a mount alone) or sysinfo.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>
#include <time.h>

#define TARGET "/tmp"

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static double once(const char *what)
{
	double start = now_us(), end;
	struct sysinfo si;

	if (strcmp(what, "sysinfo") == 0) {
		if (sysinfo(&si) < 0)
			err(1, "sysinfo");
		return now_us() - start;
	}
	if (mount(what, TARGET, what, 0, NULL) < 0)
		err(1, "mount of %s", what);
	end = now_us();
	if (umount2(TARGET, MNT_DETACH) < 0)
		err(1, "unmount of %s", what);
	return (strcmp(what, "proc") == 0 ? end : now_us()) - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int n = argc == 3 ? atoi(argv[2]) : 0;
	double *took = n > 0 ? calloc(n, sizeof(*took)) : NULL;

	if (!took)
		errx(2, "mounts WHAT COUNT");
	for (int i = 0; i < n; i++)
		took[i] = once(argv[1]);
	qsort(took, n, sizeof(*took), compare);
	printf("%.2f\n", took[n / 2]);
	free(took);
	return 0;
}
