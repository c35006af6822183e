/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of mount.shiftfs: the spellings of one map, what is refused, and flags of the mount.
 */
#include "config.h"
#include "shiftfs-fallback/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/mount.h>

static struct complaint why;

static bool good(struct mount_options *o, const char *text)
{
	why = (struct complaint){ 0 };
	if (mount_options_read(o, text, false, &why))
		return true;
	print_message("%s: %s\n", text, why.text);
	return false;
}

/* An error is one line, and for whoever wrote the options. */
static void bad(const char *text, const char *want)
{
	struct mount_options o;

	why = (struct complaint){ 0 };
	if (mount_options_read(&o, text, false, &why))
		fail_msg("\"%s\" is taken", text);
	mount_options_clear(&o);
	if (!strstr(why.text, want))
		fail_msg("\"%s\": \"%s\" instead of \"%s\"", text, why.text, want);
	assert_int_equal(why.status, MOUNT_USAGE);
	assert_null(strpbrk(why.text, "\n\r"));
}

/* 0 to 65535 of the source are shown from 100000 on. */
static void test_spellings(void **state)
{
	static const char *const same[] = {
		"idmap=0:100000:65536",
		"idmap=b:0:100000:65536",
		"idmap=both:0:100000:65536",
		"idmap=u:0:100000:65536;g:0:100000:65536",
		"idmap=u:0:100000:65536 g:0:100000:65536",
		"idmap=uid:0:100000:65536#gid:0:100000:65536",
		"X-mount.idmap=b:0:100000:65536",
		"idmap=0:100000:1000;1000:101000:64536",
		"idmap=uids=0-100000-65536;gids=0-100000-65536",
		"idmap=uids=0-100000-1#1-100001-65535;gids=0-100000-65536",
		"uidmapping=0:100000:65536,gidmapping=0:100000:65536",
		"uidmapping=0:100000:1:1:100001:65535,gidmapping=0:100000:65536",
		"translate-uid=map:100000:0:65536,translate-gid=map:100000:0:65536",
		"shift=100000",
		"shift=100000:65536",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct mount_options o;

		assert_true(good(&o, same[i]));
		for (int k = 0; k < 2; k++) {
			const struct id_map *map = k ? &o.maps.gids : &o.maps.uids;

			assert_int_equal(id_map_inside(map, 0), 100000);
			assert_int_equal(id_map_inside(map, 65535), 165535);
			assert_int_equal(id_map_inside(map, 65536), ID_NONE);
			assert_int_equal(id_map_outside(map, 0), ID_NONE);
		}
		mount_options_clear(&o);
	}
}

static void test_one_kind(void **state)
{
	struct mount_options o;

	assert_true(good(&o, "idmap=u:0:5000:10"));
	assert_int_equal(id_map_inside(&o.maps.uids, 3), 5003);
	assert_int_equal(id_map_inside(&o.maps.uids, 10), ID_NONE);
	assert_int_equal(id_map_inside(&o.maps.gids, 3), 3); /* not spoken of */
	assert_int_equal(id_map_inside(&o.maps.gids, 4294967294), 4294967294);
	mount_options_clear(&o);
	assert_true(good(&o, "uid-offset=100,gid-offset=200"));
	assert_int_equal(id_map_inside(&o.maps.uids, 0), 100);
	assert_int_equal(id_map_inside(&o.maps.gids, 0), 200);
	mount_options_clear(&o);
}

