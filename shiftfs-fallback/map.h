/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which id of the backing directory ("outside") is shown as which one ("inside"), and back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No id, as the kernel has it: (uid_t)-1. */
#define ID_NONE UINT32_MAX

/* As many as the kernel takes in a uid_map (user_namespaces(7)). */
#define ID_MAP_MAX 340

struct id_range {
	uint32_t inside, outside, count;
};

/* Without ranges it maps nothing; or everything to one. */
struct id_map {
	bool all; /* every id is shown as .inside, which is .outside when it comes back */
	uint32_t inside, outside;
	size_t n;
	struct id_range range[ID_MAP_MAX];
};

struct id_maps {
	struct id_map uids, gids;
};

int id_map_add(struct id_map *map, uint32_t inside, uint32_t outside, uint32_t count);
void id_map_all(struct id_map *map, uint32_t inside, uint32_t outside);
int id_map_parse(struct id_map *map, const char *text);
uint32_t id_map_inside(const struct id_map *map, uint32_t outside);
uint32_t id_map_outside(const struct id_map *map, uint32_t inside);
