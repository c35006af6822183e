/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The "linux.resources" object of the OCI specification (also of `update`).
 */
#include "lib/cgroup.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

bool resources_parse(json_t *json, struct cgroup_limits *limits, GError **error);
