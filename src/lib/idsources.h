/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which host ids belong to somebody: sets of ranges, filled from passwd, group, subuid and subgid.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idrange {
	uint64_t start;
	uint64_t end; /* one past the last */
};

/* Zero-initialise; give back with idranges_free(). */
struct idranges {
	struct idrange *v;
	size_t n, size;
};

int idranges_add(struct idranges *ranges, uint64_t start, uint64_t end);
void idranges_sort(struct idranges *ranges);
bool idranges_overlap(const struct idranges *ranges, uint64_t start, uint64_t end);
void idranges_free(struct idranges *ranges);

int idsources_accounts(struct idranges *ranges, const char *path, bool passwd);
int idsources_subids(struct idranges *ranges, const char *path, const char *const *own_names);
