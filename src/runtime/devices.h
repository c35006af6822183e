/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The nodes of a container's /dev, and which of the host's devices may be among them.
 */
#include "policy/settings.h"
#include "runtime/spec.h"

#include <glib.h>
#include <sys/stat.h>

struct plan;

const char *devices_find_default(const struct stat *st);
char *devices_driver(char type, int64_t major);
bool devices_switch(const struct spec *spec, const struct settings_inside *inside, GError **error);
bool devices_check(const struct spec *spec, GError **error);
int devices_make(int dir, const struct spec *spec, uid_t uid, gid_t gid, const char **ret_failed);
int devices_make_points(int dir, const struct plan *plan, uid_t uid, gid_t gid,
			const char **ret_failed);
