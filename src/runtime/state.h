/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * state.json: what the commands show of a container.
 */
#include "runtime/container.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* What of the runtime specification the answers of `state` follow. */
#define STATE_OCI_VERSION "1.3.0"

json_t *state_oci(const char *id, const char *status, pid_t pid, const char *bundle,
		  const char *rootfs, json_t *annotations);
char *state_text(const struct spec *spec, const char *id, const char *status, pid_t pid);
const char *state_status(int dir_fd, const struct rundir_record *record);
bool state_save(const struct container *c, GError **error);
bool state_publish(const struct container *c, GError **error);
json_t *state_load_json(int dir_fd, const char *name);
struct settings_inside state_inside(json_t *state);
json_t *state_load(int root_fd, const char *id, GError **error);
