/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors of the policy, for people.
 */
#include <glib.h>
#include <stdbool.h>

GQuark policy_error_quark(void);
#define POLICY_ERROR (policy_error_quark())

bool policy_error_set(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
