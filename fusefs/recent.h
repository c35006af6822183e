/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Texts rendered a moment ago.
 */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

bool recent_get(uint64_t ino, struct text *out);
void recent_put(uint64_t ino, const struct text *text);
