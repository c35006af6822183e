/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A container from its creation to its end, as the launcher's process sees it.
 */
#include "lib/cgroup.h"
#include "lib/claims.h"
#include "lib/rundir.h"
#include "policy/settings.h"
#include "runtime/nsjoin.h"
#include "runtime/lsm.h"
#include "runtime/plan.h"
#include "runtime/scope.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct container {
	/* Given by the caller. */
	char *id;
	int root_fd;	       /* state root */
	struct spec *spec;     /* borrowed */
	bool bound;	       /* ends when the calling process ends */
	bool auto_remove;      /* nothing is kept of it after its end */
	bool deferred;	       /* container_start_created() starts it, from another process */
	bool systemd_cgroup;   /* its cgroup is a scope of systemd's */
	bool own_tree;	       /* the specification is the launcher's own, not an engine's */
	const char *settings;  /* a file with settings that was named, or NULL */
	const char *state_dir; /* path of root_fd */
	bool keep_limits;      /* those of the caller are meant for the container */
	int preserve_fds;      /* of the descriptors from 3 on, how many the command inherits */
	int stdio[3];	       /* what the container gets, unless it is the pty */
	bool pty[3];

	/* Filled in by container_create(). */
	int dir_fd;
	int alive_fd;
	struct claim claim;
	struct nsjoin join;
	int null_fd;	    /* /dev/null, for when it has no name */
	int start_fd;	    /* deferred: what PID 1 listens on */
	char *state_inside; /* the state as PID 1's own hooks get it, or NULL */
	struct cgroups cgroups;
	struct scope scope;
	bool has_cgroup;	/* what lies at record.cgroup is its own */
	struct cgroups helpers; /* the helpers' own; borrows from cgroups */
	struct plan plan;
	struct settings_inside inside;
	char **policy_events; /* what the settings only watch, for `status`; or NULL */
	struct seccomp seccomp;
	const char *unmediated; /* why the warden has no part in its system calls, or NULL */
	struct lsm lsm;
	struct rundir_record record;
	pid_t pid;
	int pidfd;
	int sync;	 /* to PID 1, until it runs the command */
	int warden;	 /* to the warden */
	int console;	 /* master of the pty, or -1 */
	int workshop_ns; /* until the warden has it */
	int pids_fd;	 /* a procfs of the container; likewise */
	int64_t boot_offset;
	bool reaped;
};

bool container_create(struct container *c, GError **error);
bool container_start(struct container *c, GError **error);
bool container_start_created(int root_fd, const char *id, GError **error);
bool container_detach(struct container *c, GError **error);
int container_reap(struct container *c);
void container_end(struct container *c);
void container_close(struct container *c);
bool container_receive(int sync, int *console, int *value, int want, GError **error);
bool container_wait_exec(int sync, const struct seccomp *seccomp, const struct seccomp_process *who,
			 GError **error);
