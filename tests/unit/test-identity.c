/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of what /proc and /sys tell: it is sound in itself, doc/identity.md says the same, and
 * what is made of it is what it says. `test-identity --table` prints the rows for the document.
 */
#include "config.h"
#include "lib/fd.h"
#include "lib/identity.h"
#include "lib/views.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void row_text(const struct identity *row, char *text, size_t size)
{
	snprintf(text, size, "| `/%s` | %s | %s |", row->path, identity_policy_name(row->policy),
		 row->reason);
}

static int print_table(void)
{
	char text[1024];

	for (int i = 0; i < identities_count; i++) {
		row_text(&identities[i], text, sizeof(text));
		puts(text);
	}
	return 0;
}

static char *read_doc(void)
{
	const char *top = getenv("top_srcdir") ?: ".";
	char path[4096], *doc = calloc(1, 1 << 18);

	snprintf(path, sizeof(path), "%s/doc/identity.md", top);
	assert_true(fd_read_file_at(AT_FDCWD, path, doc, 1 << 18) > 0);
	return doc;
}

static void the_document_has_each_row(void **state)
{
	char text[1024], *doc = read_doc();

	for (int i = 0; i < identities_count; i++) {
		row_text(&identities[i], text, sizeof(text));
		if (!strstr(doc, text))
			fail_msg("doc/identity.md lacks: %s", text);
	}
	free(doc);
}

static void the_document_has_no_other_row(void **state)
{
	char *doc = read_doc(), *rest = doc, *line;
	int rows = 0;

	while ((line = strsep(&rest, "\n"))) {
		int bars = 0;

		for (const char *c = line; *c; c++)
			bars += *c == '|';
		/* Rows of three columns; there is a table of two as well. */
		rows += strncmp(line, "| `/", 4) == 0 && bars == 4;
	}
	assert_int_equal(rows, identities_count);
	free(doc);
}

static void rows_are_sound(void **state)
{
	for (int i = 0; i < identities_count; i++) {
		const struct identity *row = &identities[i];

		assert_true(identity_is_below(row->path, "proc") ||
			    identity_is_below(row->path, "sys"));
		assert_ptr_equal(identity_find(row->path), row); /* no path twice */
		assert_true(row->reason && *row->reason);
		assert_int_equal(row->policy == IDENTITY_OWN, row->mode != 0);
		/* Only what nobody can hide is left to the modes of the kernel. */
		if (row->policy == IDENTITY_DENIED || row->policy == IDENTITY_MASKED)
			assert_null(strchr(strchr(row->path, '/') + 1, '/'));
	}
}

/* A view that the table does not know would be laid on a mask, and be seen by nobody. */
static void each_view_has_a_place(void **state)
{
	for (int i = 0; i < views_count; i++) {
		char path[256], *slash;
		const struct identity *row = NULL;

		snprintf(path, sizeof(path), "%s", views[i].path);
		while (!(row = identity_find(path)) && (slash = strrchr(path, '/')))
			*slash = '\0';
		if (!row || (row->policy != IDENTITY_VIEW && row->policy != IDENTITY_NATIVE))
			fail_msg("identity.c has no place for /%s", views[i].path);
	}
}

static void uuids_are_random_and_of_their_form(void **state)
{
	struct identity_values a, b;

	assert_int_equal(identity_values_make(&a, 100000, 100001), 0);
	assert_int_equal(identity_values_make(&b, 100000, 100001), 0);
	assert_int_equal(a.uid, 100000);
	assert_int_equal(a.gid, 100001);
	assert_int_equal(strlen(a.boot_id), 36);
	assert_int_equal(strlen(a.product_uuid), 36);
	assert_int_equal(a.boot_id[14], '4');
	assert_non_null(strchr("89ab", a.boot_id[19]));
	assert_string_not_equal(a.boot_id, b.boot_id);
	assert_string_not_equal(a.product_uuid, b.product_uuid);
	assert_string_not_equal(a.boot_id, a.product_uuid);
}

static void directories_of_ours_cover_what_is_below(void **state)
{
	assert_string_equal(identity_cover_of("sys/class/net")->path, "sys/class");
	assert_string_equal(identity_cover_of("sys/class/dmi/id")->path, "sys/class");
	assert_null(identity_cover_of("sys/class"));
	assert_null(identity_cover_of("sys/classes/net"));
	assert_null(identity_cover_of("proc/sys/kernel/random/boot_id"));
}

