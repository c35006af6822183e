/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The "features" document of the OCI runtime specification.
 */
#include <jansson.h>

#define FEATURES_SPEC_MIN "1.0.0"
#define FEATURES_SPEC_MAX "1.3.0"

json_t *features_json(void);
