/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container that cloister-fs serves when it runs alone: what is known of it by a process or a
 * cgroup.
 */
#include "server.h"

int subject_open(struct server *s, const char *pid, const char *cgroup, const char **what);
