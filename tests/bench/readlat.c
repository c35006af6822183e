// SPDX-License-Identifier: Apache-2.0
/*
 * readlat FILE COUNT: open, read to the end, close, COUNT times; prints the median in nanoseconds.
 * readlat FILE COUNT PROCESSES: as many do so at once; prints the nanoseconds that one took of all.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int by_value(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return x < y ? -1 : x > y;
}

static char buf[65536];

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int read_once(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	close(fd);
	return n;
}

static int many(const char *path, int count, int processes)
{
	long start = now();
	int status, failed = 0;

	for (int p = 0; p < processes; p++)
		if (fork() == 0) {
			for (int i = 0; i < count; i++)
				if (read_once(path) < 0)
					_exit(1);
			_exit(0);
		}
	while (wait(&status) > 0)
		failed |= status;
	printf("%ld\n", (now() - start) / ((long)count * processes));
	return failed != 0;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 1000;
	long *took = calloc((size_t)count, sizeof(*took));

	if (argc < 2 || count < 1 || !took)
		return 2;
	if (argc > 3)
		return many(argv[1], count, atoi(argv[3]));
	for (int i = 0; i < count; i++) {
		long start = now();

		if (read_once(argv[1]) < 0)
			return 1;
		took[i] = now() - start;
	}
	qsort(took, (size_t)count, sizeof(*took), by_value);
	printf("%ld\n", took[count / 2]);
	return 0;
}
