/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which AppArmor profile is taken, what is written to procfs, and the mount label's text.
 */
#include "config.h"
#include "runtime/error.h"
#include "runtime/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void engines_profiles_become_ours(void **state)
{
	assert_string_equal(lsm_profile("docker-default"), "cloister-default");
	assert_string_equal(lsm_profile("crio-default"), "cloister-default");
	assert_string_equal(lsm_profile("cri-containerd.apparmor.d"), "cloister-default");
	assert_string_equal(lsm_profile("containers-default-0.57.4"), "cloister-default");
	assert_string_equal(lsm_profile("docker-default-mine"), "docker-default-mine");
	assert_string_equal(lsm_profile("unconfined"), "unconfined");
	assert_null(lsm_profile(""));
	assert_null(lsm_profile(NULL));
}

static void names_are_one_word(void **state)
{
	struct spec_process process = { .apparmor_profile = (char *)"a\nb" };
	g_autoptr(GError) error = NULL;
	struct lsm lsm;

	assert_false(lsm_prepare(&process, &lsm, &error));
	assert_non_null(strstr(error->message, "not a name"));
	lsm_clear(&lsm);
}

static void options_are(const char *type, const char *options, const char *label, const char *want)
{
	g_autofree char *got = lsm_mount_options(type, options, label);

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void mount_labels(void **state)
{
	const char *label = "system_u:object_r:container_file_t:s0:c1,c2";

	options_are("tmpfs", "size=1m", label,
		    "size=1m,context=\"system_u:object_r:container_file_t:s0:c1,c2\"");
	options_are("devpts", NULL, label,
		    "context=\"system_u:object_r:container_file_t:s0:c1,c2\"");
	options_are("tmpfs", "rootcontext=x", label, "rootcontext=x");
	options_are("proc", "hidepid=2", label, "hidepid=2");
	options_are("proc", NULL, label, NULL);
	options_are("tmpfs", "size=1m", NULL, "size=1m");
	options_are("tmpfs", "size=1m", "", "size=1m");
}

/* A directory of somebody else's in the place of procfs gets nothing. */
static void only_procfs_is_written(void **state)
{
	g_autofree char *dir = g_strdup_printf("%s/lsm-test.XXXXXX", g_get_tmp_dir());
	struct lsm lsm = { .apparmor = (char *)"exec x" };
	struct stat st;
	int fd, file;

	assert_non_null(g_mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fd, "self", 0755) | mkdirat(fd, "self/attr", 0755) |
				 mkdirat(fd, "self/attr/apparmor", 0755),
			 0);
	file = openat(fd, "self/attr/apparmor/exec", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(lsm_apply(&lsm, fd), -EXDEV);
	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(st.st_size, 0);
	unlinkat(fd, "self/attr/apparmor/exec", 0);
	assert_int_equal(symlinkat("/dev/null", fd, "self/attr/apparmor/exec"), 0);
	assert_int_equal(lsm_apply(&lsm, fd), -ELOOP);
	unlinkat(fd, "self/attr/apparmor/exec", 0);
	unlinkat(fd, "self/attr/apparmor", AT_REMOVEDIR);
	unlinkat(fd, "self/attr", AT_REMOVEDIR);
	unlinkat(fd, "self", AT_REMOVEDIR);
	close(file);
	close(fd);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engines_profiles_become_ours),
		cmocka_unit_test(names_are_one_word),
		cmocka_unit_test(mount_labels),
		cmocka_unit_test(only_procfs_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
