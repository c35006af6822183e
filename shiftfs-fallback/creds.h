/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a worker is to the backing file system: credentials that belong to its thread alone.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct creds {
	uint32_t fsuid, fsgid;
	mode_t umask;
	bool fsetid; /* CAP_FSETID is in effect: writing does not clear suid bits */
};

int creds_set_user(const char *text);
void creds_user(uint32_t *uid, uint32_t *gid);
int creds_limit(void);
int creds_begin(struct creds *c, int cwd);
void creds_ids(struct creds *c, uint32_t uid, uint32_t gid);
void creds_umask(struct creds *c, mode_t mask);
void creds_fsetid(struct creds *c, bool on);
