/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of open files.
 *
 * A handle's number carries the life of the server that gave it out. Of a dead predecessor's
 * handles the first SURVIVE_TEXTS go on with their texts, unless these are long; others are adopted
 * when they are used: their readers get a text rendered now. The container can make
 * us hold HANDLES_MAX handles, and beyond that gets ENFILE; what texts they show is capped too, see
 * snapshot.c.
 *
 * Lock ranks: a handle's lock, then the table's lock, then that of sizes.c.
 */
#include "config.h"
#include "handles.h"
#include "sizes.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#ifdef MUTANT_FS_UNCAPPED
#define HANDLES_MAX 65536
#else
#define HANDLES_MAX 1024
#endif

/* Kept for the container's root, whom its other users are not to leave without views. */
#define HANDLES_SPARE 128

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct handle *table[HANDLES_MAX]; /* table_lock */
static unsigned int table_used;		  /* table_lock: slots from here on were never used */
static struct survivor *survivor;
static uint64_t life; /* upper bits of the handles of this server */

/**
 * handles_init() - call once, before any other
 */
void handles_init(struct survivor *s)
{
	struct timespec ts;

	survivor = s;
	/* Not repeated by a successor within 2^54 ns. */
	clock_gettime(CLOCK_BOOTTIME, &ts);
	life = ((uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec) * HANDLES_MAX;
}

/* Locking: table_lock. Return: a new handle in the free slot @i, or NULL. */
static struct handle *insert_at(unsigned int i, uint64_t fh, uint64_t ino)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	h->fh = fh;
	h->ino = ino;
	h->slot = i;
	h->refs = 1;
	table[i] = h;
	if (i >= table_used)
		table_used = i + 1;
	return h;
}

/* Puts a new handle into one of the first @max slots; @fh 0 gives it a number of this life. */
static int insert(uint64_t fh, uint64_t ino, unsigned int max, struct handle **ret)
{
	unsigned int i = 0;

	while (i < table_used && table[i])
		i++;
	if (i >= max)
		return -ENFILE;
	*ret = insert_at(i, fh ? fh : life | i, ino);
	return *ret ? 0 : -ENOMEM;
}

/**
 * handles_restore() - go on with the handles of a predecessor; before the first request
 */
void handles_restore(void)
{
	for (unsigned int i = 0; i < SURVIVE_TEXTS; i++) {
		struct snapshot *snap;
		struct handle *h;
		uint64_t fh;
		uint32_t ino;
		size_t len;
		const char *text = survive_text(survivor, i, &fh, &ino, &len);

		snap = text ? snapshot_new() : NULL;
		if (!snap)
			continue;
		text_bytes(&snap->text, text, len);
		h = snapshot_seal(snap, true) ? insert_at(i, fh, ino) : NULL;
		if (h) {
			h->snap = snap;
			size_opened(ino, 0, false);
		} else {
			snapshot_unref(snap);
		}
	}
}

/**
 * handle_keep() - a successor may go on with what @h shows
 *
 * Locking: the handle's lock.
 */
void handle_keep(const struct handle *h)
{
	if (h->snap)
		survive_keep_text(survivor, h->slot, h->fh, h->ino, h->snap->text.buf,
				  h->snap->text.len);
}

/**
 * handle_open() - a new handle of the file @ino
 * @root: for the container's root or the host's
 * @ret: to be given back with handle_put()
 *
 * Return: 0, -ENFILE, or -ENOMEM.
 */
int handle_open(uint64_t ino, bool root, struct handle **ret)
{
	unsigned int max = root ? HANDLES_MAX : HANDLES_MAX - HANDLES_SPARE;
	int r;

#ifdef MUTANT_FS_UNSPARED
	max = HANDLES_MAX;
#endif
	pthread_mutex_lock(&table_lock);
	r = insert(0, ino, max, ret);
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
 * handle_get() - the handle @fh of the file @ino, adopted if it is a predecessor's
 *
 * Return: to be given back with handle_put(); NULL if the table is full.
 */
struct handle *handle_get(uint64_t fh, uint64_t ino)
{
	struct handle *h = NULL, **slot;

	pthread_mutex_lock(&table_lock);
	slot = find(fh);
	if (slot)
		h = *slot;
	else if (insert(fh, ino, HANDLES_MAX, &h) == 0)
		size_opened(ino, 0, false);
	else
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
		/* After whoever keeps its text, before the slot is another's. */
		pthread_mutex_lock(&h->lock);
		survive_forget_text(survivor, h->slot);
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&table_lock);
	if (!h)
		return;
	size_closed(h->ino);
	unref(h);
}
