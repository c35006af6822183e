/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What overlay mounts say of themselves in mountinfo, as seen with Docker, Podman, containerd and
 * by hand; and the record of what a container has outside of itself.
 */
#include "config.h"
#include "lib/mirror.h"
#include "lib/sys.h"
#include "runtime/overlay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

static void parse(struct overlay_options *o, const char *fields)
{
	g_autofree char *text = g_strdup_printf("30 1 8:1 / / rw shared:1 - ext4 /dev/sda rw\n"
						"100 30 0:40 %s\n"
						"1000 30 0:41 / /b rw - tmpfs none rw\n",
						fields);
	g_autoptr(GError) error = NULL;

	if (!overlay_parse(text, 100, o, &error))
		fail_msg("%s", error->message);
}

static void refuse(const char *mountinfo, uint64_t id, const char *what)
{
	struct overlay_options o;
	g_autoptr(GError) error = NULL;

	assert_false(overlay_parse(mountinfo, id, &o, &error));
	assert_non_null(strstr(error->message, what));
	overlay_options_clear(&o);
}

static const char *lower(const struct overlay_options *o, guint i)
{
	assert_true(i < o->lower->len);
	return g_ptr_array_index(o->lower, i);
}

static void assert_rest(const struct overlay_options *o, const char *want)
{
	g_autoptr(GString) s = g_string_new(NULL);

	for (guint i = 0; i < o->rest->len; i++)
		g_string_append_printf(s, "%s ", (char *)g_ptr_array_index(o->rest, i));
	assert_string_equal(s->str, want);
}

static void test_docker(void **state)
{
	struct overlay_options o;

	parse(&o, "/ /var/lib/docker/overlay2/c/merged rw,relatime shared:9 - overlay overlay "
		  "rw,lowerdir=l/AA:l/BB,upperdir=c/diff,workdir=c/work,index=off,nfs_export=off");
	assert_string_equal(o.mount_point, "/var/lib/docker/overlay2/c/merged");
	assert_string_equal(o.subdir, "/");
	assert_int_equal(o.lower->len, 2);
	assert_string_equal(lower(&o, 0), "l/AA");
	assert_string_equal(lower(&o, 1), "l/BB");
	assert_string_equal(o.upper, "c/diff");
	assert_string_equal(o.work, "c/work");
	assert_false(o.index || o.readonly);
	assert_int_equal(o.attrs, 0);
	assert_rest(&o, "");
	overlay_options_clear(&o);
}

static void test_options(void **state)
{
	struct overlay_options o;

	parse(&o, "/part /m ro,nosuid,nodev,noexec,noatime - overlay x "
		  "ro,context=\"system_u:object_r:container_file_t:s0:c1,c2\",lowerdir=/a,"
		  "redirect_dir=on,metacopy=on,volatile,userxattr,xino=off,uuid=on,index=on");
	assert_string_equal(o.subdir, "/part");
	assert_int_equal(o.attrs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					  MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME);
	assert_true(o.readonly);
	assert_true(o.index);
	assert_null(o.upper);
	assert_rest(&o, "context=system_u:object_r:container_file_t:s0:c1,c2 redirect_dir=on "
			"metacopy=on volatile userxattr xino=off uuid=on ");
	overlay_options_clear(&o);
	parse(&o, "/ /m rw - overlay x rw,lowerdir=/a,nfs_export=on");
	assert_true(o.index);
	overlay_options_clear(&o);
}

/* The kernel writes \ooo; below that is what the mounter wrote. */
static void test_escapes(void **state)
{
	struct overlay_options o;

	parse(&o, "/a\\040b /m\\011\\134 rw - overlay x "
		  "rw,lowerdir=/a\\134:b:/c\\134\\054d:/e\\134\\134f:/g\\040h\\012,"
		  "upperdir=/u\\134:p\\054");
	assert_string_equal(o.subdir, "/a b");
	assert_string_equal(o.mount_point, "/m\t\\");
	assert_int_equal(o.lower->len, 4);
	assert_string_equal(lower(&o, 0), "/a:b");
	assert_string_equal(lower(&o, 1), "/c,d");
	assert_string_equal(lower(&o, 2), "/e\\f");
	assert_string_equal(lower(&o, 3), "/g h\n");
	assert_string_equal(o.upper, "/u\\:p,");
	overlay_options_clear(&o);
	{
		g_autofree char *plain = overlay_unescape("/u\\:p\\\\q\\"),
				*none = overlay_unescape("");

		assert_string_equal(plain, "/u:p\\q\\");
		assert_string_equal(none, "");
	}
}

