/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of open files.
 *
 * A handle's number carries the life of the server that gave it out. One that a dead predecessor
 * gave out is adopted when it is used: its reader gets a text rendered now. The container can make
 * us hold HANDLES_MAX handles, and beyond that gets ENFILE; what texts they show is capped too, see
 * snapshot.c.
 *
 * Lock ranks: a handle's lock, then the table's lock.
 */
#include "config.h"
#include "handles.h"
#include "sizes.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define HANDLES_MAX 1024

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct handle *table[HANDLES_MAX]; /* table_lock */
static unsigned int table_used;		  /* table_lock: slots from here on were never used */
static uint64_t life;			  /* upper bits of the handles of this server */

/**
 * handles_init() - call once, before any other
 */
void handles_init(void)
{
	struct timespec ts;

	/* Not repeated by a successor within 2^54 ns. */
	clock_gettime(CLOCK_BOOTTIME, &ts);
	life = ((uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec) * HANDLES_MAX;
}

/* Puts a new handle into a free slot; @fh 0 gives it a number of this life. */
static int insert(uint64_t fh, uint64_t ino, struct handle **ret)
{
	struct handle *h;
	unsigned int i = 0;

	while (i < table_used && table[i])
		i++;
	if (i == HANDLES_MAX)
		return -ENFILE;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	pthread_mutex_init(&h->lock, NULL);
	h->fh = fh ? fh : life | i;
	h->ino = ino;
	h->refs = 1;
	table[i] = h;
	if (i == table_used)
		table_used++;
	*ret = h;
	return 0;
}

/**
 * handle_open() - a new handle of the file @ino
 * @ret: to be given back with handle_put()
 *
 * Return: 0, -ENFILE, or -ENOMEM.
 */
int handle_open(uint64_t ino, struct handle **ret)
{
	int r;

	pthread_mutex_lock(&table_lock);
	r = insert(0, ino, ret);
	if (r == 0)
		(*ret)->refs++;
	pthread_mutex_unlock(&table_lock);
	return r;
}

static struct handle **find(uint64_t fh)
{
	unsigned int slot = fh % HANDLES_MAX;

	if (table[slot] && table[slot]->fh == fh)
		return &table[slot];
	/* adopted ones lie anywhere */
	for (unsigned int i = 0; (fh ^ life) >= HANDLES_MAX && i < table_used; i++)
		if (table[i] && table[i]->fh == fh)
			return &table[i];
	return NULL;
}

/**
 * handle_get() - the handle @fh, adopted if it is a predecessor's
 *
 * Return: to be given back with handle_put(); NULL if the table is full.
 */
struct handle *handle_get(uint64_t fh)
{
	struct handle *h = NULL, **slot;

	pthread_mutex_lock(&table_lock);
	slot = find(fh);
	if (slot)
		h = *slot;
	else if (insert(fh, 0, &h) < 0)
		h = NULL;
	if (h)
		h->refs++;
	pthread_mutex_unlock(&table_lock);
	return h;
}

static void unref(struct handle *h)
{
	bool last;

	pthread_mutex_lock(&table_lock);
	last = --h->refs == 0;
	pthread_mutex_unlock(&table_lock);
	if (!last)
		return;
	snapshot_unref(h->snap);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/**
 * handle_put() - the end of a use
 */
void handle_put(struct handle *h)
{
	unref(h);
}

/**
 * handle_release() - the file was closed
 */
void handle_release(uint64_t fh)
{
	struct handle *h = NULL, **slot;

	pthread_mutex_lock(&table_lock);
	slot = find(fh);
	if (slot) {
		h = *slot;
		*slot = NULL;
	}
	pthread_mutex_unlock(&table_lock);
	if (!h)
		return;
	if (h->ino)
		size_closed(h->ino);
	unref(h);
}
