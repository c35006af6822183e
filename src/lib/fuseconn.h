/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FUSE connections that a container has made, which can keep its processes from ending.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

bool fuseconn_any(pid_t pid);
int fuseconn_abort(pid_t pid, int pidfd);
int fuseconn_abort_ids(uint32_t first, uint32_t count);
int fuseconn_waited(uint32_t *uids, size_t max);
