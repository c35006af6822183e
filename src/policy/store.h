/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading the files in which engines keep what they know.
 */
#include <jansson.h>
#include <stdbool.h>

json_t *store_read(const char *path);
const char *store_text(json_t *json, const char *key);
char *store_above(const char *path, const char *mark);
