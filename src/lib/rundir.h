/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The state root (/run/cloister): one private directory per container, and what must be known to
 * clean up after it, whoever died.
 */
#include "lib/proc.h"

#include <stdbool.h>
#include <sys/types.h>

#define RUNDIR_DEFAULT	  "/run/cloister"
#define RUNDIR_ID_MAX	  127
#define RUNDIR_CGROUP_MAX 4096
#define RUNDIR_NAME_MAX	  256

/* What cleaning up needs. A text file, so that the warden reads it without a JSON library. */
struct rundir_record {
	struct proc_id init;
	struct proc_id launcher;	/* pid 0: the container does not end with its launcher */
	bool auto_remove;		/* nothing is kept of the container after its end */
	bool cgroup_own;		/* nobody else's processes were in it when it was made */
	char cgroup[RUNDIR_CGROUP_MAX]; /* below the mounts; any byte but newline */
	char helpers_cgroup[RUNDIR_NAME_MAX];
	char scope[RUNDIR_NAME_MAX]; /* systemd's unit that owns the cgroup; "": none */
};

struct rundir_helpers {
	struct proc_id warden, twin, server, notifier;
};

bool rundir_valid_id(const char *id);
int rundir_open(const char *path);
int rundir_machine(int root_fd);
int rundir_lock(int root_fd);
int rundir_create(int root_fd, const char *id, int *ret_alive_fd);
int rundir_enter(int root_fd, const char *id);
int rundir_write_record(int dir_fd, const struct rundir_record *record);
int rundir_own_cgroup(int dir_fd);
int rundir_read_record(int dir_fd, struct rundir_record *record);
int rundir_write_helpers(int dir_fd, const struct rundir_helpers *helpers);
int rundir_read_helpers(int dir_fd, struct rundir_helpers *helpers);
bool rundir_is_ours(int dir_fd);
bool rundir_orphaned(int dir_fd);
bool rundir_is(int root_fd, const char *id, int dir_fd);
int rundir_remove(int root_fd, const char *id);
void rundir_remove_tree(int root_fd, const char *name);
int rundir_each(int root_fd, int (*fn)(const char *id, void *arg), void *arg);
