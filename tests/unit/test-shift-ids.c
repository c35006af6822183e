/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translation of ids, ACLs and file capabilities: examples, and properties of random maps.
 */
#include "config.h"
#include "shiftfs-fallback/acl.h"

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#define ROUNDS 20000

static uint64_t seed = 0x20261122;

static uint32_t any(void) /* xorshift64 */
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 16;
}

/* Numbers of every size, and those at the ends more often. */
static uint32_t any_id(void)
{
	uint32_t v = any() >> any() % 32;

	return any() % 4 ? v : UINT32_MAX - v;
}

static void any_map(struct id_map *map)
{
	map->all = false;
	map->n = 0;
	for (int i = any() % 6; i >= 0; i--)
		(void)id_map_add(map, any_id(), any_id(), any_id());
}

static void test_map_examples(void **state)
{
	struct id_map map = { 0 };

	assert_int_equal(id_map_inside(&map, 0), ID_NONE);
	assert_int_equal(id_map_parse(&map, "0:100000:65536"), 0);
	assert_int_equal(id_map_inside(&map, 100000), 0);
	assert_int_equal(id_map_inside(&map, 165535), 65535);
	assert_int_equal(id_map_inside(&map, 165536), ID_NONE);
	assert_int_equal(id_map_inside(&map, 99999), ID_NONE);
	assert_int_equal(id_map_outside(&map, 65535), 165535);
	assert_int_equal(id_map_outside(&map, 65536), ID_NONE);
	assert_int_equal(id_map_outside(&map, ID_NONE), ID_NONE);
	assert_int_equal(id_map_parse(&map, "65535:1:1"), -EEXIST);
	assert_int_equal(id_map_parse(&map, "70000:165535:1"), -EEXIST);
	assert_int_equal(id_map_parse(&map, "70000:0:100000"), 0);
	assert_int_equal(id_map_inside(&map, 5), 70005);
}

static void test_map_all(void **state)
{
	struct id_map map;

	id_map_all(&map, 5, 1000);
	assert_int_equal(id_map_inside(&map, 0), 5);
	assert_int_equal(id_map_inside(&map, 4294967294), 5);
	assert_int_equal(id_map_inside(&map, ID_NONE), ID_NONE);
	assert_int_equal(id_map_outside(&map, 5), 1000);
	assert_int_equal(id_map_outside(&map, 0), ID_NONE);
}

static void test_map_refuses(void **state)
{
	static const char *const bad[] = { "",
					   "0",
					   "0:0",
					   "0:0:0",
					   "a:0:1",
					   "0:0:1x",
					   "-1:0:1",
					   " 0:0:1",
					   "4294967295:0:1",
					   "0:0:1:1",
					   "0::1",
					   "0:0:",
					   "0:4294967296:1",
					   "1:0:4294967295",
					   "99999999999999999999:0:1" };
	struct id_map map = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(id_map_parse(&map, bad[i]), -EINVAL);
	assert_int_equal(map.n, 0);
	assert_int_equal(id_map_parse(&map, "0:0:4294967295"), 0);
	assert_int_equal(id_map_inside(&map, UINT32_MAX - 1), UINT32_MAX - 1);
	assert_int_equal(id_map_inside(&map, ID_NONE), ID_NONE);
	map.n = 0;
	for (uint32_t i = 0; i < ID_MAP_MAX; i++)
		assert_int_equal(id_map_add(&map, i, i, 1), 0);
	assert_int_equal(id_map_add(&map, 1000, 1000, 1), -E2BIG);
}

/* The two directions undo each other wherever there is an image; no id is both none and mapped. */
static void test_map_is_reversible(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct id_map map;
		const struct id_range *r;
		uint32_t id, image;

		any_map(&map);
		r = map.n ? &map.range[any() % map.n] : NULL;
		id = r && any() % 2 ? r->outside + any() % r->count : any_id();
		image = id_map_inside(&map, id);
		if (image != ID_NONE)
			assert_int_equal(id_map_outside(&map, image), id);
		else
			for (size_t k = 0; k < map.n; k++)
				assert_false(id >= map.range[k].outside &&
					     id - map.range[k].outside < map.range[k].count);
		image = id_map_outside(&map, id);
		if (image != ID_NONE)
			assert_int_equal(id_map_inside(&map, image), id);
	}
}

struct acl {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entry[16];
};

static void put(struct acl *acl, size_t *len, uint16_t tag, uint16_t perm, uint32_t id)
{
	size_t i = *len ? (*len - sizeof(acl->header)) / sizeof(*acl->entry) : 0;

	if (!i)
		acl->header.a_version = htole32(POSIX_ACL_XATTR_VERSION);
	acl->entry[i] = (struct posix_acl_xattr_entry){ htole16(tag), htole16(perm), htole32(id) };
	*len = sizeof(acl->header) + (i + 1) * sizeof(*acl->entry);
}

static const uint16_t tags[] = { ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ,
				 ACL_GROUP,    ACL_MASK, ACL_OTHER };

