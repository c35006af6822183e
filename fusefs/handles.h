/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Open files: each shows the text that its reader began to read.
 */
#include "snapshot.h"
#include "survive.h"

#include <pthread.h>
#include <stdint.h>

struct handle {
	uint64_t fh;	      /* what the kernel calls it */
	uint64_t ino;	      /* the file */
	unsigned int slot;    /* in the table */
	unsigned int refs;    /* the table's lock */
	pthread_mutex_t lock; /* everything below */
	struct snapshot *snap;
	bool fresh; /* rendered at the open; the first read at the start takes it as it is */
};

void handles_init(struct survivor *survivor);
void handles_restore(void);
int handle_open(uint64_t ino, bool root, struct handle **ret);
struct handle *handle_get(uint64_t fh, uint64_t ino);
void handle_keep(const struct handle *h);
void handle_put(struct handle *h);
void handle_release(uint64_t fh);
