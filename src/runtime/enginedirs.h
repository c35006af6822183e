/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Directories of a disk for the engines that run inside a container whose root is an overlay.
 */
#include "runtime/plan.h"

bool enginedirs_plan(const struct spec *spec, struct plan *plan, GError **error);
