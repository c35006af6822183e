/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON documents in requests: what is in them, and writing them anew.
 */
#include "sockproxy/commands.h"

#include <jansson.h>
#include <stddef.h>

int body_rewrite(const struct endpoint *e, const char *text, size_t len, const char *runtime,
		 char **ret, char *why, size_t why_size);
int body_check_volume(json_t *object, const char *driver_key, const char *options_key, char *why,
		      size_t size);
json_t *volumes_filled(json_t *doc);
int binds_to_mounts(json_t *host);
