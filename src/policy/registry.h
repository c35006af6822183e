/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What registries have now.
 */
#include "policy/images.h"

char *registry_digest(const struct subject *who, const struct image *image, const char *name,
		      const char *tag, unsigned int max_age, GError **error);
