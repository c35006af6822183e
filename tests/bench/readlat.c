// SPDX-License-Identifier: Apache-2.0
/*
 * readlat FILE COUNT: open, read, close, COUNT times; prints the median in nanoseconds.
 * readlat FILE COUNT end: the same, but read until a read returns nothing, as cat does.
 * readlat FILE COUNT PROCESSES: as many read to the end at once; prints the nanoseconds that one
 * took of all.
 */
#include "config.h"
#include "timing.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char buf[65536];

static int read_once(const char *path, bool to_the_end)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0 && to_the_end);
	close(fd);
	return n < 0 ? -1 : 0;
}

static int many(const char *path, int count, int processes)
{
	long start = now();
	int status, failed = 0;

	for (int p = 0; p < processes; p++)
		if (fork() == 0) {
			for (int i = 0; i < count; i++)
				if (read_once(path, true) < 0)
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
	bool to_the_end;
	long *took = calloc((size_t)count, sizeof(*took));

	if (argc < 2 || count < 1 || !took)
		return 2;
	to_the_end = argc > 3 && strcmp(argv[3], "end") == 0;
	if (argc > 3 && !to_the_end)
		return many(argv[1], count, atoi(argv[3]));
	for (int i = 0; i < count; i++) {
		long start = now();

		if (read_once(argv[1], to_the_end) < 0)
			return 1;
		took[i] = now() - start;
	}
	printf("%ld\n", median(took, (size_t)count));
	return 0;
}
