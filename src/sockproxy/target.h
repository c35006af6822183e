/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The target of a request: path and query, decoded once, and written anew in one form only.
 */
#include "sockproxy/http.h"

#define TARGET_MAX	8192
#define TARGET_SEGMENTS 32
#define TARGET_QUERIES	64

struct target {
	char version[16]; /* "1.43"; "" */
	char *segment[TARGET_SEGMENTS];
	int n_segments;
	struct {
		char *key, *value;
	} query[TARGET_QUERIES];
	int n_queries;
	char room[2 * TARGET_MAX]; /* what they point into */
};

int target_parse(struct span text, struct target *ret);
const char *target_query(const struct target *t, const char *key);
int target_write(const struct target *t, char *buf, size_t size);
