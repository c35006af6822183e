/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The network devices of the container, by a number that is made of the name.
 */
#include "source.h"

#define NETDEV_NAME_MAX 16 /* IFNAMSIZ, with the NUL */

uint32_t name_number(const char *name, size_t len);
bool netdev_find(const struct facts *facts, const char *name, uint32_t *number);
int64_t netdev_next(const struct facts *facts, uint64_t from);
bool netdev_name(const struct facts *facts, uint32_t number, char name[NETDEV_NAME_MAX]);