static void test_pairs(void **state)
{
	struct mount_options o;

	assert_true(good(&o, "map=1000/1001:@50/@60:root/7"));
	assert_int_equal(id_map_inside(&o.maps.uids, 1000), 1001);
	assert_int_equal(id_map_inside(&o.maps.uids, 1001), ID_NONE); /* or two would be one */
	assert_int_equal(id_map_outside(&o.maps.uids, 1000), ID_NONE);
	assert_int_equal(id_map_inside(&o.maps.uids, 0), 7);
	assert_int_equal(id_map_inside(&o.maps.uids, 8), 8);
	assert_int_equal(id_map_inside(&o.maps.uids, 999), 999);
	assert_int_equal(id_map_inside(&o.maps.uids, 1002), 1002);
	assert_int_equal(id_map_inside(&o.maps.uids, 4294967294), 4294967294);
	assert_int_equal(id_map_inside(&o.maps.gids, 50), 60);
	assert_int_equal(id_map_inside(&o.maps.gids, 1000), 1000);
	mount_options_clear(&o);
	assert_true(good(&o, "map=0/1:1/0")); /* a swap */
	assert_int_equal(id_map_inside(&o.maps.uids, 0), 1);
	assert_int_equal(id_map_inside(&o.maps.uids, 1), 0);
	assert_int_equal(id_map_inside(&o.maps.uids, 2), 2);
	mount_options_clear(&o);
}

static void test_others(void **state)
{
	struct mount_options o;

	assert_true(good(&o,
			 "rw,idmap=container:web,nofail,_netdev,x-systemd.automount,"
			 "comment=x,user,allow_dev,default_permissions,allow_other,user_id=0,,"));
	assert_string_equal(o.container, "web");
	assert_int_equal(o.set, 0);
	assert_true(o.nofail && o.allow_dev && !o.allow_suid);
	mount_options_clear(&o);
	assert_true(good(&o, "idmap=/proc/1/ns/user,fallback=always,cache=none"));
	assert_string_equal(o.userns, "/proc/1/ns/user");
	assert_int_equal(o.fallback, FALLBACK_ALWAYS);
	assert_string_equal(o.cache, "strict");
	mount_options_clear(&o);
	assert_true(good(&o, "as=alice:users,owner=100000:100001,hide=\"a,b/c\",hide=d"));
	assert_string_equal(o.as, "alice:users");
	assert_int_equal(o.owner_gid, 100001);
	assert_int_equal(o.n_hide, 2);
	assert_string_equal(o.hide[0], "a,b/c");
	mount_options_clear(&o);
	assert_true(good(&o, "gid=7,uid=5,as=alice,uid=6"));
	assert_true(o.owned && o.owner_uid == 6 && o.owner_gid == 7);
	mount_options_clear(&o);
	assert_true(good(&o, "as=alice,uid=5"));
	assert_true(o.owned && o.owner_uid == 5 && o.owner_gid == 5);
	mount_options_clear(&o);
	assert_true(good(&o, "remount,ro"));
	assert_true(o.remount);
	mount_options_clear(&o);
}

/* Where FUSE is asked for, it need not be for ids. */
static void test_no_ids(void **state)
{
	static const char *const texts[] = { "fallback=always,ro", "hide=a" };
	struct mount_options o;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_true(good(&o, texts[i]));
		assert_int_equal(o.maps.uids.n, 1);
		assert_int_equal(o.maps.uids.range[0].inside, 0);
		assert_int_equal(o.maps.uids.range[0].outside, 0);
		assert_int_equal(o.maps.gids.range[0].count, UINT32_MAX);
		mount_options_clear(&o);
	}
	assert_true(good(&o, "as=alice,fallback=always"));
	assert_int_equal(o.maps.uids.n, 0);
	mount_options_clear(&o);
}

static void test_flags(void **state)
{
	struct mount_options o;

	assert_true(good(&o, "idmap=0:1:1,ro,noexec,suid,noatime"));
	assert_int_equal(o.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME);
	assert_true(o.allow_suid && !o.allow_dev);
	mount_options_clear(&o);
	assert_true(good(&o, "idmap=0:1:1,ro,rw,nosuid,suid,suid,nosuid,noatime,relatime"));
	assert_int_equal(o.set, MOUNT_ATTR_NOSUID);
	mount_options_clear(&o);
}

