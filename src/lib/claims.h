/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The registry of user-ID ranges: which container owns which host ids (design: exclusive,
 * 65536 ids each, lowest free first).
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CLAIM_COUNT 65536u
#define CLAIM_FIRST 100000u

struct claim {
	uint32_t base;	/* first host id */
	uint32_t count; /* number of ids, from inside id 0 */
};

/* Where the ids of others are listed; paths so that tests can bring their own. */
struct claim_sources {
	const char *passwd; /* "/etc/passwd" */
	const char *group;  /* "/etc/group" */
	const char *subuid; /* "/etc/subuid" */
	const char *subgid; /* "/etc/subgid" */
};
extern const struct claim_sources claim_sources_default;

int claim_take(int root_fd, const struct claim_sources *src, uint32_t first, const char *id,
	       struct claim *ret);
int claim_take_given(int root_fd, const struct claim_sources *src, const char *id,
		     const struct claim *wanted);
int claim_share(int root_fd, const char *id, const struct claim *claim);
int claim_find(int root_fd, const char *id, struct claim *ret);
int claim_release(int root_fd, const char *id);
int claim_each(int root_fd, int (*fn)(const char *id, const struct claim *claim, void *arg),
	       void *arg);
