/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Our own programs: where they are, and running one to its end.
 */
#include <stddef.h>

int program_path(const char *name, char *buf, size_t size);
int program_run(const char *name, const char *const *args);
