/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The launcher's side of the warden: starting it, waiting for its server, leaving it in charge.
 */
#include "runtime/container.h"

pid_t wardenlink_spawn_helper(const struct container *c, const char *path, char **argv,
			      const int *fds, int n_fds);
bool wardenlink_spawn(struct container *c, GError **error);
bool wardenlink_start(struct container *c, int *fuse_mount, GError **error);
bool wardenlink_wait_ready(struct container *c, GError **error);
void wardenlink_tell_init(struct container *c);
void wardenlink_tell_sysctls(struct container *c);
void wardenlink_detach(struct container *c);
char *wardenlink_program(const char *name);
