/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding cgroup hierarchies in captured texts of other hosts, and the conversions.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct cgroup_hierarchy *find(const struct cgroups *cg, const char *controllers)
{
	for (int i = 0; i < cg->n; i++)
		if (strcmp(cg->h[i].controllers, controllers) == 0)
			return &cg->h[i];
	fail_msg("no hierarchy \"%s\"", controllers);
	return NULL;
}

static void expect(const struct cgroups *cg, const char *controllers, const char *mount_point,
		   const char *own)
{
	const struct cgroup_hierarchy *h = find(cg, controllers);

	assert_string_equal(h->mount_point, mount_point);
	assert_string_equal(h->own, own);
	assert_int_equal(h->v2, controllers[0] == '\0');
	assert_int_equal(h->mount_fd, -1);
	assert_int_equal(h->dir_fd, -1);
}

/* Debian 12 with systemd. */
static void test_v2(void **state)
{
	struct cgroups cg;

	assert_int_equal(
		cgroup_parse(
			&cg,
			"22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs "
			"rw\n"
			"28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
			"30 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - "
			"cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
			"0::/user.slice/user-0.slice/session-1.scope\n"),
		0);
	assert_int_equal(cg.n, 1);
	assert_int_equal(cgroup_mode(&cg), CGROUP_V2);
	expect(&cg, "", "/sys/fs/cgroup", "/user.slice/user-0.slice/session-1.scope");
	cgroup_free(&cg);
}

/* CentOS 7: co-mounted controllers, named differently in the two files; no v2. */
static void test_v1(void **state)
{
	struct cgroups cg;

	assert_int_equal(cgroup_parse(&cg,
				      "24 18 0:21 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:8 "
				      "- tmpfs tmpfs ro,mode=755\n"
				      "25 24 0:22 / /sys/fs/cgroup/systemd "
				      "rw,nosuid,nodev,noexec,relatime shared:9 - "
				      "cgroup cgroup "
				      "rw,xattr,release_agent=/usr/lib/systemd/"
				      "systemd-cgroups-agent,name=systemd\n"
				      "28 24 0:25 / /sys/fs/cgroup/cpu,cpuacct "
				      "rw,nosuid,nodev,noexec,relatime shared:11 - "
				      "cgroup cgroup rw,cpuacct,cpu\n"
				      "29 24 0:26 / /sys/fs/cgroup/net_cls,net_prio rw shared:12 - "
				      "cgroup cgroup rw,net_prio,net_cls\n"
				      "30 24 0:27 / /sys/fs/cgroup/memory rw shared:13 - cgroup "
				      "cgroup rw,memory\n"
				      "31 24 0:28 / /sys/fs/cgroup/cpuset rw,relatime - cgroup "
				      "cgroup rw,cpuset,noprefix,clone_children\n",
				      "11:cpu,cpuacct:/system.slice/sshd.service\n"
				      "9:net_cls,net_prio:/\n"
				      "5:cpuset:/\n"
				      "4:memory:/odd:path\n"
				      "1:name=systemd:/user.slice\n"),
			 0);
	assert_int_equal(cg.n, 5);
	assert_int_equal(cgroup_mode(&cg), CGROUP_V1);
	expect(&cg, "cpuacct,cpu", "/sys/fs/cgroup/cpu,cpuacct", "/system.slice/sshd.service");
	expect(&cg, "net_prio,net_cls", "/sys/fs/cgroup/net_cls,net_prio", "/");
	expect(&cg, "memory", "/sys/fs/cgroup/memory", "/odd:path");
	expect(&cg, "cpuset", "/sys/fs/cgroup/cpuset", "/");
	expect(&cg, "name=systemd", "/sys/fs/cgroup/systemd", "/user.slice");
	assert_true(cgroup_list_has(find(&cg, "cpuacct,cpu")->controllers, "cpu"));
	cgroup_free(&cg);
}

/* Ubuntu 20.04: v1 controllers, v2 beside them; memory mounted a second time elsewhere. */
static void test_hybrid(void **state)
{
	struct cgroups cg;

	assert_int_equal(
		cgroup_parse(
			&cg,
			"33 32 0:28 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 "
			"rw,nsdelegate\n"
			"34 32 0:29 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup "
			"rw,xattr,name=systemd\n"
			"40 32 0:33 / /sys/fs/cgroup/memory rw shared:18 - cgroup cgroup "
			"rw,memory\n"
			"41 32 0:33 / /mnt/with\\040blank rw - cgroup cgroup rw,memory\n",
			"4:memory:/user.slice\n1:name=systemd:/user.slice\n0::/user.slice/x\n"),
		0);
	assert_int_equal(cg.n, 3);
	assert_int_equal(cgroup_mode(&cg), CGROUP_HYBRID);
	expect(&cg, "", "/sys/fs/cgroup/unified", "/user.slice/x");
	expect(&cg, "memory", "/sys/fs/cgroup/memory", "/user.slice");
	cgroup_free(&cg);
}

/*
 * Inside a Docker container of a v1 host: what it sees first is read-only and only its own part;
 * a nested engine has mounted the whole again, writable.
 */
