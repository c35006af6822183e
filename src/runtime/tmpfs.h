/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a tmpfs of the container's has that nobody asked for: as large as its memory, with the
 * permissions of the directory that it lies on.
 */
#include "runtime/spec.h"

char *tmpfs_options(const struct spec *spec, const char *options, int mode);
