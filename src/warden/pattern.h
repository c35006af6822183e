/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The procfs of the container's own pid namespace, covered once, of which plain mounts are clones.
 */
#include "warden/transplant.h"

void pattern_open(const struct request *r, const struct mount_args *args);
bool pattern_fits(const struct job *job);
int pattern_clone(struct job *job);