static bool has_id(uint16_t tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

static void test_acl_example(void **state)
{
	struct id_maps maps = { 0 };
	struct acl acl, want;
	size_t len = 0, want_len = 0;

	id_map_add(&maps.uids, 0, 100000, 65536);
	id_map_add(&maps.gids, 0, 200000, 65536);
	put(&acl, &len, ACL_USER_OBJ, 6, ACL_UNDEFINED_ID);
	put(&acl, &len, ACL_USER, 7, 101000);
	put(&acl, &len, ACL_USER, 7, 5); /* without an image */
	put(&acl, &len, ACL_GROUP, 4, 200033);
	put(&acl, &len, ACL_OTHER, 0, ACL_UNDEFINED_ID);
	put(&want, &want_len, ACL_USER_OBJ, 6, ACL_UNDEFINED_ID);
	put(&want, &want_len, ACL_USER, 7, 1000);
	put(&want, &want_len, ACL_GROUP, 4, 33);
	put(&want, &want_len, ACL_OTHER, 0, ACL_UNDEFINED_ID);
	assert_int_equal(acl_to_inside(&maps, &acl, &len), 0);
	assert_int_equal(len, want_len);
	assert_memory_equal(&acl, &want, len);
}

static void test_acl_refuses(void **state)
{
	struct id_maps maps = { 0 };
	struct acl acl;
	size_t len = 0, cut;

	put(&acl, &len, ACL_USER, 7, 1000);
	assert_int_equal(acl_to_outside(&maps, &acl, len), -EOVERFLOW);
	for (cut = 0; cut < len; cut++) {
		size_t n = cut;

		if (cut == sizeof(acl.header))
			continue;
		assert_int_equal(acl_to_inside(&maps, &acl, &n), -EINVAL);
		assert_int_equal(acl_to_outside(&maps, &acl, cut), -EINVAL);
	}
	acl.header.a_version = htole32(1);
	assert_int_equal(acl_to_outside(&maps, &acl, len), -EOPNOTSUPP);
}

/* Out and in again is the same; only the ids of named users and groups differ in between. */
static void test_acl_is_reversible(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct id_maps maps;
		struct acl acl, before;
		size_t len = 0, same;
		int r;

		any_map(&maps.uids);
		any_map(&maps.gids);
		for (int k = any() % 12; k >= 0; k--)
			put(&acl, &len, tags[any() % 6], any() % 8, any_id());
		before = acl;
		same = len;
		r = acl_to_outside(&maps, &acl, len);
		if (r == -EOVERFLOW)
			continue;
		assert_int_equal(r, 0);
		for (size_t k = 0; k < (len - sizeof(acl.header)) / sizeof(*acl.entry); k++) {
			assert_int_equal(acl.entry[k].e_tag, before.entry[k].e_tag);
			assert_int_equal(acl.entry[k].e_perm, before.entry[k].e_perm);
			if (!has_id(le16toh(acl.entry[k].e_tag)))
				assert_int_equal(acl.entry[k].e_id, before.entry[k].e_id);
		}
		assert_int_equal(acl_to_inside(&maps, &acl, &len), 0);
		assert_int_equal(len, same);
		assert_memory_equal(&acl, &before, len);
	}
}

static void test_filecap_examples(void **state)
{
	struct id_maps maps = { 0 };
	struct vfs_ns_cap_data cap = { .magic_etc = htole32(VFS_CAP_REVISION_2 |
							    VFS_CAP_FLAGS_EFFECTIVE),
				       .data[0].permitted = htole32(0x2000) };
	size_t len = XATTR_CAPS_SZ_2;

	assert_int_equal(filecap_to_outside(&maps, &cap, &len), -EOVERFLOW);
	id_map_add(&maps.uids, 0, 100000, 65536);
	assert_int_equal(filecap_to_inside(&maps, &cap, &len), -EOVERFLOW); /* the host's root */
	assert_int_equal(filecap_to_outside(&maps, &cap, &len), 0);
	assert_int_equal(len, XATTR_CAPS_SZ_3);
	assert_int_equal(le32toh(cap.magic_etc), VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE);
	assert_int_equal(le32toh(cap.rootid), 100000);
	assert_int_equal(le32toh(cap.data[0].permitted), 0x2000);
	assert_int_equal(filecap_to_inside(&maps, &cap, &len), 0);
	assert_int_equal(len, XATTR_CAPS_SZ_2);
	assert_int_equal(le32toh(cap.magic_etc), VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE);
	for (len = 0; len < 40; len++) {
		size_t n = len;

		if (len != XATTR_CAPS_SZ_2)
			assert_int_equal(filecap_to_outside(&maps, &cap, &n), -EINVAL);
	}
}

static void test_filecap_is_reversible(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct id_maps maps;
		struct vfs_ns_cap_data cap = { 0 }, before;
		bool v3 = any() % 2;
		size_t len = v3 ? XATTR_CAPS_SZ_3 : XATTR_CAPS_SZ_2, same = len;

		any_map(&maps.uids);
		cap.magic_etc = htole32((v3 ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2) |
					(any() % 2 ? VFS_CAP_FLAGS_EFFECTIVE : 0));
		cap.data[0].permitted = any();
		cap.data[1].inheritable = any();
		cap.rootid = v3 ? htole32(any_id() | 1) : 0;
		before = cap;
		if (filecap_to_outside(&maps, &cap, &len) < 0)
			continue;
		assert_memory_equal(cap.data, before.data, sizeof(cap.data));
		assert_int_equal(filecap_to_inside(&maps, &cap, &len), 0);
		assert_int_equal(len, same);
		assert_memory_equal(&cap, &before, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_examples),
		cmocka_unit_test(test_map_all),
		cmocka_unit_test(test_map_refuses),
		cmocka_unit_test(test_map_is_reversible),
		cmocka_unit_test(test_acl_example),
		cmocka_unit_test(test_acl_refuses),
		cmocka_unit_test(test_acl_is_reversible),
		cmocka_unit_test(test_filecap_examples),
		cmocka_unit_test(test_filecap_is_reversible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
