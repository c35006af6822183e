/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * state.json: what the commands show of a container.
 */
#include "runtime/container.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

bool state_save(const struct container *c, GError **error);
bool state_publish(const struct container *c, GError **error);
json_t *state_load_json(int dir_fd, const char *name);
json_t *state_load(int root_fd, const char *id, GError **error);
