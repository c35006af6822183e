/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which sysctls the running kernel has.
 */
#include "lib/sysctl-store.h"

/*
 * A sysctl that is left to the kernel, though no directory of a namespace has it.
 * @s: its row, or NULL
 */
typedef void sysctl_left_fn(const char *path, const struct sysctl *s, void *arg);

int sysctl_scan(int root_fd, struct sysctl_store *store, sysctl_left_fn *fn, void *arg);
int sysctl_scan_left(int root_fd, sysctl_left_fn *fn, void *arg);
