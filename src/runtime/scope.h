/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A container's cgroup as a scope of systemd's (--systemd-cgroup).
 */
#include "lib/cgroup.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct scope {
	char *slice; /* "system.slice" */
	char *unit;  /* "docker-ID.scope" */
	char *path;  /* of the cgroup, below the mounts: "system.slice/docker-ID.scope" */
	pid_t placeholder;
};

bool scope_parse(const char *cgroups_path, const char *id, struct scope *ret, GError **error);
bool scope_start(struct scope *scope, const struct cgroups *cg, const struct cgroup_limits *limits,
		 const char *id, GError **error);
void scope_release(struct scope *scope);
bool scope_update(const char *unit, const struct cgroups *cg, const struct cgroup_limits *limits,
		  GError **error);
void scope_clear(struct scope *scope);

void scope_properties(const struct cgroups *cg, const struct cgroup_limits *limits,
		      GPtrArray *arguments);
void scope_device_properties(const struct cgroups *cg, const struct cgroup_limits *limits,
			     GPtrArray *arguments);
