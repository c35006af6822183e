// SPDX-License-Identifier: Apache-2.0
/*
 * readlat FILE COUNT: open, read to the end, close, COUNT times; prints the median in nanoseconds.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int by_value(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static char buf[65536];
	int count = argc > 2 ? atoi(argv[2]) : 1000;
	long *took = calloc((size_t)count, sizeof(*took));

	if (argc < 2 || count < 1 || !took)
		return 2;
	for (int i = 0; i < count; i++) {
		struct timespec a, b;
		ssize_t n;
		int fd;

		clock_gettime(CLOCK_MONOTONIC, &a);
		fd = open(argv[1], O_RDONLY);
		if (fd < 0)
			return 1;
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			;
		close(fd);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (n < 0)
			return 1;
		took[i] = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
	}
	qsort(took, (size_t)count, sizeof(*took), by_value);
	printf("%ld\n", took[count / 2]);
	return 0;
}
