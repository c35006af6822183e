/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the locks of a mount and those who wait for one.
 */
#include "server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BUCKETS	   1024
#define INTERRUPTS 64

struct lock_owner;

/* Of one mount: where another one's backing keeps us waiting, or its requests have our numbers. */
struct lock_table {
	pthread_mutex_t lock; /* rank 0; also held in system calls that do not wait */
	pthread_cond_t changed;
	bool waiting; /* a thread tries again to get locks. Locking: lock */
	atomic_size_t owners;
	unsigned int interrupted_hand;
	uint64_t interrupted[INTERRUPTS];
	struct lock_owner *bucket[BUCKETS];
};

int locks_try(struct request *r, const struct fuse_lk_in *in);
int locks_start_waiting(struct server *s);
