/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges are few, mostly one: they are looked through in order. Both directions are functions,
 * because neither side of a range may overlap that of another.
 */
#include "config.h"
#include "map.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

static bool overlap(uint32_t a, uint32_t b, const struct id_range *r, uint32_t start)
{
	return a <= start + (r->count - 1) && start <= b;
}

/* ID_NONE itself can be in no range. */
static bool fits(uint32_t start, uint32_t count)
{
	return count > 0 && count <= ID_NONE - start;
}

/**
 * id_map_add() - let @count ids from @outside on appear as @inside and those after it
 *
 * Return: 0; -EINVAL for an empty range or one beyond the last id, -EEXIST for one that overlaps
 * another on either side, -E2BIG.
 */
int id_map_add(struct id_map *map, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (!fits(inside, count) || !fits(outside, count))
		return -EINVAL;
	for (size_t i = 0; i < map->n; i++) {
		const struct id_range *r = &map->range[i];

		if (overlap(inside, inside + (count - 1), r, r->inside) ||
		    overlap(outside, outside + (count - 1), r, r->outside))
			return -EEXIST;
	}
	if (map->n == ID_MAP_MAX)
		return -E2BIG;
	map->range[map->n++] = (struct id_range){ inside, outside, count };
	return 0;
}

/**
 * id_map_all() - let every id appear as @inside, and @inside be @outside
 *
 * For a server with the rights of one user, who cannot give files away.
 */
void id_map_all(struct id_map *map, uint32_t inside, uint32_t outside)
{
	*map = (struct id_map){ .all = true, .inside = inside, .outside = outside };
}

/**
 * id_map_parse() - add the range that @text names, INSIDE:OUTSIDE:COUNT
 *
 * Return: as id_map_add().
 */
int id_map_parse(struct id_map *map, const char *text)
{
	unsigned long long v[3];

	for (int i = 0; i < 3; i++) {
		char *end;

		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		errno = 0;
		v[i] = strtoull(text, &end, 10);
		if (errno || v[i] > UINT32_MAX || *end != (i < 2 ? ':' : '\0'))
			return -EINVAL;
		text = end + 1;
	}
	return id_map_add(map, v[0], v[1], v[2]);
}

/**
 * id_map_inside() - how id @outside of the backing is shown, or ID_NONE
 */
uint32_t id_map_inside(const struct id_map *map, uint32_t outside)
{
	if (map->all)
		return outside == ID_NONE ? ID_NONE : map->inside;
	for (size_t i = 0; i < map->n; i++) {
		const struct id_range *r = &map->range[i];

		if (outside >= r->outside && outside - r->outside < r->count)
			return r->inside + (outside - r->outside);
	}
	return ID_NONE;
}

/**
 * id_map_outside() - which id of the backing is shown as @inside, or ID_NONE
 */
uint32_t id_map_outside(const struct id_map *map, uint32_t inside)
{
	if (map->all)
		return inside == map->inside ? map->outside : ID_NONE;
	for (size_t i = 0; i < map->n; i++) {
		const struct id_range *r = &map->range[i];

		if (inside >= r->inside && inside - r->inside < r->count)
			return r->outside + (inside - r->inside);
	}
	return ID_NONE;
}
