/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One container's own sysctl values: a file in its directory of the state root, which the server
 * maps and which outlives it.
 */
#include "lib/sysctl.h"

#include <stdint.h>

#define SYSCTL_STORE_FILE "sysctls" /* in the container's directory */
#define SYSCTL_ROWS_MAX	  448

/* What was seen of a sysctl when the container was made, and what became of it. */
enum sysctl_mark {
	SYSCTL_IS_THERE = 1, /* the running kernel has it */
	SYSCTL_ASKED = 2,    /* the container wrote it */
	SYSCTL_NATIVE = 4,   /* not covered: the kernel gave it to the container's root */
};

struct sysctl_file;

struct sysctl_store {
	struct sysctl_file *file;
	bool mapped;			/* else a copy */
	int16_t place[SYSCTL_ROWS_MAX]; /* of each row's numbers in the file; -1: none */
	int16_t place_text[SYSCTL_ROWS_MAX];
};

size_t sysctl_store_size(void);
int sysctl_store_new(struct sysctl_store *store);
int sysctl_store_map(struct sysctl_store *store, int fd);
int sysctl_store_load(struct sysctl_store *store, int fd);
void sysctl_store_close(struct sysctl_store *store);
void sysctl_store_copy(struct sysctl_store *to, const struct sysctl_store *from);

void sysctl_store_get(const struct sysctl_store *store, const struct sysctl *s,
		      struct sysctl_value *value);
int sysctl_store_put(struct sysctl_store *store, const struct sysctl *s,
		     const struct sysctl_value *value);
int sysctl_store_write(struct sysctl_store *store, const struct sysctl *s, const char *text,
		       size_t len, off_t offset, size_t *consumed);

void sysctl_store_mark(struct sysctl_store *store, const struct sysctl *s, unsigned int marks);
void sysctl_store_mark_dir(struct sysctl_store *store, const struct sysctl *s, size_t len);
size_t sysctl_store_dir(const struct sysctl_store *store, const struct sysctl *s);
unsigned int sysctl_store_marks(const struct sysctl_store *store, const struct sysctl *s);
void sysctl_store_set_scanned(struct sysctl_store *store);
bool sysctl_store_scanned(const struct sysctl_store *store);