static void test_nested_in_docker(void **state)
{
	struct cgroups cg;

	assert_int_equal(cgroup_parse(&cg,
				      "910 899 0:29 /docker/4f2a /sys/fs/cgroup/memory "
				      "ro,nosuid,nodev master:11 - cgroup cgroup rw,memory\n"
				      "911 899 0:30 /docker/4f2a /sys/fs/cgroup/pids "
				      "ro,nosuid,nodev master:12 - cgroup cgroup rw,pids\n"
				      "950 899 0:29 / /tmp/my\\040cgroups/memory rw,nosuid - "
				      "cgroup cgroup rw,memory\n",
				      "6:pids:/docker/4f2a\n4:memory:/docker/4f2a\n"),
			 0);
	assert_int_equal(cg.n, 2);
	expect(&cg, "memory", "/tmp/my cgroups/memory", "/docker/4f2a");
	expect(&cg, "pids", "/sys/fs/cgroup/pids", "/docker/4f2a");
	cgroup_free(&cg);
}

static void test_odd_text(void **state)
{
	struct cgroups cg;
	char *text = malloc(200000);
	size_t len = 0;

	assert_int_equal(cgroup_parse(&cg, "", ""), 0);
	assert_int_equal(cg.n, 0);
	assert_int_equal(cgroup_mode(&cg), CGROUP_NONE);
	assert_int_equal(
		cgroup_parse(&cg,
			     " - cgroup\n1 2 3 - cgroup cgroup rw,memory\n - cgroup cgroup\n"
			     "1 2 0:1 / /a rw - cgroup\n1 2 0:1 / /b rw - cgroup cgroup rw\n"
			     "1 2 0:1 / /c - cgroup-x rw - tmpfs cgroup rw,memory\n"
			     "1 2 0:1 / /d\\ rw - cgroup x rw,memory",
			     "\n:\n::\n4:memory\n:::\nx"),
		0);
	assert_int_equal(cg.n, 1);
	assert_string_equal(cg.h[0].mount_point, "/d\\");
	assert_null(cg.h[0].own);
	cgroup_free(&cg);
	for (int i = 0; i < CGROUP_MAX_HIERARCHIES + 1; i++)
		len += sprintf(text + len, "1 2 0:1 / /m%d rw - cgroup cgroup rw,name=n%d\n", i, i);
	assert_true(cgroup_parse(&cg, text, "") < 0);
	assert_int_equal(cg.n, 0);
	/* Longer than any line that the kernel writes for a cgroup: passed over. */
	memset(text, 'a', 100000);
	strcpy(text + 100000, " - cgroup cgroup rw,memory\n1 2 0:1 / /ok rw - cgroup2 none rw\n");
	assert_int_equal(cgroup_parse(&cg, text, text), 0);
	assert_int_equal(cg.n, 1);
	cgroup_free(&cg);
	free(text);
}

static void test_lists(void **state)
{
	assert_true(cgroup_list_has("cpu,cpuacct", "cpu"));
	assert_true(cgroup_list_has("cpu,cpuacct", "cpuacct"));
	assert_true(cgroup_list_has("cpuset cpu io\n", "io"));
	assert_false(cgroup_list_has("cpuset,cpuacct", "cpu"));
	assert_false(cgroup_list_has("", "cpu"));
	assert_false(cgroup_list_has("cpu", ""));
}

static void test_same_list(void **state)
{
	assert_true(cgroup_same_list("0-2,5", "5,0,1,2"));
	assert_true(cgroup_same_list("3", "3-3"));
	assert_false(cgroup_same_list("0-3", "0-1"));
	assert_false(cgroup_same_list("3", "0-1"));
	/* What we cannot read is left to the kernel's judgement. */
	assert_true(cgroup_same_list("", "0-1"));
	assert_true(cgroup_same_list("0-31:2/4", "0-1"));
	assert_true(cgroup_same_list("0-99999999", "0"));
	assert_true(cgroup_same_list("5-2", "0"));
}

static void test_weight(void **state)
{
	uint64_t before = 0;

	assert_int_equal(cgroup_weight_from_shares(0), 0);
	assert_int_equal(cgroup_weight_from_shares(1), 1);
	assert_int_equal(cgroup_weight_from_shares(2), 1);
	assert_int_equal(cgroup_weight_from_shares(1024), 100);
	assert_int_equal(cgroup_weight_from_shares(262144), 10000);
	assert_int_equal(cgroup_weight_from_shares(UINT64_MAX), 10000);
	for (uint64_t shares = 2; shares <= 262144; shares++) {
		uint64_t weight = cgroup_weight_from_shares(shares);

		assert_true(weight >= before && weight >= 1 && weight <= 10000);
		before = weight;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v2),	  cmocka_unit_test(test_v1),
		cmocka_unit_test(test_hybrid),	  cmocka_unit_test(test_nested_in_docker),
		cmocka_unit_test(test_odd_text),  cmocka_unit_test(test_lists),
		cmocka_unit_test(test_same_list), cmocka_unit_test(test_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
