/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts rendered a moment ago.
 *
 * The kernel counts CPU time in ticks of 10 ms (USER_HZ, proc(5)) and writes /proc/uptime in
 * hundredths of a second: two texts rendered within a tick say the same, but for the last pid in
 * loadavg, which may be as old. So one is kept for that
 * long, and a container in which many processes look at once makes us read the cgroup once.
 */
#include "config.h"
#include "recent.h"
#include "tree.h"

#include <pthread.h>
#include <time.h>

#define TICK_NS 10000000u
/* Beyond that it is not worth its memory; no view of an ordinary machine is as long. */
#define KEEP_MAX (64 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct recent {
	uint64_t until;	       /* lock: CLOCK_MONOTONIC, ns */
	struct snapshot *snap; /* lock: or NULL */
} table[TREE_NODES_MAX];

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/**
 * recent_get() - what the file @ino said within this tick
 *
 * Return: the caller's reference; NULL if it has to be rendered.
 */
struct snapshot *recent_get(uint64_t ino)
{
	struct snapshot *snap = NULL;
	uint64_t now = now_ns();

	if (ino >= TREE_NODES_MAX)
		return NULL;
	pthread_mutex_lock(&lock);
	if (table[ino].snap && now < table[ino].until)
		snap = snapshot_ref(table[ino].snap);
	pthread_mutex_unlock(&lock);
	return snap;
}

/**
 * recent_put() - remember what the file @ino says now; @snap stays the caller's
 */
void recent_put(uint64_t ino, struct snapshot *snap)
{
	struct snapshot *old;
	uint64_t until = now_ns() + TICK_NS;

	if (ino >= TREE_NODES_MAX || snap->text.len > KEEP_MAX)
		return;
	pthread_mutex_lock(&lock);
	old = table[ino].snap;
	table[ino].snap = snapshot_ref(snap);
	table[ino].until = until;
	pthread_mutex_unlock(&lock);
	snapshot_unref(old);
}
