/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container that a command is about: its record and its cgroups.
 */
#include "launcher/known.h"
#include "lib/cgroup.h"

#include <glib.h>
#include <stdbool.h>

struct target {
	struct known known;
	struct cgroups cgroups;
};

bool target_open(const char *id, struct target *t, GError **error);
bool target_open_running(const char *id, struct target *t, GError **error);
void target_close(struct target *t);
