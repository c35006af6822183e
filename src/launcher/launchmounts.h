/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The mounts of `cloister launch`: those that every container has, and those of its options.
 */
#include "launcher/launchspec.h"

void launchmounts_kernel(json_t *mounts, bool privileged);
bool launchmounts_user(json_t *mounts, const struct launch_options *o, GError **error);
