/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Joining the locked parts of the workshop to the container's tree. Runs in PID 1.
 */
#include "runtime/init.h"

void assemble(struct init_args *args);
