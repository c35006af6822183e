/* SPDX-License-Identifier: Apache-2.0 */
/*
 * security.capability (linux/capability.h, security/commoncap.c). A value of revision 3 names the
 * root user whose user namespace may use it; one of revision 2 belongs to the initial namespace's,
 * id 0. So the translation of a file's capabilities is that of one id, and the revision follows.
 */
#include "config.h"
#include "acl.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/capability.h>

_Static_assert(FILECAP_MAX == sizeof(struct vfs_ns_cap_data), "the kernel's largest value");

/* Return: the root's id, or -EINVAL for what is neither revision 2 nor 3. */
static int root_of(const struct vfs_ns_cap_data *cap, size_t len, uint32_t *root)
{
	uint32_t revision = le32toh(cap->magic_etc) & VFS_CAP_REVISION_MASK;

	if (len == XATTR_CAPS_SZ_2 && revision == VFS_CAP_REVISION_2)
		*root = 0;
	else if (len == XATTR_CAPS_SZ_3 && revision == VFS_CAP_REVISION_3)
		*root = le32toh(cap->rootid);
	else
		return -EINVAL;
	return 0;
}

static size_t set_root(struct vfs_ns_cap_data *cap, uint32_t root)
{
	uint32_t flags = le32toh(cap->magic_etc) & VFS_CAP_FLAGS_MASK;

	cap->magic_etc = htole32(flags | (root ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2));
	cap->rootid = htole32(root);
	return root ? XATTR_CAPS_SZ_3 : XATTR_CAPS_SZ_2;
}

static int translate(uint32_t (*to)(const struct id_map *map, uint32_t id),
		     const struct id_map *map, void *value, size_t *len)
{
	struct vfs_ns_cap_data cap = { 0 };
	uint32_t root;
	int r;

	if (*len > sizeof(cap))
		return -EINVAL;
	memcpy(&cap, value, *len);
	r = root_of(&cap, *len, &root);
	if (r < 0)
		return r;
	root = to(map, root);
	if (root == ID_NONE)
		return -EOVERFLOW;
	*len = set_root(&cap, root);
	memcpy(value, &cap, *len);
	return 0;
}

/**
 * filecap_to_inside() - translate capabilities of a file of the backing
 * @cap: the value, in a buffer of FILECAP_MAX bytes
 * @len: its length before and after
 *
 * Return: 0; -EOVERFLOW if the root user that they are for has no image, -EINVAL.
 */
int filecap_to_inside(const struct id_maps *maps, void *cap, size_t *len)
{
	return translate(id_map_inside, &maps->uids, cap, len);
}

/**
 * filecap_to_outside() - translate capabilities that somebody sets; see filecap_to_inside()
 */
int filecap_to_outside(const struct id_maps *maps, void *cap, size_t *len)
{
	return translate(id_map_outside, &maps->uids, cap, len);
}
