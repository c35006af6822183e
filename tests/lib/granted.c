// SPDX-License-Identifier: Apache-2.0
/*
 * granted: makes the system calls that the settings can grant, from inside a container, and says
 *what came of it.
 *
 *	granted NAME ARG...
 *
 * Exit status as of `attack`: 0 it worked, 1 the kernel (or the warden) refused and the error's
 * name is on stderr, 2 wrong use.
 */
#define _GNU_SOURCE
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

/* With a priority of SCHED_FIFO become another program. */
static int realtime(char **a)
{
	struct sched_param p = { .sched_priority = atoi(a[0]) };
	int r = result(sched_setscheduler(0, SCHED_FIFO, &p));

	return r < 0 ? r : result(execlp(a[1], a[1], a[2], NULL));
}

static const struct {
	const char *name;
	int (*run)(char **args);
	int args;
	const char *usage;
} calls[] = {
	{ "realtime", realtime, 3, "PRIORITY PROGRAM ARGUMENT" },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		int r;

		if (strcmp(argv[1], calls[i].name) != 0 || argc - 2 != calls[i].args)
			continue;
		r = calls[i].run(argv + 2);
		if (r < 0)
			fprintf(stderr, "%s\n", strerrorname_np(-r));
		return r < 0;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		fprintf(stderr, "granted %s %s\n", calls[i].name, calls[i].usage);
	return 2;
}
