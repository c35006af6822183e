/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A container that exists, as the commands find it by its name.
 */
#include "lib/rundir.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

struct known {
	const char *id;
	int root_fd;
	int dir_fd;
	struct rundir_record record;
	json_t *state;	/* state.json */
	json_t *config; /* the specification, or NULL if not asked for */
};

bool known_open(struct known *k, const char *id, bool with_config, GError **error);
const char *known_bundle(const struct known *k);
json_t *known_created(const struct known *k);
char **known_matching(const char *regex, GError **error);
void known_close(struct known *k);
