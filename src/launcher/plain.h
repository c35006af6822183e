/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text of others, for a terminal.
 */
#include <glib.h>
#include <jansson.h>

char *plain_text(const char *text);
void plain_json(json_t *json);
