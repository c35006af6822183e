/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ids inside of extended attributes: POSIX ACLs and file capabilities.
 */
#include "map.h"

int acl_to_inside(const struct id_maps *maps, void *acl, size_t *len);
int acl_to_outside(const struct id_maps *maps, void *acl, size_t len);

/* Both may make the value this long. */
#define FILECAP_MAX 24
int filecap_to_inside(const struct id_maps *maps, void *cap, size_t *len);
int filecap_to_outside(const struct id_maps *maps, void *cap, size_t *len);
