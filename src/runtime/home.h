/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * $HOME of a process whose specification does not say it.
 */
#include <stddef.h>
#include <sys/types.h>

void home_find(uid_t uid, char *home, size_t size);
