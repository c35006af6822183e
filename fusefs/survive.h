/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The part of the server's memory that outlives it (--init-fd): the kernel's INIT request, the
 * requests that each worker has in hand, the texts of open files, and the load average.
 */
#include "source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define SURVIVE_WORKERS	   16
#define SURVIVE_SLOT_SIZE  (16 * 1024) /* a request: at least FUSE_MIN_READ_BUFFER, page-aligned */
#define SURVIVE_TEXTS	   256	       /* texts of open files, of */
#define SURVIVE_TEXT_MAX   (16 * 1024 - 16) /* bytes at most */
#define SURVIVE_ANSWER_MAX 64		    /* to a write: header and length */

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
void survive_keep_text(struct survivor *s, unsigned int i, uint64_t fh, uint32_t ino,
		       const char *text, size_t len);
void survive_forget_text(struct survivor *s, unsigned int i);
const char *survive_text(const struct survivor *s, unsigned int i, uint64_t *fh, uint32_t *ino,
			 size_t *len);
