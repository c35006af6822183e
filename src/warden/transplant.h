/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the warden does with mounts for a container.
 */
#include "warden/helper.h"

#include <limits.h>

/* A mount call's arguments, read once. */
struct mount_args {
	uint64_t flags;
	bool sysfs; /* else procfs */
	char source[PATH_MAX], target[PATH_MAX];
	char data[4096];
	int dirfd;     /* mount_setattr: the caller's, or -1 */
	bool nofollow; /* a symlink at the end of the target is itself meant */
};

/* A new instance, not yet attached anywhere, and what is to hold for it. */
struct instance {
	int mount;
	bool sysfs, readonly;
	bool bare;	/* a procfs that has subset=pid for good: nothing can cover it */
	uint64_t attrs; /* MOUNT_ATTR_* */
};

/* Directories of the workshop that are empty in the stock: for an instance, and for itself bare. */
#define TRANSPLANT_PLACE "vol"
#define TRANSPLANT_BARE	 "dev"

bool transplant_may_mount(const struct visit *v, bool sysfs);
int transplant_build(struct job *job, struct instance *made);
int transplant_make(struct job *job, struct instance *made);
int64_t transplant_new(struct job *job);
int64_t transplant_bind(struct job *job);
int64_t transplant_unmount(struct job *job);
int64_t transplant_readonly(struct job *job);
