/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CPU time that helpers use.
 *
 * It counts for no cgroup of the container's, whose processes wait meanwhile and use none of their
 * own; and the container decides what a call costs, by thousands of mounts, say. So a thread of the
 * notifier rests after its helpers have worked, for the time of which the others' are to have their
 * part: all together get what one CPU has, and whoever makes one call after the other never
 * notices.
 */
#include "config.h"
#include "warden/helper.h"

#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

/* What a thread's helpers use before it rests: a few mounts. */
#define WORK_US 20000

static __thread uint64_t owed; /* in microseconds */

static uint64_t microseconds(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static uint64_t sum(const struct rusage *usage)
{
	return microseconds(&usage->ru_utime) + microseconds(&usage->ru_stime);
}

/**
 * rest_owe() - a helper of the calling thread has used that much
 */
void rest_owe(const struct rusage *usage)
{
	owed += sum(usage);
}

/**
 * rest_owe_own() - the calling thread does a helper's work itself
 * @since: what getrusage(RUSAGE_THREAD) said when it began
 */
void rest_owe_own(const struct rusage *since)
{
	struct rusage now;

	if (getrusage(RUSAGE_THREAD, &now) == 0)
		owed += sum(&now) - sum(since);
}

/**
 * rest_take() - when the call is done with and another thread takes the next ones
 */
void rest_take(void)
{
	uint64_t us = owed * (NOTIFY_THREADS - 1);
	const struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

#ifdef MUTANT_HELPERS_RESTLESS
	return;
#endif
	if (owed < WORK_US)
		return;
	owed = 0;
	nanosleep(&t, NULL);
}
