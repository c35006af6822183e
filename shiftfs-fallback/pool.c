/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects are shared with processes to come, at the same address; which of them are free is
 * known to one process alone, and is found again by looking at them all (pool_recover()): so no
 * crash can leave this half done. Objects are zero when they are handed out for the first time, and
 * whoever frees one has made it recognisable as free.
 *
 * Objects lie in chunks. A chunk without a used object is given back to the system.
 */
#include "config.h"
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NONE UINT16_MAX

struct pool_chunk {
	uint32_t next; /* in the list of those with room, by number + 1 */
	uint16_t used;
	uint16_t first_free; /* list through the first bytes of objects */
	uint16_t fresh;	     /* objects from here on were never used */
	bool listed;
};

/**
 * zero_pages() - memory of this process that takes none until it is written to, or NULL
 *
 * For what is large and has mostly nothing in it: calloc(3) may have to clear it.
 */
void *zero_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/**
 * pool_init() - reserve memory for at most @max objects of @object bytes
 * @shared_top: in memory that outlives this process, too; 0
 *
 * Less where so much address space is not to be had.
 */
int pool_init(struct pool *p, size_t object, size_t max, uint32_t *shared_top)
{
	void *base;

	*p = (struct pool){ .object = object,
			    .per_chunk = POOL_CHUNK / object,
			    .shared_top = shared_top };
	p->max_chunks = (max + p->per_chunk - 1) / p->per_chunk;
	do {
		base = mmap(NULL, p->max_chunks * POOL_CHUNK, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	} while (base == MAP_FAILED && (p->max_chunks /= 2) > 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	p->base = base;
	p->chunk = zero_pages(p->max_chunks * sizeof(*p->chunk));
	if (!p->chunk)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	return 0;
}

static char *object_at(const struct pool *p, size_t chunk, size_t i)
{
	return p->base + chunk * POOL_CHUNK + i * p->object;
}

/* Locking: the pool's. */
static void list(struct pool *p, uint32_t number)
{
	struct pool_chunk *c = &p->chunk[number];

	if (c->listed)
		return;
	c->listed = true;
	c->next = p->partial;
	p->partial = number + 1;
}

/* Locking: the pool's. Return: whether there is a chunk with room. */
static bool add_chunk(struct pool *p)
{
	if (p->top == p->max_chunks)
		return false;
	p->chunk[p->top] = (struct pool_chunk){ .first_free = NONE };
	p->n_free += p->per_chunk;
	*p->shared_top = p->top + 1;
	list(p, p->top++);
	return true;
}

/* Locking: the pool's. */
static void *take(struct pool *p)
{
	uint32_t number = p->partial - 1;
	struct pool_chunk *c = &p->chunk[number];
	char *object;

	if (c->first_free != NONE) {
		object = object_at(p, number, c->first_free);
		memcpy(&c->first_free, object, sizeof(c->first_free));
	} else {
		object = object_at(p, number, c->fresh++);
	}
	p->n_free--;
	if (++c->used == p->per_chunk) {
		p->partial = c->next;
		c->listed = false;
	}
	return object;
}

/**
 * pool_alloc() - an object with undefined contents, or NULL
 */
void *pool_alloc(struct pool *p)
{
	void *object = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->partial || add_chunk(p))
		object = take(p);
	pthread_mutex_unlock(&p->lock);
	return object;
}

/* Locking: the pool's. */
static void put(struct pool *p, uint32_t number, void *object)
{
	struct pool_chunk *c = &p->chunk[number];

	memcpy(object, &c->first_free, sizeof(c->first_free));
	c->first_free = ((char *)object - object_at(p, number, 0)) / p->object;
	c->used--;
	p->n_free++;
	list(p, number);
}

/* Locking: the pool's. It reads as zeros afterwards. */
static void give_back(struct pool *p, uint32_t number)
{
	struct pool_chunk *c = &p->chunk[number];

	if (madvise(object_at(p, number, 0), POOL_CHUNK, MADV_REMOVE) < 0)
		return;
	c->first_free = NONE;
	c->fresh = 0;
}

/**
 * pool_free() - the object is not used any more; its first two bytes are the pool's now
 */
void pool_free(struct pool *p, void *object)
{
	uint32_t number = ((char *)object - p->base) / POOL_CHUNK;

	pthread_mutex_lock(&p->lock);
	put(p, number, object);
	if (p->chunk[number].used == 0 && p->n_free > 2 * p->per_chunk)
		give_back(p, number);
	pthread_mutex_unlock(&p->lock);
}

/* Locking: none; there is one thread. */
static void recover_chunk(struct pool *p, uint32_t number, bool (*used)(void *object, void *arg),
			  void *arg)
{
	struct pool_chunk *c = &p->chunk[number];

	*c = (struct pool_chunk){ .first_free = NONE, .fresh = p->per_chunk };
	for (size_t i = 0; i < p->per_chunk; i++) {
		void *object = object_at(p, number, i);

		c->used++;
		if (!used(object, arg))
			put(p, number, object);
	}
	if (c->used == 0)
		give_back(p, number);
}

/**
 * pool_recover() - find the objects that a process before this one used
 * @used: is called with each, and says whether it is one
 */
void pool_recover(struct pool *p, bool (*used)(void *object, void *arg), void *arg)
{
	pthread_mutex_init(&p->lock, NULL);
	p->n_free = 0;
	p->partial = 0;
	p->top = *p->shared_top;
	for (uint32_t n = 0; n < p->top; n++)
		recover_chunk(p, n, used, arg);
}
