/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's swap as one thing that can be switched off and on again: its cgroup's limit.
 *
 * v2 limits swap (memory.swap.max), and none is 0. v1 limits memory and swap together
 * (memory.memsw.limit_in_bytes), and none is the limit of memory alone: without one of memory
 * nothing limits swap, and it cannot be switched off.
 *
 * What the limit was is kept in a file of the container's directory, under whose lock all of this
 * happens, and setting limits from outside too: what comes back is never more than the engine has
 * said last, however quick a container is.
 */
#include "config.h"
#include "lib/swaplimit.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STAT_MAX 8192
/* v1's word for no limit: PAGE_COUNTER_MAX, which depends on the size of a page. */
#define V1_NO_LIMIT ((uint64_t)INT64_MAX - 65535)

struct limit {
	char text[32];	 /* as the kernel has it, without its newline */
	uint64_t memory; /* v1: of memory alone */
	uint64_t both;	 /* v1: of memory and swap */
	bool off;
};

static int read_text(int dir, const char *name, char *text, size_t size)
{
	int r = fd_read_file_at(dir, name, text, size);

	if (r >= 0)
		text[strcspn(text, "\n")] = '\0';
	return r < 0 ? r : 0;
}

static const char *file_of(bool v2)
{
	return v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
}

static int read_limit(int dir, bool v2, struct limit *ret)
{
	char memory[32];
	int r = read_text(dir, file_of(v2), ret->text, sizeof(ret->text));

	if (r == 0 && v2)
		ret->off = strcmp(ret->text, "0") == 0;
	if (r < 0 || v2)
		return r;
	r = read_text(dir, "memory.limit_in_bytes", memory, sizeof(memory));
	if (r < 0)
		return r;
	ret->memory = strtoull(memory, NULL, 10);
	ret->both = strtoull(ret->text, NULL, 10);
	ret->off = ret->both <= ret->memory && ret->memory < V1_NO_LIMIT;
	return 0;
}

/* How much is swapped out. */
static int read_used(int dir, bool v2, uint64_t *ret)
{
	char text[STAT_MAX];
	int r = fd_read_file_at(dir, v2 ? "memory.swap.current" : "memory.stat", text,
				sizeof(text));
	const char *at = v2 ? text : NULL;

	if (r >= 0 && !v2)
		at = strstr(text, "\ntotal_swap ");
	if (r < 0 || !at)
		return r < 0 ? r : -ENODATA;
	*ret = strtoull(v2 ? at : at + strlen("\ntotal_swap "), NULL, 10);
	return 0;
}

static int keep(int state, const char *text)
{
	size_t len = strlen(text);

	if (ftruncate(state, 0) < 0 || pwrite(state, text, len, 0) != (ssize_t)len)
		return -EIO;
	return 0;
}

static int lock(int state)
{
	int r;

	do {
		r = flock(state, LOCK_EX);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/**
 * swaplimit_open() - the file of a container whose swap can be switched
 * @dir_fd: the container's directory
 */
int swaplimit_open(int dir_fd)
{
	int fd = openat(dir_fd, SWAPLIMIT_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

/* Return: how long what was kept is, or -errno. */
static ssize_t read_kept(int state, char *text, size_t size)
{
	ssize_t n = pread(state, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -errno : n;
}

static int switch_off(int dir, bool v2, int state, bool again)
{
	struct limit l;
	char none[32] = "0";
	uint64_t used = 0;
	int r = read_limit(dir, v2, &l);

	if (r < 0)
		return -EPERM;
	/* One that was killed may have come no further. */
	if (l.off && (!again || read_kept(state, l.text, sizeof(l.text)) <= 0))
		return -EINVAL;
	if (!v2 && l.memory >= V1_NO_LIMIT)
		return -EPERM;
	if (!v2)
		snprintf(none, sizeof(none), "%" PRIu64, l.memory);
	r = keep(state, l.text);
	if (r == 0)
		r = fd_write_file_at(dir, file_of(v2), none);
	/* From now on nothing more goes out; what has gone nobody but its owner brings back. */
	if (r == 0)
		r = read_used(dir, v2, &used);
	if (r == 0 && used == 0)
		return 0;
	fd_write_file_at(dir, file_of(v2), l.text);
	keep(state, "");
	return -ENOMEM;
}

/**
 * swaplimit_off() - take the container's swap away
 * @dir, @v2: as cgroup_controller_fd() says of "memory"
 * @state: a file description of its own, of what swaplimit_open() opened
 * @again: somebody was killed who was to do the same; what is found may be his work
 *
 * Return: 0; as swapoff(2) has it -EINVAL (there is none), -ENOMEM (it is in use and cannot be
 * brought back), -EPERM (this cgroup cannot).
 */
int swaplimit_off(int dir, bool v2, int state, bool again)
{
	int r = lock(state);

	if (r == 0)
		r = switch_off(dir, v2, state, again);
	flock(state, LOCK_UN);
	return r;
}

static int switch_on(int dir, bool v2, int state, bool again)
{
	struct limit l;
	char text[32];
	ssize_t n = read_kept(state, text, sizeof(text));

	if (n < 0 || read_limit(dir, v2, &l) < 0)
		return -EPERM;
	if (!l.off)
		return again ? keep(state, "") : -EBUSY;
	if (n == 0 || fd_write_file_at(dir, file_of(v2), text) < 0)
		return -EPERM;
	return keep(state, "");
}

/**
 * swaplimit_on() - give back what swaplimit_off() took; arguments as there
 *
 * Return: 0; -EBUSY (it is there), -EPERM (none was taken away, or the engine has set limits
 * since).
 */
int swaplimit_on(int dir, bool v2, int state, bool again)
{
	int r = lock(state);

	if (r == 0)
		r = switch_on(dir, v2, state, again);
	flock(state, LOCK_UN);
	return r;
}

static bool concerns_swap(const struct cgroup_limits *l)
{
	return l->memory || l->memory_swap || l->n_unified;
}

/**
 * swaplimit_set() - cgroup_set_limits() of a container whose swap may be switched off
 * @dir_fd: the container's directory
 *
 * What is said of memory now is said of what the engine had set: that comes back first, and
 * nothing afterwards.
 */
int swaplimit_set(int dir_fd, struct cgroups *cg, const struct cgroup_limits *limits, char *what,
		  size_t what_size)
{
	autofd state = openat(dir_fd, SWAPLIMIT_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool v2;
	int dir = cgroup_controller_fd(cg, "memory", &v2);

#ifdef MUTANT_SWAP_GIVEN_BACK
	return cgroup_set_limits(cg, limits, what, what_size);
#endif
	if (state < 0 || dir < 0 || !concerns_swap(limits) || lock(state) < 0)
		return cgroup_set_limits(cg, limits, what, what_size);
	switch_on(dir, v2, state, false);
	keep(state, "");
	return cgroup_set_limits(cg, limits, what, what_size);
}
