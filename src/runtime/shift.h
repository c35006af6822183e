/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Giving a tree of the host to a container, whose ids own it then.
 */
#include "runtime/serve.h"
#include "runtime/tree.h"

bool shift_is_done(const struct tree *tree, int fd);
bool shift_ids(struct tree *tree, int fd, bool recursive, bool optional, const char *what,
	       const char *path, struct plan_shift *shift, GError **error);
bool shift_by_server(struct tree *tree, int *fd, const struct serve_what *w, const char *because,
		     struct plan_shift *shift, GError **error);
const char *shift_reason(const struct tree *tree, const struct spec_serve *s);
