/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of its own state an engine gives to its containers, and to the steps of its builds.
 */
#include <stdbool.h>

bool engine_gives(const char *rest, bool building);
bool engine_forwards(const char *rest);
