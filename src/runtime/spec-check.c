/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Cloister asks of a specification beyond being well-formed: namespaces of its own, and id
 * mappings that keep containers apart from the host. What this file refuses is valid OCI; the texts
 * are those that the other always-in-a-user-namespace runtime made known.
 */
#include "config.h"
#include "runtime/spec-internal.h"

#include "runtime/error.h"

#define INVALID	    "error in the container spec: invalid or unsupported container spec: "
#define INVALID_IDS INVALID "invalid user/group ID config: "
#define IDS_MIN	    65536

/**
 * spec_check_namespaces() - the namespaces without which there is no container are all asked for
 *
 * Whether one that is joined by its path is the host's is for those to find out who open it.
 */
bool spec_check_namespaces(const struct spec *spec, GError **error)
{
	/* In the order of their names. */
	static const enum spec_ns needed[] = { SPEC_NS_IPC, SPEC_NS_MOUNT, SPEC_NS_NETWORK,
					       SPEC_NS_PID, SPEC_NS_UTS };
	g_autoptr(GString) missing = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(needed); i++)
		if (!spec->ns[needed[i]].present)
			g_string_append_printf(missing, "%s%s", missing->len ? " " : "",
					       spec_ns_name(needed[i]));
	if (!missing->len)
		return true;
	/* By itself it is what --network=host asks for: the words are those for a path to the
	 * host's. */
	if (strcmp(missing->str, "network") == 0)
		return error_set(
			error,
			INVALID "cloister containers can't share a network namespace with the host "
				"(because they use the linux user-namespace for isolation)");
	return error_set(error,
			 INVALID "cloister containers can't share namespaces [%s] with the host "
				 "(because they use the linux user-namespace for isolation)",
			 missing->str);
}

static const struct spec_map *map_at(const GArray *map, guint i)
{
	return &g_array_index(map, struct spec_map, i);
}

#define SHOWN_ENTRIES 8

static char *show(const GArray *map)
{
	g_autoptr(GString) text = g_string_new("[");

	for (guint i = 0; i < map->len && i < SHOWN_ENTRIES; i++)
		g_string_append_printf(text, "%s{%u %u %u}", i ? " " : "", map_at(map, i)->inside,
				       map_at(map, i)->outside, map_at(map, i)->count);
	g_string_append(text, map->len > SHOWN_ENTRIES ? " …]" : "]");
	return g_strdup(text->str);
}

static int by_inside(const void *a, const void *b)
{
	const struct spec_map *x = a, *y = b;

	return x->inside < y->inside ? -1 : x->inside > y->inside;
}

/*
 * Join the entries of @map to one range. Entries that overlap, inside or outside, are not
 * contiguous either.
 */
static bool join_entries(const GArray *map, struct spec_map *whole, GError **error)
{
	g_autoptr(GArray) sorted = g_array_copy((GArray *)map);
	g_autofree char *shown = show(map);
	uint64_t count = 0;

	g_array_sort(sorted, by_inside);
	for (guint i = 0; i < sorted->len; i++) {
		const struct spec_map *m = map_at(sorted, i), *first = map_at(sorted, 0);

		if (m->inside != first->inside + count)
			return error_set(error,
					 INVALID_IDS "container ID mappings are non-contiguous: %s",
					 shown);
		if (m->outside != first->outside + count)
			return error_set(error,
					 INVALID_IDS "host ID mappings are non-contiguous: %s",
					 shown);
		count += m->count;
	}
	*whole = *map_at(sorted, 0);
	whole->count = MIN(count, UINT32_MAX);
	return true;
}

static bool check_not_host_root(const GArray *map, const char *what, GError **error)
{
	for (guint i = 0; i < map->len; i++) {
		g_autofree char *shown = NULL;

		if (map_at(map, i)->outside != 0)
			continue;
		shown = show(map);
		return error_set(error,
				 INVALID_IDS "detected user-ns %s mapping to host ID 0 (%s); this "
					     "breaks container isolation",
				 what, shown);
	}
	return true;
}

static bool check_range(const GArray *map, const struct spec_map *whole, const char *what,
			GError **error)
{
	g_autofree char *shown = NULL;

	if (whole->inside == 0 && whole->count >= IDS_MIN)
		return true;
	shown = show(map);
	return error_set(error,
			 INVALID_IDS "%s mapping range must specify a container with at least %d "
				     "%ss starting at %s 0; found %s",
			 what, IDS_MIN, what, what, shown);
}

static bool check_pair(const struct spec *spec, GError **error)
{
	struct spec_map uids, gids;

	if (!join_entries(spec->uid_map, &uids, error) ||
	    !join_entries(spec->gid_map, &gids, error) ||
	    !check_range(spec->uid_map, &uids, "uid", error) ||
	    !check_range(spec->gid_map, &gids, "gid", error))
		return false;
	if (uids.outside != gids.outside || uids.count != gids.count) {
		g_autofree char *u = show(spec->uid_map), *g = show(spec->gid_map);

		return error_set(error,
				 INVALID_IDS
				 "detecting non-matching uid & gid mappings; found uid = %s, "
				 "gid = %s",
				 u, g);
	}
	return check_not_host_root(spec->uid_map, "uid", error) &&
	       check_not_host_root(spec->gid_map, "gid", error);
}

/**
 * spec_check_mappings() - the id mappings, if there are any, are one range that isolates
 *
 * A range of 65536 ids or more from 0, contiguous on both sides, the same for users and groups,
 * that does not reach the host's root. Of a user namespace that is joined by its path (containerd
 * and CRI-O give its mappings with it) the same holds; that they are really those of the namespace
 * is for those to check who open it.
 */
bool spec_check_mappings(const struct spec *spec, GError **error)
{
	if (!spec->uid_map->len && !spec->gid_map->len)
		return true;
	if (!spec->ns[SPEC_NS_USER].present)
		return error_set(error,
				 INVALID "linux.uidMappings and linux.gidMappings need a user "
					 "namespace in linux.namespaces");
	if (!spec->uid_map->len || !spec->gid_map->len)
		return error_set(error, INVALID_IDS "detected missing user-ns UID and/or GID "
						    "mappings");
	return check_pair(spec, error);
}
