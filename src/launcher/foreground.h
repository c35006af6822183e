/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A container's process in the foreground of the caller's terminal.
 */
#include "lib/cgroup.h"

#include <stdbool.h>
#include <sys/types.h>

struct foreground {
	pid_t pid;
	int pidfd;
	int console;		       /* master of the container's pty, or -1 */
	bool pty[3];		       /* which of our standard descriptors the pty stands in for */
	const struct cgroups *cgroups; /* of a container whose first process this is */
	bool pid1; /* signals without a handler are dropped by the kernel: do what they would do */
};

bool foreground_prepare(void);
int foreground_run(struct foreground *f);
bool foreground_choose(bool tty, bool detach, bool pty[3], int stdio[3], const char **problem);
