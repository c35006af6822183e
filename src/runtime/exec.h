/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Another process in a container that runs.
 */
#include "policy/settings.h"
#include "runtime/spec.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct exec {
	/* Given by the caller. */
	int root_fd;
	const char *id;
	struct spec *spec; /* the container's own: its process says capabilities and filter */
	bool keep_limits;  /* as in struct container */
	struct settings_inside inside; /* the container's own, state_inside() */
	int preserve_fds;	       /* as in struct container */
	int stdio[3];
	bool pty[3];

	/* Filled in by exec_start(). */
	pid_t pid;
	int pidfd;
	int console;
};

bool exec_start(struct exec *e, GError **error);
void exec_abort(struct exec *e);
