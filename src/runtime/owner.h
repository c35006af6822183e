/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Acting as the owner of a container's user namespace.
 */
#include <sys/types.h>

/* What changing one's user id does besides, to be undone. */
struct owner_before {
	int bits, end_signal, dumpable;
};

int owner_become(uid_t uid, struct owner_before *before);
int owner_become_of(pid_t pid, struct owner_before *before);
void owner_leave(const struct owner_before *before);
