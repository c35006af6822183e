/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a container uses, as `events` reports it.
 */
#include "lib/cgroup.h"

#include <jansson.h>

json_t *stats_collect(const struct cgroups *cg);
