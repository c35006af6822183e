/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which id is shown as which one, in the spellings of those who have such an option.
 *
 * Of a triple the first number is an id in the source, the second the one that is shown, the third
 * how many; so it is with mount(8)'s X-mount.idmap and with mount-idmapped (whatever the manual of
 * the former calls them), with crun and Podman, and with fuse-overlayfs. virtiofsd has the guest's,
 * that is the one shown, first.
 */
#include "config.h"
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

enum { UIDS = 1, GIDS = 2 };

static bool take_number(const char **p, uint32_t *ret)
{
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)**p))
		return false;
	errno = 0;
	v = strtoull(*p, &end, 10);
	if (errno || v > UINT32_MAX)
		return false;
	*ret = v;
	*p = end;
	return true;
}

static bool take_triple(const char **p, char separator, uint32_t v[3])
{
	for (int i = 0; i < 3; i++) {
		if (i && *(*p)++ != separator)
			return false;
		if (!take_number(p, &v[i]))
			return false;
	}
	return true;
}

static bool add(struct mount_options *o, int kinds, uint32_t source, uint32_t shown, uint32_t count,
		struct complaint *why)
{
	int r = 0;

	if (kinds & UIDS)
		r = id_map_add(&o->maps.uids, shown, source, count);
	if (r == 0 && kinds & GIDS)
		r = id_map_add(&o->maps.gids, shown, source, count);
	o->mapped = true;
	if (r == 0)
		return true;
	if (r == -EEXIST)
		return complain(why, MOUNT_USAGE, "range %u:%u:%u overlaps another one", source,
				shown, count);
	if (r == -E2BIG)
		return complain(why, MOUNT_USAGE, "more than %d ranges", ID_MAP_MAX);
	return complain(why, MOUNT_USAGE,
			"range %u:%u:%u: give at least one id, and none beyond 4294967294", source,
			shown, count);
}

static int take_kinds(const char **p)
{
	static const struct {
		const char *name;
		int kinds;
	} prefixes[] = { { "u:", UIDS },   { "g:", GIDS },   { "b:", UIDS | GIDS },
			 { "uid:", UIDS }, { "gid:", GIDS }, { "both:", UIDS | GIDS } };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t len = strlen(prefixes[i].name);

		if (strncmp(*p, prefixes[i].name, len) == 0) {
			*p += len;
			return prefixes[i].kinds;
		}
	}
	return UIDS | GIDS;
}

/* "[u:|g:|b:]SOURCE:SHOWN:COUNT", more of them behind a blank, ";" or "#". */
static bool read_ranges(struct mount_options *o, const char *value, struct complaint *why)
{
	const char *p = value;
	uint32_t v[3];

	for (;;) {
		int kinds = take_kinds(&p);

		if (!take_triple(&p, ':', v) || (*p && !strchr(" ;#", *p)))
			return complain(why, MOUNT_USAGE,
					"idmap=%s: give [u:|g:|b:]SOURCE:SHOWN:COUNT, more of them "
					"behind \";\", container:NAME, or the path of a user "
					"namespace",
					value);
		if (!add(o, kinds, v[0], v[1], v[2], why))
			return false;
		if (!*p++)
			return true;
	}
}

/* "uids=SOURCE-SHOWN-COUNT#…;gids=…" */
static bool read_crun_ranges(struct mount_options *o, const char *value, struct complaint *why)
{
	const char *p = value;
	int kinds = 0;
	uint32_t v[3];

	do {
		bool uids = strncmp(p, "uids=", 5) == 0;

		if (uids || strncmp(p, "gids=", 5) == 0) {
			kinds = uids ? UIDS : GIDS;
			p += 5;
		}
		if (!kinds || !take_triple(&p, '-', v) || (*p && !strchr(";#", *p)))
			return complain(why, MOUNT_USAGE,
					"idmap=%s: give uids=SOURCE-SHOWN-COUNT#...;gids=...",
					value);
		if (!add(o, kinds, v[0], v[1], v[2], why))
			return false;
	} while (*p++);
	return true;
}

/**
 * options_read_idmap() - idmap=: ranges, a container, or a user namespace
 */
