/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ending a container and everything that belongs to it, from whatever state it is in.
 */
#include "lib/cgroup.h"
#include "lib/rundir.h"

int reap_container(int root_fd, const char *id);
int reap_sweep(int root_fd);
int reap_helpers(int root_fd, const char *id, const struct cgroups *helpers, const char *path);
void reap_scope(const struct rundir_record *record);
void reap_helper_hierarchies(const struct cgroups *all, struct cgroups *ret);
void reap_close_helpers(struct cgroups *helpers);
