/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The engine's view of a root file system that we rebuilt.
 */
#include "runtime/container.h"

bool mirror_prepare(struct container *c, GError **error);
bool mirror_start(struct container *c, GError **error);
bool mirror_wait(struct container *c, GError **error);
