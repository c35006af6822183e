/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Open files: each holds the text that its reader began to read.
 */
#include "text.h"

#include <pthread.h>
#include <stdint.h>

struct handle {
	uint64_t fh;	      /* what the kernel calls it */
	unsigned int refs;    /* the table's lock */
	pthread_mutex_t lock; /* everything below */
	bool rendered;
	bool fresh; /* rendered at the open; the first read at the start takes it as it is */
	struct text text;
};

void handles_init(void);
int handle_open(struct handle **ret);
struct handle *handle_get(uint64_t fh);
void handle_put(struct handle *h);
void handle_release(uint64_t fh);

bool handle_charge(size_t before, size_t after);
