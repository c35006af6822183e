/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts rendered a moment ago.
 *
 * The kernel counts CPU time in ticks of 10 ms (USER_HZ, proc(5)) and writes /proc/uptime in
 * hundredths of a second: two texts rendered within a tick say the same. So one is kept for that
 * long, and a container in which many processes look at once makes us read the cgroup once.
 */
#include "config.h"
#include "recent.h"
#include "tree.h"

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define TICK_NS 10000000u
/* Beyond that a copy is not worth its memory; no view of an ordinary machine is as long. */
#define KEEP_MAX (64 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct recent {
	uint64_t until;	  /* lock: CLOCK_MONOTONIC, ns */
	struct text text; /* lock */
} table[TREE_NODES_MAX];

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/**
 * recent_get() - append to @out what the file @ino said within this tick
 *
 * Return: false if it has to be rendered.
 */
bool recent_get(uint64_t ino, struct text *out)
{
	struct recent *r = &table[ino % TREE_NODES_MAX];
	bool fresh;

	if (ino >= TREE_NODES_MAX)
		return false;
	pthread_mutex_lock(&lock);
	fresh = now_ns() < r->until;
	if (fresh)
		text_bytes(out, r->text.buf, r->text.len);
	pthread_mutex_unlock(&lock);
	return fresh;
}

/**
 * recent_put() - keep a copy of what the file @ino says now
 */
void recent_put(uint64_t ino, const struct text *text)
{
	struct recent *r = &table[ino % TREE_NODES_MAX];

	if (ino >= TREE_NODES_MAX || text->failed || text->len > KEEP_MAX)
		return;
	pthread_mutex_lock(&lock);
	text_clear(&r->text);
	text_bytes(&r->text, text->buf, text->len);
	r->until = r->text.failed ? 0 : now_ns() + TICK_NS;
	pthread_mutex_unlock(&lock);
}
