/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The part of the server's memory that outlives it (--init-fd): the kernel's INIT request, the
 * requests that each worker has in hand, and the load average.
 */
#include "source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define SURVIVE_WORKERS	   16
#define SURVIVE_SLOT_SIZE  (16 * 1024) /* a request: at least FUSE_MIN_READ_BUFFER, page-aligned */
#define SURVIVE_ANSWER_MAX 64	       /* to a write: header and length */

struct survivor;

struct survivor *survive_map(int fd);
void *survive_slot(struct survivor *s, int worker);
void survive_clear(struct survivor *s, int worker);
size_t survive_pending(struct survivor *s, int worker);
int survive_keep_init(struct survivor *s, const void *request, size_t len);
const void *survive_init(const struct survivor *s, size_t *len);
struct load_saved *survive_load(struct survivor *s);
struct usage_base *survive_base(struct survivor *s);
uint64_t *survive_sizes(struct survivor *s);
void survive_keep_answer(struct survivor *s, int worker, const struct iovec *iov, int count);
const void *survive_answer(const struct survivor *s, int worker, size_t *len);
char *survive_paths(struct survivor *s);
