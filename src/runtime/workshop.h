/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The workshop: a private mount namespace, owned by the initial user namespace, in which the
 * launcher assembles a container's mounts before they are locked.
 */
#include <stdbool.h>

struct workshop {
	int host_ns;
	int host_root;
	int host_cwd;
	int host_proc; /* the host's /proc */
	int empty;     /* root of the read-only tmpfs that masks are made of: "dir" and "file" */
	int base;      /* root of the tmpfs on which the parts are mounted side by side */
	int own_ns;    /* the workshop's mount namespace; the caller closes it */
};

#define WORKSHOP_CLOSED ((struct workshop){ -1, -1, -1, -1, -1, -1, -1 })

int workshop_enter(struct workshop *w);
int workshop_close(const struct workshop *w);
int workshop_leave(struct workshop *w);