static void test_refused(void **state)
{
	bad("", "no ids are mapped");
	bad("ro", "no ids are mapped");
	bad("idmap=", "SOURCE:SHOWN:COUNT");
	bad("idmap=0:100000", "SOURCE:SHOWN:COUNT");
	bad("idmap=0:100000:65536;", "SOURCE:SHOWN:COUNT");
	bad("idmap=0:100000:65536x", "SOURCE:SHOWN:COUNT");
	bad("idmap=-1:0:1", "SOURCE:SHOWN:COUNT");
	bad("idmap=0x0:0:1", "SOURCE:SHOWN:COUNT");
	bad("idmap=x:0:100000:65536", "SOURCE:SHOWN:COUNT");
	bad("idmap=0:100000:0", "at least one id");
	bad("idmap=0:4294967295:1", "none beyond");
	bad("idmap=1:0:4294967295", "none beyond");
	bad("idmap=0:99999999999:1", "SOURCE:SHOWN:COUNT");
	bad("idmap=0:100:10;5:200:10", "overlaps");
	bad("idmap=0:100:10;20:105:10", "overlaps");
	bad("idmap=0:100:10,shift=50", "overlaps");
	bad("idmap=uids=0-1", "uids=");
	bad("idmap=uids=0-1-1;", "uids=");
	bad("idmap=uids=@0-1-1", "uids=");
	bad("uidmapping=0:1", "uidmapping");
	bad("uidmapping=0:1:1:2", "uidmapping");
	bad("map=nosuchuser-x/0", "must exist");
	bad("map=0/@0", "USER/USER");
	bad("map=", "USER/USER");
	bad("map=1000", "USER/USER");
	bad("map=0/1:0/2", "overlaps");
	bad("uid-offset=x", "uid-offset");
	bad("translate-uid=guest:0:0:1", "map:SHOWN");
	bad("idmap=container:", "name");
	bad("idmap=container:a,idmap=0:1:1", "more than one way");
	bad("idmap=0:1:1,owner=5", "more than one way");
	bad("owner=5", "as=USER");
	bad("uid=5", "as=USER");
	bad("as=u,uid=4294967295", "uid=4294967295");
	bad("as=u,gid=staff", "gid=staff");
	bad("as=u,uid=0,idmap=0:1:1", "more than one way");
	bad("as=", "user");
	bad("as=u,owner=x", "owner=x");
	bad("idmap=0:1:1,fallback=maybe", "never, auto or always");
	bad("idmap=0:1:1,cache=often", "strict, auto or always");
	bad("idmap=0:1:1,threads=-1", "number");
	bad("idmap=0:1:1,hide=/", "below the source");
	bad("idmap=0:1:1,hide=..", "below the source");
	bad("idmap=0:1:1,fallback=never,hide=x", "needs FUSE");
	bad("as=alice,fallback=never", "needs FUSE");
	bad("idmap=0:1:1,sync", "sync");
	bad("idmap=0:1:1,nosuchthing", "unknown option \"nosuchthing\"");
	bad("idmap=0:1:1,nosuchthing=5", "unknown option \"nosuchthing=5\"");
	bad("idmap=0:1:1,nofail=5", "unknown option");
	bad("idmap=0:1:1,squash_to_root", "as=USER");
	bad("idmap=0:1:1,a\nb", "unknown option \"a?b\"");
}

static void test_sloppy(void **state)
{
	struct mount_options o;

	assert_true(mount_options_read(&o, "idmap=0:1:1,nosuchthing,other=5", true, &why));
	mount_options_clear(&o);
	assert_false(mount_options_read(&o, "idmap=0:1:x,nosuchthing", true, &why));
	mount_options_clear(&o);
}

static void test_map_text(void **state)
{
	struct id_map map = { 0 };

	assert_true(options_map_text("         0     100000      65536\n 70000 5 1", &map));
	assert_int_equal(id_map_inside(&map, 1), 100001);
	assert_int_equal(id_map_inside(&map, 70000), 5);
	map.n = 0;
	assert_false(options_map_text("", &map));
	assert_false(options_map_text("0 1\n", &map));
	assert_false(options_map_text("0 1 2 3\n", &map));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings), cmocka_unit_test(test_one_kind),
		cmocka_unit_test(test_pairs),	  cmocka_unit_test(test_others),
		cmocka_unit_test(test_no_ids),	  cmocka_unit_test(test_flags),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_sloppy),
		cmocka_unit_test(test_map_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
