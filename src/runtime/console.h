/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The caller's terminal and the pty that stands for it inside.
 */
#include "runtime/spec.h"

#include <glib.h>
#include <stdbool.h>

void console_own(int fd, uid_t uid);
void console_copy_size(int console);
void console_set_size(int console, const struct spec_process *process);
bool console_check(int fd, GError **error);
