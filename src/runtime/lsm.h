/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AppArmor profile and SELinux label of a container's processes.
 */
#include "runtime/spec.h"

#include <stdbool.h>

/* The profile that takes the place of the engines' own, which deny mount. */
#define LSM_OWN_PROFILE "cloister-default"

/* What a process is to write before its exec; NULL: nothing. */
struct lsm {
	char *apparmor; /* "exec PROFILE" */
	char *selinux;	/* label */
};

bool lsm_prepare(const struct spec_process *process, struct lsm *ret, GError **error);
void lsm_clear(struct lsm *lsm);
int lsm_apply(const struct lsm *lsm, int host_proc);

const char *lsm_profile(const char *wanted);
char *lsm_mount_options(const char *fstype, const char *options, const char *label);
bool lsm_selinux_enabled(void);
