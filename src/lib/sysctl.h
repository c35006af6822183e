/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sysctls that the kernel does not namespace: their types and ranges, text to value and back as
 * the kernel does it, and the store that holds one container's own values.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SYSCTL_MAX_VALUES 4
#define SYSCTL_TEXT_MAX	  (SYSCTL_MAX_VALUES * 22 + 2)

enum sysctl_type {
	SYSCTL_INT,   /* proc_dointvec(_minmax) */
	SYSCTL_ULONG, /* proc_doulongvec_minmax */
};

enum sysctl_policy {
	SYSCTL_PRIVATE, /* the container's own value, the host's untouched */
};

struct sysctl {
	const char *path; /* as in views[]: "proc/sys/kernel/panic" */
	enum sysctl_policy policy;
	enum sysctl_type type;
	int count;	  /* number of values */
	int64_t min, max; /* of each value */
	int64_t initial[SYSCTL_MAX_VALUES];
};

extern const struct sysctl sysctls[];
extern const int sysctls_count;

struct sysctl_store;

const struct sysctl *sysctl_find(const char *path);
ssize_t sysctl_parse(const struct sysctl *s, const char *text, size_t len, int64_t *values,
		     size_t *consumed);
size_t sysctl_format(const struct sysctl *s, const int64_t *values, char *text);

size_t sysctl_store_size(void);
void sysctl_store_get(const struct sysctl_store *store, const struct sysctl *s, int64_t *values);
void sysctl_store_put(struct sysctl_store *store, const struct sysctl *s, const int64_t *values);
