/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The steps of container_create() that have files of their own, in their order.
 */
#include "runtime/container.h"

bool container_take_name(struct container *c, GError **error);
bool container_make_helpers_cgroup(struct container *c, GError **error);
bool container_make_cgroups(struct container *c, GError **error);
