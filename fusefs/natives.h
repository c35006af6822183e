/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kernel's own files in SYSCTL_NETFILTER, by a number that is made of the name.
 */
#include "server.h"

struct native_write {
	pid_t pid; /* who writes, as the host knows it */
	const char *data;
	size_t len;
	uint64_t offset;
};

void natives_init(struct server *s);
bool natives_known(void);
bool natives_have(const char *name);
bool natives_find(const char *name, uint32_t *number);
int64_t natives_next(uint64_t from);
mode_t natives_get(uint32_t number, char *name);
int natives_read(uint32_t number, struct text *out);
int natives_write(uint32_t number, const struct native_write *w, size_t *written);
