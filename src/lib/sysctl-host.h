/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sysctls of which the host gets the extreme of what containers ask for (SYSCTL_MAX, SYSCTL_MIN).
 */
#include "lib/proc.h"
#include "lib/sysctl-store.h"

void sysctl_host_initial(int root_fd, struct sysctl_store *store);
int sysctl_host_ask(int state_fd, const struct proc_id *init, const struct sysctl_store *store);
int sysctl_host_end(int state_fd, const struct proc_id *init);
int sysctl_host_sweep(int state_fd);
int sysctl_host_read(int root_fd, const struct sysctl *s, int64_t *value);
