/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects of one size in memory that outlives the process which made them (survive.c).
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_CHUNK (64 * 1024)

struct pool_chunk;

struct pool {
	char *base;	      /* shared with a process after this one, */
	uint32_t *shared_top; /* as .top; the rest belongs to this process */
	size_t object, per_chunk, max_chunks;
	pthread_mutex_t lock;	  /* rank 3 */
	struct pool_chunk *chunk; /* of max_chunks */
	uint32_t top;		  /* chunks that were ever used */
	uint32_t partial;	  /* list of those with room, by number + 1 */
	size_t n_free;
};

void *zero_pages(size_t size);
int pool_init(struct pool *p, size_t object, size_t max, uint32_t *shared_top);
void *pool_alloc(struct pool *p);
void pool_free(struct pool *p, void *object);
void pool_recover(struct pool *p, bool (*used)(void *object, void *arg), void *arg);
