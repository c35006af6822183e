/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What cloister(1) has to say: to stderr for people, and to --log for engines.
 */
#include <glib.h>
#include <stdbool.h>

bool log_open(const char *path);
bool log_set_format(const char *name);
bool log_set_level(const char *name);
void log_error(const char *format, ...) G_GNUC_PRINTF(1, 2);
void log_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);
