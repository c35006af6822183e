/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What lies over procfs and sysfs in a container, as its workshop has it.
 */
#include "warden/mountlist.h"

#include <stdbool.h>

struct covers {
	struct mountlist shop;
};

int covers_learn(struct covers *c, int host_proc);
const struct mountlist_entry *covers_part(const struct covers *c, const char *part);
int covers_lay(const struct covers *c, const char *part, const char *where, const char *bare,
	       bool readonly);
bool covers_only(const struct covers *c, const struct mountlist *list, int top);
bool covers_any(const struct mountlist *list, int top);
bool covers_visible(const struct covers *c, const struct mountlist *list, const char *type,
		    bool *readonly);
