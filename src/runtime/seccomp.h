/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The "linux.seccomp" object of the OCI specification, compiled to a filter.
 */
#include <glib.h>
#include <jansson.h>
#include <linux/filter.h>
#include <stdbool.h>

bool seccomp_compile(json_t *profile, struct sock_fprog *filter, GError **error);
