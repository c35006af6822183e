/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How large a tmpfs of the container's is that nobody gave a size: as large as its memory.
 */
#include "runtime/spec.h"

char *tmpfs_options(const struct spec *spec, const char *options);
