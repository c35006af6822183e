/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What was refused: to whoever asked, to the system's log, and to `cloister status`.
 */
#include "policy/policy.h"

bool events_refuse(struct policy *p, enum settings_mode mode, const char *text, GError **error);
