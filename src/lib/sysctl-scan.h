/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which sysctls the running kernel has.
 */
#include "lib/sysctl-store.h"

/* A sysctl that no row of the table names and no namespace owns. */
typedef void sysctl_unknown_fn(const char *path, void *arg);

int sysctl_scan(int root_fd, struct sysctl_store *store);
int sysctl_scan_unknown(int root_fd, sysctl_unknown_fn *fn, void *arg);
