/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * linux.sysctl of the specification: values in the container's own namespaces.
 */
#include "runtime/spec.h"

#include <glib.h>

bool sysctls_check(const struct spec *spec, GError **error);
bool sysctls_set(const struct spec *spec, int init_pidfd, uid_t root, GError **error);
