/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the options of mount.shiftfs.
 *
 * Besides the sanitizers' work: an error is one line and has a status; of maps that were taken both
 * directions are functions, and undo each other.
 */
#include "config.h"
#include "fuzz.h"
#include "shiftfs-fallback/options.h"

#include <stdlib.h>
#include <string.h>

static void check_map(const struct id_map *map)
{
	FUZZ_ASSERT(map->n <= ID_MAP_MAX);
	for (size_t i = 0; i < map->n; i++) {
		const struct id_range *r = &map->range[i];
		uint32_t last = r->count - 1;

		FUZZ_ASSERT(r->count > 0);
		FUZZ_ASSERT(id_map_inside(map, r->outside) == r->inside);
		FUZZ_ASSERT(id_map_outside(map, r->inside) == r->outside);
		FUZZ_ASSERT(id_map_inside(map, r->outside + last) == r->inside + last);
		FUZZ_ASSERT(id_map_outside(map, r->inside + last) == r->outside + last);
	}
	FUZZ_ASSERT(id_map_inside(map, ID_NONE) == ID_NONE);
}

static void check_options(const struct mount_options *o)
{
	FUZZ_ASSERT(!o->mapped || (o->maps.uids.n && o->maps.gids.n));
	FUZZ_ASSERT(o->mapped || o->userns || o->container || o->as || o->remount);
	FUZZ_ASSERT(o->n_hide <= OPTIONS_HIDE_MAX);
	check_map(&o->maps.uids);
	check_map(&o->maps.gids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mount_options o;
	struct complaint why = { 0 };
	struct id_map map = { 0 };
	char *text = malloc(size + 1);

	FUZZ_ASSERT(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (options_map_text(text, &map))
		check_map(&map);
	if (mount_options_read(&o, text, size % 2, &why)) {
		check_options(&o);
	} else {
		FUZZ_ASSERT(why.status == MOUNT_USAGE && *why.text);
		FUZZ_ASSERT(!strpbrk(why.text, "\n\r"));
	}
	mount_options_clear(&o);
	free(text);
	return 0;
}