static void test_one_by_one(void **state)
{
	struct overlay_options o;

	parse(&o, "/ /m rw - overlay x rw,lowerdir+=/a:b\\134,lowerdir+=/c,datadir+=/d");
	assert_int_equal(o.lower->len, 3);
	assert_int_equal(o.n_data, 1);
	assert_string_equal(lower(&o, 0), "/a:b\\");
	assert_string_equal(lower(&o, 2), "/d");
	overlay_options_clear(&o);
	parse(&o, "/ /m rw - overlay x rw,lowerdir=/a:/b::/c::/d");
	assert_int_equal(o.lower->len, 4);
	assert_int_equal(o.n_data, 2);
	overlay_options_clear(&o);
}

static void test_many(void **state)
{
	g_autoptr(GString) s = g_string_new("/ /m rw - overlay x rw,lowerdir=l0");
	struct overlay_options o;

	for (int i = 1; i < 500; i++)
		g_string_append_printf(s, ":l%d", i);
	parse(&o, s->str);
	assert_int_equal(o.lower->len, 500);
	assert_string_equal(lower(&o, 499), "l499");
	overlay_options_clear(&o);
}

static void test_refused(void **state)
{
	refuse("", 1, "not in");
	refuse("1 2 0:3 / /m rw - overlay x rw,lowerdir=/a\n", 10, "not in");
	refuse("1 2 0:3 / /m rw - ext4 x rw\n", 1, "ext4");
	refuse("1 2 0:3 / /m rw - overlay x rw\n", 1, "no lower");
	refuse("1 2 0:3 / /m rw - overlay\n", 1, "not in");
	refuse("1 2 0:3 /\n", 1, "not in");
	refuse("1 2 0:3 / /m rw - overlay x rw,lowerdir=\n", 1, "no lower");
	refuse("1 2 0:3 / /m rw - overlay x rw,lowerdir\n", 1, "no lower");
	refuse("1 2 0:3 / /m rw - overlay x \"\n", 1, "no lower");
}

/* The record outlives its writer; what it names is removed only if it is there and ours. */
static void test_record(void **state)
{
	static struct mirror_record r = { .mount_id = 4711, .dev = 99 };
	char base[] = "/tmp/test-overlay.XXXXXX";
	g_autofree char *mine = NULL, *deep = NULL, *other = NULL;
	int dir;

	assert_non_null(mkdtemp(base));
	dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mirror_stop(dir), 0);
	mine = g_build_filename(base, " a\nb ", MIRROR_WORK "1", NULL);
	deep = g_build_filename(mine, "work", "incompat", "volatile", NULL);
	other = g_build_filename(base, "work", NULL);
	assert_int_equal(g_mkdir_with_parents(deep, 0700), 0);
	assert_int_equal(g_mkdir_with_parents(other, 0700), 0);
	g_strlcpy(r.path, base, sizeof(r.path));
	g_strlcpy(r.work, mine, sizeof(r.work));
	assert_int_equal(mirror_save(dir, &r), 0);
	assert_int_equal(mirror_stop(dir), 0);
	assert_int_equal(access(mine, F_OK), -1);
	assert_int_equal(faccessat(dir, "mirror", F_OK, 0), -1);
	g_strlcpy(r.work, other, sizeof(r.work));
	assert_int_equal(mirror_save(dir, &r), 0);
	assert_int_equal(mirror_stop(dir), 0);
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(mirror_stop(dir), 0);
	rmdir(other);
	unlinkat(dir, " a\nb ", AT_REMOVEDIR);
	rmdir(base);
	close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),	cmocka_unit_test(test_options),
		cmocka_unit_test(test_escapes), cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_many),	cmocka_unit_test(test_refused),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