bool options_read_idmap(struct mount_options *o, const char *value, struct complaint *why)
{
	if (strncmp(value, "container:", 10) == 0) {
		o->container = value + 10;
		return true;
	}
	if (*value == '/') {
		o->userns = value;
		return true;
	}
	if (strncmp(value, "uids=", 5) == 0 || strncmp(value, "gids=", 5) == 0)
		return read_crun_ranges(o, value, why);
	return read_ranges(o, value, why);
}

/**
 * options_read_triples() - uidmapping= and gidmapping= of fuse-overlayfs: SOURCE:SHOWN:COUNT[:…]
 */
bool options_read_triples(struct mount_options *o, const char *key, const char *value,
			  struct complaint *why)
{
	const char *p = value;
	uint32_t v[3];

	do {
		if (!take_triple(&p, ':', v) || (*p && *p != ':'))
			return complain(why, MOUNT_USAGE, "%s=%s: give SOURCE:SHOWN:COUNT[:...]",
					key, value);
		if (!add(o, *key == 'u' ? UIDS : GIDS, v[0], v[1], v[2], why))
			return false;
	} while (*p++);
	return true;
}

static bool find_id(const char *name, size_t len, bool group, uint32_t *ret)
{
	char copy[256];
	const char *p = copy;
	const struct passwd *pw;
	const struct group *gr;

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, name, len);
	copy[len] = '\0';
	if (take_number(&p, ret))
		return !*p;
	pw = group ? NULL : getpwnam(copy);
	gr = group ? getgrnam(copy) : NULL;
	if (pw)
		*ret = pw->pw_uid;
	if (gr)
		*ret = gr->gr_gid;
	return pw || gr;
}

/* "USER/USER" or "@GROUP/@GROUP" */
static bool read_pair(struct mount_options *o, const char *pair, size_t len, struct complaint *why)
{
	const char *slash = memchr(pair, '/', len);
	bool group = *pair == '@';
	const char *to = slash ? slash + 1 : NULL;
	uint32_t source, shown;

	if (!slash || (*to == '@') != group ||
	    !find_id(pair + group, slash - pair - group, group, &source) ||
	    !find_id(to + group, pair + len - to - group, group, &shown))
		return complain(why, MOUNT_USAGE,
				"map=%.*s: give USER/USER or @GROUP/@GROUP: one of the source, and "
				"as whom to show it; both must exist or be numbers",
				(int)len, pair);
	if (group)
		o->fill_gids = true;
	else
		o->fill_uids = true;
	return add(o, group ? GIDS : UIDS, source, shown, 1, why);
}

/**
 * options_read_pairs() - map= of bindfs: "user1/user2:@group1/@group2"; others stay who they are
 */
bool options_read_pairs(struct mount_options *o, const char *value, struct complaint *why)
{
	for (;;) {
		size_t len = strcspn(value, ":");

		if (!read_pair(o, value, len, why))
			return false;
		if (!value[len])
			return true;
		value += len + 1;
	}
}

/**
 * options_read_offset() - uid-offset= and gid-offset= of bindfs
 */
bool options_read_offset(struct mount_options *o, const char *key, const char *value,
			 struct complaint *why)
{
	const char *p = value;
	uint32_t n;

	if (!take_number(&p, &n) || *p || n == UINT32_MAX)
		return complain(why, MOUNT_USAGE, "%s=%s: give a number of ids", key, value);
	return add(o, *key == 'u' ? UIDS : GIDS, 0, n, UINT32_MAX - n, why);
}

/**
 * options_read_translate() - translate-uid= and translate-gid= of virtiofsd, "map:SHOWN:SOURCE:N"
 */
bool options_read_translate(struct mount_options *o, const char *key, const char *value,
			    struct complaint *why)
{
	const char *p = value + 4;
	uint32_t v[3];

	if (strncmp(value, "map:", 4) != 0 || !take_triple(&p, ':', v) || *p)
		return complain(why, MOUNT_USAGE, "%s=%s: give map:SHOWN:SOURCE:COUNT", key, value);
	return add(o, strcmp(key, "translate-uid") == 0 ? UIDS : GIDS, v[1], v[0], v[2], why);
}

/**
 * options_read_shift() - shift=BASE[:COUNT]: id 0 and those after it as BASE and those after it
 */
