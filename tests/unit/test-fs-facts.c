/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the sources of a real cgroup: every level of a limit, nothing above the hierarchy's root.
 */
#include "config.h"
#include "lib/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* A cgroup two levels below the root of the memory hierarchy, v1 or v2. */
struct place {
	const char *controller; /* "memory" or "" */
	char outer[128], inner[160];
	int fd;
};

static const char *root_of(struct place *p)
{
	p->controller = "memory";
	if (access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0)
		return "/sys/fs/cgroup/memory";
	p->controller = "";
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
		return "/sys/fs/cgroup";
	return NULL;
}

static int dir_of(const char *controller, void *arg)
{
	const struct place *p = arg;

	return strcmp(controller, p->controller) == 0 ? p->fd : -1;
}

static int count(const struct fact_fd *fds, int n, enum fact id)
{
	int found = 0;

	for (int i = 0; i < n; i++)
		found += strcmp(fds[i].name, fact_sources[id].name) == 0;
	return found;
}

/* Levels that have @file, from the inner one up. */
static int levels(const struct place *p, const char *root, const char *file)
{
	const char *const dirs[] = { p->inner, p->outer, root };
	char path[256];
	int found = 0;

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], file);
		found += access(path, F_OK) == 0;
	}
	return found;
}

static void opens_every_level(void **state)
{
	struct place p;
	const char *root = root_of(&p);
	struct fact_fd fds[FACT_MAX_FDS];
	int n, v2;

	if (!root || geteuid() != 0) {
		print_message("# no cgroup that could be made: nothing opened\n");
		return;
	}
	snprintf(p.outer, sizeof(p.outer), "%s/test-fs-facts.%d", root, (int)getpid());
	snprintf(p.inner, sizeof(p.inner), "%s/inner", p.outer);
	assert_int_equal(mkdir(p.outer, 0755), 0);
	assert_int_equal(mkdir(p.inner, 0755), 0);
	p.fd = open(p.inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	v2 = *p.controller == '\0';

	n = facts_open_all(AT_FDCWD, dir_of, &p, fds, FACT_MAX_FDS);
	assert_true(n > 0);
	assert_int_equal(count(fds, n, FACT_MEMINFO), 1);
	assert_int_equal(count(fds, n, FACT_V1_MEMORY_LIMIT),
			 v2 ? 0 : levels(&p, root, "memory.limit_in_bytes"));
	assert_int_equal(count(fds, n, FACT_V2_MEMORY_MAX),
			 v2 ? levels(&p, root, "memory.max") : 0);
	assert_int_equal(count(fds, n, FACT_V2_CPU_STAT), v2);
	assert_int_equal(count(fds, n, FACT_V1_MEMORY_USAGE), !v2);
	if (v2) /* not in a cgroup without the controller: its nearest ancestor's */
		assert_int_equal(count(fds, n, FACT_V2_CPUSET),
				 levels(&p, root, "cpuset.cpus.effective") > 0);
	for (int i = 0; i < n; i++)
		assert_true(fcntl(fds[i].fd, F_GETFD) & FD_CLOEXEC);
	facts_close_all(fds, n);

	/* too little room is an error, and leaves nothing open */
	n = open("/", O_PATH | O_CLOEXEC);
	assert_int_equal(facts_open_all(AT_FDCWD, dir_of, &p, fds, 2), -E2BIG);
	assert_int_equal(dup(n), n + 1);
	close(n + 1);
	close(n);
	close(p.fd);
	assert_int_equal(rmdir(p.inner), 0);
	assert_int_equal(rmdir(p.outer), 0);
}

static void names_are_unique(void **state)
{
	for (int i = 0; i < fact_sources_count; i++)
		assert_int_equal(fact_by_name(fact_sources[i].name), i);
	assert_int_equal(fact_by_name("nothing"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_every_level),
		cmocka_unit_test(names_are_unique),
	};

	return cmocka_run_group_tests_name("fs-facts", tests, NULL, NULL);
}
