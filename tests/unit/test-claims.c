/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The id-range registry, on a private state root and captured lists of accounts.
 */
#include "config.h"
#include "lib/claims.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/fd.h"

static const char *const files[] = { "passwd", "group", "subuid", "subgid" };

struct state {
	char dir[64];
	int root_fd;
	char paths[4][96];
	struct claim_sources src;
};

static void put(struct state *s, const char *name, const char *text)
{
	assert_int_equal(fd_replace_file_at(s->root_fd, name, text, strlen(text), 0600), 0);
}

static int set_up(void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	const char **src = (const char **)&s->src;

	strcpy(s->dir, "/tmp/cloister-test-claims-XXXXXX");
	if (!mkdtemp(s->dir))
		return -1;
	s->root_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 4; i++) {
		snprintf(s->paths[i], sizeof(s->paths[i]), "%s/%s", s->dir, files[i]);
		src[i] = s->paths[i];
	}
	put(s, "passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n");
	put(s, "group", "root:x:0:\nnogroup:x:65534:\n");
	*state = s;
	return 0;
}

static void empty_dir(int parent, const char *name)
{
	DIR *dir = fdopendir(openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static int tear_down(void **state)
{
	struct state *s = *state;

	empty_dir(s->root_fd, ".claims");
	unlinkat(s->root_fd, ".claims", AT_REMOVEDIR);
	empty_dir(s->root_fd, ".");
	close(s->root_fd);
	if (rmdir(s->dir) < 0)
		return -1;
	free(s);
	return 0;
}

/* Takes a block for @id and says where it begins; a failure is returned as -errno. */
static int64_t take(struct state *s, const char *id)
{
	struct claim claim;
	int r = claim_take(s->root_fd, &s->src, CLAIM_FIRST, id, &claim);

	if (r < 0)
		return r;
	assert_int_equal(claim.count, CLAIM_COUNT);
	return claim.base;
}

static int give(struct state *s, const char *id, uint32_t base, uint32_t count)
{
	struct claim claim = { .base = base, .count = count };

	return claim_take_given(s->root_fd, &s->src, id, &claim);
}

static void test_lowest_first(void **state)
{
	struct state *s = *state;

	assert_int_equal(take(s, "one"), 100000);
	assert_int_equal(take(s, "two"), 165536);
	assert_int_equal(take(s, "three"), 231072);
	assert_int_equal(claim_release(s->root_fd, "two"), 0);
	assert_int_equal(claim_release(s->root_fd, "one"), 0);
	assert_int_equal(take(s, "four"), 100000);
	assert_int_equal(take(s, "five"), 165536);
	assert_int_equal(take(s, "six"), 296608);
}

static void test_ids_of_containers(void **state)
{
	struct state *s = *state;
	char name[300];

	assert_int_equal(claim_release(s->root_fd, "never-was"), 0);
	assert_int_equal(take(s, "one"), 100000);
	assert_int_equal(take(s, "one"), -EEXIST);
	assert_int_equal(give(s, "one", 500000, 65536), -EEXIST);
	assert_int_equal(take(s, "1-2-one"), 165536);
	assert_int_equal(claim_release(s->root_fd, "one"), 0);
	assert_int_equal(claim_release(s->root_fd, "one"), 0);
	assert_int_equal(take(s, "1-2-one"), -EEXIST);
	assert_int_equal(take(s, ""), -EINVAL);
	assert_int_equal(take(s, "../one"), -EINVAL);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(take(s, name), -ENAMETOOLONG);
	name[233] = '\0';
	assert_int_equal(take(s, name), 100000);
	assert_int_equal(take(s, name), -EEXIST);
}

static void test_accounts_avoided(void **state)
{
	struct state *s = *state;

	put(s, "passwd",
	    "root:x:0:0::/:/bin/sh\n"
	    "ann:x:100000:100::/:/bin/sh\n"	   /* first id of the first block */
	    "bob:x:1000:231071::/:/bin/sh\n");	   /* last id of the second, as group */
	put(s, "group", "big:x:300000:ann,bob\n"); /* the middle of the fourth */
	assert_int_equal(take(s, "one"), 231072);
	assert_int_equal(take(s, "two"), 362144);
}

static void test_subids_avoided(void **state)
{
	struct state *s = *state;

	put(s, "subuid", "ann:100000:65536\n");
	put(s, "subgid", "ann:100000:65536\n1000:231072:1\n");
	assert_int_equal(take(s, "one"), 165536);
	assert_int_equal(take(s, "two"), 296608);
}

static void test_subids_off_the_grid(void **state)
{
	struct state *s = *state;

	put(s, "subuid", "ann:90000:70000\nbob:200000:100");
	assert_int_equal(take(s, "one"), 231072);
}

static void test_own_subids_used(void **state)
{
	struct state *s = *state;

	put(s, "subuid", "cloister:100000:1000000\ncloisterx:231072:65536\n");
	put(s, "subgid", "cloister:100000:1000000\n");
	assert_int_equal(take(s, "one"), 100000);
	assert_int_equal(take(s, "two"), 165536);
	assert_int_equal(take(s, "three"), 296608);
}

static void test_malformed_lines(void **state)
{
	struct state *s = *state;
	char *text = malloc(40000);

	put(s, "passwd",
	    "\n:::\n+::::::\nx\nann:x:\nbob:x:abc:def\neve:x:-5:100001x\nhuge:x:"
	    "99999999999999999999:4294967296:\n"
	    "last:x:165536:0");
	put(s, "subuid", "a\nb:\nc:100000\nq:100000:\ne:x:65536\nf:100000:0\ng:99999999999:5\n");
	put(s, "subgid", "all:2000000000:99999999999\n");
	/* A group whose line is longer than any buffer, then one that counts. */
	strcpy(text, "long:x:231072:");
	memset(text + strlen(text), 'm', 30000);
	strcpy(text + 30000, ":x:100000:\nnext:x:296608:\n");
	put(s, "group", text);
	free(text);
	assert_int_equal(take(s, "one"), 100000);
	assert_int_equal(take(s, "two"), 362144);
}

static void test_missing_and_unreadable_lists(void **state)
{
	struct state *s = *state;

	unlinkat(s->root_fd, "passwd", 0);
	unlinkat(s->root_fd, "group", 0);
	assert_int_equal(take(s, "one"), 100000);
	/* What exists and cannot be read is not taken for empty. */
	assert_int_equal(mkdirat(s->root_fd, "subuid", 0700), 0);
	assert_int_equal(take(s, "two"), -EISDIR);
	assert_int_equal(give(s, "three", 700000, 65536), -EISDIR);
	assert_int_equal(unlinkat(s->root_fd, "subuid", AT_REMOVEDIR), 0);
}

static void test_full(void **state)
{
	struct state *s = *state;
	struct claim claim;

	put(s, "subuid", "ann:165536:4294901760\n");
	assert_int_equal(take(s, "one"), 100000);
	assert_int_equal(take(s, "two"), -ENOSPC);
	assert_int_equal(claim_release(s->root_fd, "one"), 0);
	assert_int_equal(take(s, "two"), 100000);
	put(s, "subuid", "");
	assert_int_equal(claim_take(s->root_fd, &s->src, 0x7fff0000, "top", &claim), 0);
	assert_int_equal(claim_take(s->root_fd, &s->src, 0x7fff0000, "over", &claim), -ENOSPC);
	assert_int_equal(claim_take(s->root_fd, &s->src, 0xffffffff, "over", &claim), -ENOSPC);
	/* A first block below 65536 never means host ids. */
	assert_int_equal(claim_take(s->root_fd, &s->src, 0, "low", &claim), 0);
	assert_true(claim.base >= 65536);
}

static void test_given(void **state)
{
	struct state *s = *state;

	put(s, "passwd", "ann:x:700005:700005::/:/bin/sh\n");
	put(s, "subuid", "bob:800000:65536\ncloister:1000000:200000\n");
	assert_int_equal(take(s, "one"), 100000);
	assert_int_equal(give(s, "g1", 100000, 65536), -EADDRINUSE);
	assert_int_equal(give(s, "g1", 165535, 65536), -EADDRINUSE);
	assert_int_equal(give(s, "g1", 65536, 65536), -EADDRINUSE);
	assert_int_equal(give(s, "g1", 0, 65536), -EPERM);
	assert_int_equal(give(s, "g1", 0, 0xffffffff), -EPERM);
	assert_int_equal(give(s, "g1", 1000, 65536), -EPERM);
	assert_int_equal(give(s, "g1", 690000, 65536), -EPERM);
	assert_int_equal(give(s, "g1", 800000, 65536), -EPERM);
	assert_int_equal(give(s, "g1", 200000, 65535), -EINVAL);
	assert_int_equal(give(s, "g1", 200000, 0), -EINVAL);
	assert_int_equal(give(s, "g1", 0xffff0000, 65536), -EINVAL);
	assert_int_equal(give(s, "g1", 0xffffffff, 0xffffffff), -EINVAL);
	/* What is left, and it is then avoided by the next take. */
	assert_int_equal(give(s, "g1", 170000, 100000), 0);
	assert_int_equal(give(s, "g2", 1000000, 65536), 0);
	assert_int_equal(take(s, "two"), 296608);
	assert_int_equal(claim_release(s->root_fd, "g1"), 0);
	assert_int_equal(take(s, "three"), 165536);
}

static int count_claim(const char *id, const struct claim *claim, void *arg)
{
	++*(int *)arg;
	return 0;
}

static void put_claim(struct state *s, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/.claims/%s", s->dir, name);
	close(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	assert_int_equal(access(path, F_OK), 0);
}

static void test_garbled_claims_hold(void **state)
{
	struct state *s = *state;
	int n = 0;

	assert_int_equal(claim_each(s->root_fd, count_claim, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(take(s, "one"), 100000);
	put_claim(s, "165536");
	put_claim(s, "231072-");
	put_claim(s, "296608-x");
	put_claim(s, "362144-0-zero");
	put_claim(s, "rubbish");
	put_claim(s, "99999999999999999999999-65536-x");
	assert_int_equal(take(s, "two"), 427680);
	assert_int_equal(claim_release(s->root_fd, "rubbish"), 0);
	assert_int_equal(claim_each(s->root_fd, count_claim, &n), 0);
	assert_int_equal(n, 6);
}

static int release_it(const char *id, const struct claim *claim, void *arg)
{
	struct state *s = arg;

	return claim_release(s->root_fd, id);
}

static void test_release_while_walking(void **state)
{
	struct state *s = *state;
	int n = 0;

	for (int i = 0; i < 300; i++) {
		char id[16];

		snprintf(id, sizeof(id), "c%d", i);
		assert_int_equal(take(s, id), 100000 + i * 65536);
	}
	assert_int_equal(claim_each(s->root_fd, release_it, s), 0);
	assert_int_equal(claim_each(s->root_fd, count_claim, &n), 0);
	assert_int_equal(n, 0);
}

#define PROCESSES 20
#define TAKES	  10

static int mark_block(const char *id, const struct claim *claim, void *arg)
{
	bool *seen = arg;
	uint32_t block = (claim->base - CLAIM_FIRST) / CLAIM_COUNT;

	assert_int_equal((claim->base - CLAIM_FIRST) % CLAIM_COUNT, 0);
	assert_true(block < PROCESSES * TAKES);
	assert_false(seen[block]);
	seen[block] = true;
	return 0;
}

static int take_and_give_back(struct state *s, int who)
{
	for (int i = 0; i < TAKES; i++) {
		char id[32];

		snprintf(id, sizeof(id), "p%d-%d", who, i);
		if (take(s, id) < 0 || claim_release(s->root_fd, id) < 0 || take(s, id) < 0)
			return 1;
	}
	return 0;
}

static void test_concurrent(void **state)
{
	struct state *s = *state;
	bool seen[PROCESSES * TAKES] = { false };
	pid_t pids[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(take_and_give_back(s, i));
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(claim_each(s->root_fd, mark_block, seen), 0);
	for (int i = 0; i < PROCESSES * TAKES; i++)
		assert_true(seen[i]);
}

/* An engine's subordinate ids are what it gives with a specification; ours do not come from there.
 */
static void test_given_from_an_engine(void **state)
{
	struct state *s = *state;

	put(s, "subuid", "kubelet:100000:131072\nann:400000:65536\n");
	assert_int_equal(take(s, "own"), 231072);
	assert_int_equal(give(s, "pod", 100000, 65536), 0);
	assert_int_equal(give(s, "other", 400000, 65536), -EPERM);
}

/* Who joins another's user namespace keeps its ids from being given out again. */
static void test_shared(void **state)
{
	struct state *s = *state;
	struct claim claim = { .base = 100000, .count = 65536 };

	assert_int_equal(take(s, "one"), 100000);
	assert_int_equal(claim_share(s->root_fd, "two", &claim), 0);
	assert_int_equal(claim_release(s->root_fd, "one"), 0);
	assert_int_equal(take(s, "three"), 165536);
	assert_int_equal(claim_release(s->root_fd, "two"), 0);
	assert_int_equal(take(s, "four"), 100000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lowest_first),
		TEST(test_given_from_an_engine),
		TEST(test_shared),
		TEST(test_ids_of_containers),
		TEST(test_accounts_avoided),
		TEST(test_subids_avoided),
		TEST(test_subids_off_the_grid),
		TEST(test_own_subids_used),
		TEST(test_malformed_lines),
		TEST(test_missing_and_unreadable_lists),
		TEST(test_full),
		TEST(test_given),
		TEST(test_garbled_claims_hold),
		TEST(test_release_while_walking),
		TEST(test_concurrent),
	};

	setenv("CLOISTER_PRIVATE_CLAIMS", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