bool options_read_shift(struct mount_options *o, const char *value, struct complaint *why)
{
	const char *p = value;
	uint32_t base, count = 65536;
	bool good = take_number(&p, &base);

	if (good && *p == ':') {
		p++;
		good = take_number(&p, &count);
	}
	if (!good || *p)
		return complain(why, MOUNT_USAGE, "shift=%s: give BASE or BASE:COUNT", value);
	return add(o, UIDS | GIDS, 0, base, count, why);
}

/**
 * options_read_shown() - uid=UID, gid=GID: everything appears owned by them, as vfat has it
 *
 * Without a group it is the one of the user's number.
 */
bool options_read_shown(struct mount_options *o, const char *key, const char *value,
			struct complaint *why)
{
	const char *p = value;
	uint32_t id;

	if (!take_number(&p, &id) || *p || id == ID_NONE)
		return complain(why, MOUNT_USAGE, "%s=%s: give a number", key, value);
	if (*key == 'g') {
		o->owner_gid = id;
		o->group_given = true;
	} else {
		o->owner_uid = id;
		if (!o->group_given)
			o->owner_gid = id;
	}
	o->owned = true;
	return true;
}

/**
 * options_read_owner() - owner=UID[:GID]: both in one
 *
 * Newer versions of mount(8) take it for an option of their own and never pass it on.
 */
bool options_read_owner(struct mount_options *o, const char *value, struct complaint *why)
{
	const char *p = value;
	bool good = take_number(&p, &o->owner_uid);

	o->owner_gid = o->owner_uid;
	if (good && *p == ':') {
		p++;
		good = take_number(&p, &o->owner_gid);
	}
	if (!good || *p || o->owner_uid == ID_NONE || o->owner_gid == ID_NONE)
		return complain(why, MOUNT_USAGE, "owner=%s: give UID or UID:GID, as numbers",
				value);
	o->owned = true;
	return true;
}

/* Is @id on either side of a range? Then @next is the first one behind that range. */
static bool used(const struct id_map *map, size_t n, uint32_t id, uint32_t *next)
{
	for (size_t i = 0; i < n; i++) {
		const struct id_range *r = &map->range[i];
		uint32_t start = id - r->inside < r->count ? r->inside : r->outside;

		if (id - start < r->count) {
			*next = start + r->count;
			return true;
		}
	}
	return false;
}

/* Where the next range begins on either side, from @id on. */
static uint32_t next_used(const struct id_map *map, size_t n, uint32_t id)
{
	uint32_t next = ID_NONE;

	for (size_t i = 0; i < n; i++) {
		const struct id_range *r = &map->range[i];

		if (r->inside > id && r->inside < next)
			next = r->inside;
		if (r->outside > id && r->outside < next)
			next = r->outside;
	}
	return next;
}

/* Ids that no range speaks of stay what they are. */
static bool fill(struct id_map *map, struct complaint *why)
{
	size_t n = map->n;
	uint32_t id = 0, next;

	while (id < ID_NONE) {
		if (used(map, n, id, &next)) {
			id = next;
			continue;
		}
		next = next_used(map, n, id);
		if (id_map_add(map, id, id, next - id) < 0)
			return complain(why, MOUNT_USAGE, "map=: more than %d ranges", ID_MAP_MAX);
		id = next;
	}
	return true;
}

/**
 * options_complete_maps() - when all options were read: what none of them spoke of stays as it is
 */
bool options_complete_maps(struct mount_options *o, struct complaint *why)
{
	if (!o->mapped)
		return true;
	return ((!o->fill_uids && o->maps.uids.n) || fill(&o->maps.uids, why)) &&
	       ((!o->fill_gids && o->maps.gids.n) || fill(&o->maps.gids, why));
}

/**
 * options_map_text() - add the lines of a uid_map or gid_map file
 *
 * What the kernel does with an ID-mapped mount and such a namespace: an id of the source that the
 * namespace has inside is shown as the one outside.
 */
bool options_map_text(const char *text, struct id_map *map)
{
	while (*text) {
		uint32_t v[3];

		for (int i = 0; i < 3; i++) {
			text += strspn(text, " \t");
			if (!take_number(&text, &v[i]))
				return false;
		}
		if ((*text && *text++ != '\n') || id_map_add(map, v[1], v[0], v[2]) < 0)
			return false;
	}
	return map->n > 0;
}
