/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The caller's terminal and the pty that stands for it inside.
 */
#include "runtime/spec.h"

#include <glib.h>
#include <stdbool.h>

#define CONSOLE_IS_NONE "the container's /dev/pts/ptmx is not a terminal; run without --tty"

void console_own(int fd, uid_t uid);
void console_copy_size(int console);
void console_set_size(int console, const struct spec_process *process);
bool console_is_master(int fd);
bool console_check(int fd, GError **error);
