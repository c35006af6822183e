/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Building a container's parts in the workshop: root, volumes, procfs, sysfs, devices, covers,
 * masks.
 */
#include "lib/identity.h"
#include "runtime/plan.h"
#include "runtime/workshop.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct tree {
	const struct workshop *shop;
	const struct spec *spec;
	struct plan *plan;
	int userns_fd;	/* the container's user namespace: the map for ID-mapped mounts */
	pid_t init_pid; /* its PID 1, whose namespaces procfs and sysfs show */
	uid_t uid;	/* host ids of the container's root */
	gid_t gid;
	struct identity_values identity; /* its own boot id and the like */
	uint32_t count;			 /* so many ids from these on are the container's */
	int state_dir;			 /* the container's directory below the state root */
	int rw_root_fd;	  /* read-only roots: a writable clone, only to make mount points in */
	bool proc_narrow; /* /proc is to have subset=pid when it is covered */
};

bool tree_build(struct tree *tree, GError **error);
bool tree_cover(struct tree *tree, int fuse_mount, GError **error);
bool tree_identify(struct tree *tree, GError **error);
bool tree_has_part(const struct tree *tree, const char *from);
int tree_lay_cover(const char *path, const char *target);
bool tree_cover_sysctls(const struct tree *tree, bool proc, bool sys, GError **error);
bool tree_can_lock(const char *path);
