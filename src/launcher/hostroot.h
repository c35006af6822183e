/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A throw-away root over the host's own /usr.
 */
#include <glib.h>
#include <jansson.h>

char *hostroot_prepare(int root_fd, json_t *mounts, GError **error);
