/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Copying a small tree into a new file system, owned by the container's root.
 */
#include <sys/types.h>

int template_copy(int from, int to, uid_t uid, gid_t gid);
