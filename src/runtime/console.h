/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The caller's terminal and the pty that stands for it inside.
 */
#include <glib.h>
#include <stdbool.h>

void console_copy_size(int console);
bool console_check(int fd, GError **error);
