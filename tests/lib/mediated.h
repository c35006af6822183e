/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tables of `mediated`, one a file, and what several of them do.
 */
#include "calls.h"

extern const struct call mediated_info[], mediated_mounts[], mediated_mknod[], mediated_races[],
	mediated_steps[];

int kill_children(void (*work)(char **args), char **args, double ms, int us);
