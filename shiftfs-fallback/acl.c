/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX ACLs as the kernel passes them through extended attributes: linux/posix_acl_xattr.h, a
 * little-endian header with the version, then entries of tag, permissions and id.
 */
#include "config.h"
#include "acl.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#define HEADER sizeof(struct posix_acl_xattr_header)
#define ENTRY  sizeof(struct posix_acl_xattr_entry)

static int check(const void *acl, size_t len)
{
	struct posix_acl_xattr_header header;

	if (len < HEADER || (len - HEADER) % ENTRY)
		return -EINVAL;
	memcpy(&header, acl, HEADER);
	return le32toh(header.a_version) == POSIX_ACL_XATTR_VERSION ? 0 : -EOPNOTSUPP;
}

/* The map for the id of an entry, or NULL if it has none. */
static const struct id_map *map_of(const struct id_maps *maps, uint16_t tag)
{
	if (tag == ACL_USER)
		return &maps->uids;
	return tag == ACL_GROUP ? &maps->gids : NULL;
}

/**
 * acl_to_inside() - translate an ACL of the backing, in place
 * @len: its length; less afterwards if entries had to be left out
 *
 * An entry for an id without an image is left out: nobody who looks through the mount has that id,
 * and the kernel takes no ACL with an invalid one.
 *
 * Return: 0, -EINVAL or -EOPNOTSUPP if it is no ACL.
 */
int acl_to_inside(const struct id_maps *maps, void *acl, size_t *len)
{
	char *in = (char *)acl + HEADER, *out = in, *end = (char *)acl + *len;
	int r = check(acl, *len);

	if (r < 0)
		return r;
	for (; in < end; in += ENTRY) {
		struct posix_acl_xattr_entry e;
		const struct id_map *map;

		memcpy(&e, in, ENTRY);
		map = map_of(maps, le16toh(e.e_tag));
		if (map) {
			uint32_t id = id_map_inside(map, le32toh(e.e_id));

			if (id == ID_NONE)
				continue;
			e.e_id = htole32(id);
		}
		memcpy(out, &e, ENTRY);
		out += ENTRY;
	}
	*len = out - (char *)acl;
	return 0;
}

/**
 * acl_to_outside() - translate an ACL that somebody sets, in place
 *
 * Return: 0, -EOVERFLOW if an id has no image, -EINVAL or -EOPNOTSUPP if it is no ACL.
 */
int acl_to_outside(const struct id_maps *maps, void *acl, size_t len)
{
	int r = check(acl, len);

	if (r < 0)
		return r;
	for (char *p = (char *)acl + HEADER; p < (char *)acl + len; p += ENTRY) {
		struct posix_acl_xattr_entry e;
		const struct id_map *map;
		uint32_t id;

		memcpy(&e, p, ENTRY);
		map = map_of(maps, le16toh(e.e_tag));
		if (!map)
			continue;
		id = id_map_outside(map, le32toh(e.e_id));
		if (id == ID_NONE)
			return -EOVERFLOW;
		e.e_id = htole32(id);
		memcpy(p, &e, ENTRY);
	}
	return 0;
}
