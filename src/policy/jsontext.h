/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON as people write it into a settings file, and where in the file a value stands.
 */
#include <glib.h>
#include <jansson.h>

json_t *jsontext_parse(char *text, const char *name, GError **error);
void jsontext_locate(const char *text, const char *const *path, guint n, int *line, int *column);
