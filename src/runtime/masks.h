/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Masked and read-only paths outside procfs and sysfs. Runs in PID 1.
 */
#include "runtime/init.h"

void masks_warn(const struct spec *spec);
void masks_lay(const struct init_args *args, int root);
