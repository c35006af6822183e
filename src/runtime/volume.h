/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Volumes: what is made of a bind mount's source before it becomes a part of the container's tree.
 */
#include "runtime/tree.h"

bool volume_is_build_cache(const struct spec_mount *m);
int volume_userns(const struct tree *tree, const struct spec_mount *m, GError **error);
char *volume_find_unmappable(const struct tree *tree, const struct plan_step *step, int userns_fd);
char *volume_find_submount(const struct tree *tree, const struct plan_step *step);
int volume_replace_tmpfs(const struct tree *tree, struct plan_step *step);
int volume_replace_device(const struct tree *tree, struct plan_step *step);
int volume_loosen(const struct plan_step *step);
