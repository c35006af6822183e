/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mounts of a container that are served by shiftfs: where the kernel cannot map ids, or not all of
 * what was asked for.
 */
#include "runtime/container.h"
#include "runtime/tree.h"

/* One mount. */
struct serve_what {
	const char *what, *path;	 /* "volume source", "/srv/x": for messages */
	const char *target;		 /* where it is inside */
	const struct spec_serve *serve;	 /* or NULL */
	const char *as;			 /* the server's --as, or NULL */
	const GArray *uid_map, *gid_map; /* struct spec_map; NULL or empty: the container's */
};

const char *serve_obstacle(const struct tree *tree, int fd);
int serve_mount(struct tree *tree, int *tree_fd, const struct serve_what *w);
bool serve_start(struct container *c, GError **error);
bool serve_spawn(const struct container *c, const GPtrArray *options, const GArray *fds,
		 struct proc_id *server, GError **error);
