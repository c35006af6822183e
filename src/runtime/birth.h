/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The birth of a container's first process, into new namespaces or into those of another container.
 */
#include "runtime/container.h"
#include "runtime/workshop.h"

#include <glib.h>

bool birth_clone(struct container *c, const struct workshop *shop, GError **error);
bool birth_tell(struct container *c, char what, int fd, GError **error);
bool birth_map_ids(struct container *c, int host_proc, GError **error);