/* What is made on a small tree that stands for a kernel's. */
static void what_is_made_is_in_the_table(void **state)
{
	char dir[] = "/tmp/cloister-identity.XXXXXX", text[4096], command[1024], what[256] = "";
	const char *points[] = { "sys/kernel/mnt", "sys/kernel/absent", "proc/other", NULL };
	struct identity_values values;
	struct stat st;
	autofd base = -1, own = -1;

	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p own base/proc base/sys/class/net base/sys/class/tty "
		 "base/sys/kernel/mnt base/sys/kernel/mm/hugepages/hugepages-64kB && "
		 "echo 8 >base/sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages && "
		 "echo 64 >base/sys/kernel/address_bits && "
		 "printf '#subsys_name\\thierarchy\\tnum_cgroups\\tenabled\\ncpu\\t3\\t77\\t1\\n' "
		 ">base/proc/cgroups",
		 dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s/base", dir);
	base = open(command, O_PATH | O_DIRECTORY);
	snprintf(command, sizeof(command), "%s/own", dir);
	own = open(command, O_PATH | O_DIRECTORY);
	assert_int_equal(identity_values_make(&values, getuid(), getgid()), 0);
	assert_int_equal(identity_make(own, base, "proc", &values, points, what, sizeof(what)), 0);
	assert_int_equal(identity_make(own, base, "sys", &values, points, what, sizeof(what)), 0);

	assert_true(fd_read_file_at(own, "proc/cgroups", text, sizeof(text)) > 0);
	assert_string_equal(text, "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t1\t1");
	assert_true(fd_read_file_at(own, "proc/sys/kernel/random/boot_id", text, 64) == 36);
	assert_string_equal(text, values.boot_id);
	assert_int_equal(fstatat(own, "sys/devices/virtual/dmi/id/product_uuid", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0400);
	assert_int_equal(fd_read_file_at(own, "sys/kernel/address_bits", text, 64), 2);
	assert_true(fd_read_file_at(own, "sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages",
				    text, 64) == 1);
	assert_string_equal(text, "0");
	assert_int_equal(faccessat(own, "sys/class/net", F_OK, 0), 0);
	assert_int_equal(faccessat(own, "sys/kernel/mnt", F_OK, 0), 0);
	assert_int_not_equal(faccessat(own, "sys/kernel/absent", F_OK, 0), 0);
	assert_int_not_equal(faccessat(own, "sys/class/tty", F_OK, 0), 0);
	assert_int_not_equal(faccessat(own, "proc/other", F_OK, 0), 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

static void mount_tmpfs(const char *path)
{
	assert_int_equal(mount("tmpfs", path, "tmpfs", 0, NULL), 0);
}

static bool is_empty(const char *path)
{
	char buf[2];

	return fd_read_file_at(AT_FDCWD, path, buf, sizeof(buf)) == 0;
}

/* Laid on trees that stand for a kernel's; in a mount namespace of its own, which dies with it. */
static void lay_on_a_kernel_of_tomorrow(void)
{
	struct identity_values values;
	char what[256] = "";
	autofd base = -1, own = -1;

	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	mount_tmpfs("/mnt");
	assert_int_equal(chdir("/mnt"), 0);
	assert_int_equal(system("mkdir own empty empty/dir proc sys && : >empty/file"), 0);
	mount_tmpfs("own");
	mount_tmpfs("proc");
	mount_tmpfs("sys");
	assert_int_equal(
		system("cd proc && mkdir -p 1 tomorrow sys/kernel/random && "
		       "echo 1 | tee 1/status version modules kallsyms tomorrows "
		       "tomorrow/file sys/kernel/random/boot_id >/dev/null && "
		       "echo 1 >kcore && chmod 0400 kcore && ln -s self/net net && "
		       "cd ../sys && mkdir -p class/net/lo class/tty tomorrow/dir module/m && "
		       "echo 1 >class/net/lo/mtu"),
		0);
	base = open(".", O_PATH | O_DIRECTORY);
	own = open("own", O_PATH | O_DIRECTORY);
	assert_int_equal(identity_values_make(&values, 0, 0), 0);
	for (const char *part = "proc"; part; part = *part == 'p' ? "sys" : NULL) {
		assert_int_equal(identity_make(own, base, part, &values, NULL, what, sizeof(what)),
				 0);
		assert_int_equal(identity_lay(base, part, what, sizeof(what)), 0);
	}
	assert_true(is_empty("proc/tomorrows"));
	assert_int_not_equal(access("proc/tomorrow/file", F_OK), 0);
	assert_int_not_equal(access("sys/tomorrow/dir", F_OK), 0);
	assert_true(is_empty("proc/modules"));
	assert_true(is_empty("proc/kallsyms"));
	assert_false(is_empty("proc/version"));
	assert_false(is_empty("proc/kcore")); /* left to its mode */
	assert_false(is_empty("proc/1/status"));
	assert_true(fd_read_file_at(base, "proc/sys/kernel/random/boot_id", what, 64) == 36);
	assert_int_not_equal(access("sys/class/tty", F_OK), 0);
	assert_int_not_equal(access("sys/module/m", F_OK), 0);
	assert_int_equal(access("sys/class/net/lo/mtu", F_OK), 0);
	/* What is native is the kernel's directory, not a copy. */
	assert_int_equal(mkdir("sys/class/net/eth0", 0755), 0);
}

static void a_name_nobody_knows_is_masked(void **state)
{
	pid_t pid;
	int status;

	if (getuid() != 0) {
		print_message("not root: nothing is mounted\n");
		return;
	}
	pid = fork();
	if (pid == 0) {
		lay_on_a_kernel_of_tomorrow();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(the_document_has_each_row),
		cmocka_unit_test(the_document_has_no_other_row),
		cmocka_unit_test(each_view_has_a_place),
		cmocka_unit_test(uuids_are_random_and_of_their_form),
		cmocka_unit_test(directories_of_ours_cover_what_is_below),
		cmocka_unit_test(what_is_made_is_in_the_table),
		cmocka_unit_test(a_name_nobody_knows_is_masked),
	};

	if (argc > 1 && strcmp(argv[1], "--table") == 0)
		return print_table();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
