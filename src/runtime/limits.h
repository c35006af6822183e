/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a new process gets from outside: limits, scheduling, oom score.
 */
#include "runtime/spec.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

void limits_reset(pid_t pid);
bool limits_cap_realtime(struct spec_process *process, int highest, GError **error);
bool limits_set(pid_t pid, const struct spec_process *process, GError **error);
bool limits_schedule(pid_t pid, const struct spec_process *process, const char *affinity,
		     GError **error);
