/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Texts rendered a moment ago.
 */
#include "snapshot.h"

#include <stdint.h>

struct snapshot *recent_get(uint64_t ino);
void recent_put(uint64_t ino, struct snapshot *snap);
