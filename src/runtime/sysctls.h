/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * linux.sysctl of the specification: values in the container's own namespaces, or of its own.
 */
#include "runtime/spec.h"

#include <glib.h>

struct container;

bool sysctls_check(const struct spec *spec, GError **error);
bool sysctls_set(struct container *c, GError **error);
