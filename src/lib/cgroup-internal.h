/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of the cgroup module share with one another and with nobody else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cgroup.h"

#define CGROUP_SHARED_PARENT "cloister"

struct cgroup_hierarchy *cgroup_find_v1(const struct cgroups *cg, const char *controller);
struct cgroup_hierarchy *cgroup_find_v2(const struct cgroups *cg);

bool cgroup_same_list(const char *a, const char *b);

/* Called for a cgroup and each one below it; other than 0 ends the walk. */
typedef int (*cgroup_visit)(int dir_fd, void *arg);
int cgroup_walk(int top_fd, cgroup_visit visit, void *arg);
int cgroup_remove_below(int top_fd);

struct cgroup_deadline {
	uint64_t end_ns;
	unsigned int pause_us;
};

struct cgroup_deadline cgroup_deadline_in(unsigned int ms);
bool cgroup_deadline_pause(struct cgroup_deadline *deadline);
