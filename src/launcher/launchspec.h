/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From the options of `cloister launch` to an ordinary OCI specification.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct launch_options {
	char *name;
	char *rootfs; /* NULL: a throw-away root over the host's /usr */
	char *hostname;
	char *workdir;
	char *cpuset;
	GPtrArray *volumes;	      /* "SRC:DST[:ro]" */
	GPtrArray *tmpfs;	      /* "DST[:size=1m]" */
	GPtrArray *env;		      /* "K=V" */
	GPtrArray *sysctls;	      /* "K=V" */
	uint64_t caps_add, caps_drop; /* UINT64_MAX: ALL */
	int64_t memory, cpu_quota, pids;
	uint32_t uid, gid;
	bool read_only, privileged, detach, tty;
	char **command;
};

json_t *launchspec_make(const struct launch_options *o, int root_fd, bool terminal, GError **error);
