/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * New procfs and sysfs by fsopen(2) and fsmount(2).
 */
#include "warden/helper.h"

struct fsmount_args {
	int context; /* the caller's number for it */
	uint32_t flags, attrs;
};

int64_t fsmount_open(struct job *job);
bool fsmount_concerns(const struct request *r, const struct fsmount_args *args);
int64_t fsmount_pick(struct job *job);
int64_t fsmount_make(struct job *job);
void fsmount_let_go(const struct request *r);
