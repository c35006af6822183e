/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's limits, in the files of v1 or v2. Limits are given as in the OCI spec, which means
 * v1's units; what v2 counts otherwise is converted here.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"

struct target {
	const struct cgroup_hierarchy *h;
	char *what;
	size_t what_size;
};

/* Where the files of @controller are; in v2 the file itself shows whether it is enabled. */
static int find_target(const struct cgroups *cg, const char *controller, struct target *t)
{
	t->h = cgroup_find_v1(cg, controller);
	if (!t->h)
		t->h = cgroup_find_v2(cg);
	if (t->h && t->h->dir_fd >= 0)
		return 0;
	snprintf(t->what, t->what_size, "cgroup controller %s", controller);
	return -ENODEV;
}

static int put(const struct target *t, const char *file, const char *value)
{
	int r = fd_write_file_at(t->h->dir_fd, file, value);

	if (r == -ENOENT) {
		/* "memory.max" without memory: the controller was not handed down to us. */
		snprintf(t->what, t->what_size, "cgroup controller %.*s (%s)",
			 (int)strcspn(file, "."), file, file);
		return -ENODEV;
	}
	if (r < 0)
		snprintf(t->what, t->what_size, "%s = \"%s\"", file, value);
	return r;
}

/* In v1 "no limit" is -1, in v2 it is "max". */
static int put_number(const struct target *t, const char *file, int64_t value)
{
	char text[32];

	if (value < 0)
		return put(t, file, t->h->v2 ? "max" : "-1");
	snprintf(text, sizeof(text), "%" PRId64, value);
	return put(t, file, text);
}

static int put_memory_v1(const struct target *t, const struct cgroup_limits *l)
{
	int r = l->memory ? put_number(t, "memory.limit_in_bytes", l->memory) : 0;

	if (!l->memory_swap)
		return r;
	/*
	 * memory <= memory+swap has to hold at every moment: when the new memory limit is above
	 * the old sum, the sum has to go first.
	 */
	if (r == -EINVAL) {
		r = put_number(t, "memory.memsw.limit_in_bytes", l->memory_swap);
		return r < 0 ? r : put_number(t, "memory.limit_in_bytes", l->memory);
	}
	if (r < 0)
		return r;
	r = put_number(t, "memory.memsw.limit_in_bytes", l->memory_swap);
	/* A kernel that does not count swap limits none, which is what -1 asks for. */
	return r == -ENODEV && l->memory_swap < 0 ? 0 : r;
}

/* v2 counts swap alone, the spec memory and swap together. */
static int put_memory_v2(const struct target *t, const struct cgroup_limits *l)
{
	int64_t swap = l->memory_swap < 0 ? -1 : l->memory_swap - l->memory;
	int r = l->memory ? put_number(t, "memory.max", l->memory) : 0;

	if (r < 0 || !l->memory_swap)
		return r;
	r = put_number(t, "memory.swap.max", swap);
	return r == -ENODEV && swap <= 0 ? 0 : r;
}

static int set_memory(const struct cgroups *cg, const struct cgroup_limits *l, struct target *t)
{
	int r;

	if (!l->memory && !l->memory_swap)
		return 0;
	if (l->memory_swap > 0 && (l->memory <= 0 || l->memory_swap < l->memory)) {
		snprintf(t->what, t->what_size,
			 "limit of memory and swap together (%" PRId64 ") below memory (%" PRId64
			 ")",
			 l->memory_swap, l->memory);
		return -EINVAL;
	}
	r = find_target(cg, "memory", t);
	if (r < 0)
		return r;
	return t->h->v2 ? put_memory_v2(t, l) : put_memory_v1(t, l);
}

static double log2_of(double x)
{
	double result = 0;

	for (; x >= 2; x /= 2)
		result++;
	for (double bit = 0.5; bit > 1e-14; bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}
	return result;
}

static double exp10_of(double x)
{
	double y = x * 2.302585092994045684 / 256, term = 1, sum = 1;

	for (int i = 1; i < 8; i++)
		sum += term *= y / i;
	for (int i = 0; i < 8; i++)
		sum *= sum;
	return sum;
}

/**
 * cgroup_weight_from_shares() - v2's cpu.weight for v1's cpu.shares
 *
 * The curve of crun and runc since 2025 (runtime-spec left it open): 2 to 1, 1024 to 100 and
 * 262144 to 10000, so that the default of one is the default of the other. With the straight line
 * that was used before, a container of 1024 shares got 39. No libm: every small helper would link
 * it for this.
 *
 * Return: 1 to 10000, or 0 for 0 (not set).
 */
uint64_t cgroup_weight_from_shares(uint64_t shares)
{
	double l, weight;

	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2_of(shares);
	weight = exp10_of((l * l + 125 * l) / 612 - 7.0 / 34);
	/* Rounded up, but not by the error of the calculation. */
	return (uint64_t)(weight + 1 - 1e-6);
}

static int put_bandwidth_v1(const struct target *t, const struct cgroup_limits *l)
{
	int r = 0;

	if (l->cpu_period)
		r = put_number(t, "cpu.cfs_period_us", l->cpu_period);
	if (r == -EINVAL && l->cpu_quota) {
		/* The new period may be too short for the old quota. */
		r = put_number(t, "cpu.cfs_quota_us", l->cpu_quota);
		return r < 0 ? r : put_number(t, "cpu.cfs_period_us", l->cpu_period);
	}
	if (r == 0 && l->cpu_quota)
		r = put_number(t, "cpu.cfs_quota_us", l->cpu_quota);
	return r;
}

static int put_bandwidth_v2(const struct target *t, const struct cgroup_limits *l)
{
	char text[64] = "max";

	if (l->cpu_quota > 0)
		snprintf(text, sizeof(text), "%" PRId64, l->cpu_quota);
	if (l->cpu_period)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %" PRIu64,
			 l->cpu_period);
	return put(t, "cpu.max", text);
}

static int set_cpu(const struct cgroups *cg, const struct cgroup_limits *l, struct target *t)
{
	int r;

	if (!l->cpu_shares && !l->cpu_quota && !l->cpu_period)
		return 0;
	r = find_target(cg, "cpu", t);
	if (r == 0 && l->cpu_shares)
		r = t->h->v2 ? put_number(t, "cpu.weight", cgroup_weight_from_shares(l->cpu_shares))
			     : put_number(t, "cpu.shares", l->cpu_shares);
	if (r < 0 || (!l->cpu_quota && !l->cpu_period))
		return r;
	return t->h->v2 ? put_bandwidth_v2(t, l) : put_bandwidth_v1(t, l);
}

#define LIST_BITS 8192

/* "0-2,5" as bits; false for what is not such a list, as the kernel's stranger forms. */
static bool parse_list(const char *list, uint8_t bits[LIST_BITS / 8])
{
	memset(bits, 0, LIST_BITS / 8);
	for (;;) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return false;
		if (*end == '-') {
			list = end + 1;
			last = strtoul(list, &end, 10);
			if (end == list)
				return false;
		}
		if (first > last || last >= LIST_BITS)
			return false;
		for (unsigned long i = first; i <= last; i++)
			bits[i / 8] |= 1 << (i % 8);
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		list = end + 1;
	}
}

/* Whether two lists of CPUs or memory nodes mean the same; true also if one cannot be read. */
bool cgroup_same_list(const char *a, const char *b)
{
	uint8_t x[LIST_BITS / 8], y[LIST_BITS / 8];

	return !parse_list(a, x) || !parse_list(b, y) || memcmp(x, y, sizeof(x)) == 0;
}

/*
 * v1 refuses what the parent does not have; v2 takes it, and silently uses what is left, or all
 * that the parent has. The caller asked for something else.
 */
static int put_list(const struct target *t, const char *file, const char *value)
{
	char effective_file[64], effective[4096];
	int r = put(t, file, value);

	if (r < 0 || !t->h->v2)
		return r;
	snprintf(effective_file, sizeof(effective_file), "%s.effective", file);
	r = fd_read_file_at(t->h->dir_fd, effective_file, effective, sizeof(effective));
	if (r < 0 || cgroup_same_list(value, effective))
		return 0;
	snprintf(t->what, t->what_size, "%s = \"%s\" (available: %s)", file, value, effective);
	return -EINVAL;
}

static int set_cpuset(const struct cgroups *cg, const struct cgroup_limits *l, struct target *t)
{
	int r = 0;

	if (!l->cpuset_cpus && !l->cpuset_mems)
		return 0;
	r = find_target(cg, "cpuset", t);
	if (r == 0 && l->cpuset_cpus)
		r = put_list(t, "cpuset.cpus", l->cpuset_cpus);
	if (r == 0 && l->cpuset_mems)
		r = put_list(t, "cpuset.mems", l->cpuset_mems);
	return r;
}

static int set_pids(const struct cgroups *cg, const struct cgroup_limits *l, struct target *t)
{
	int r;

	if (!l->pids)
		return 0;
	r = find_target(cg, "pids", t);
	if (r < 0)
		return r;
	/* The one v1 file that says "max" as well. */
	return l->pids < 0 ? put(t, "pids.max", "max") : put_number(t, "pids.max", l->pids);
}

/**
 * cgroup_set_limits() - set the limits of the container's cgroup
 * @limits: in the units of the OCI spec; 0 and NULL are left as they are
 * @what: receives the file and value, or the controller, that failed
 *
 * Return: 0; -ENODEV if there is no controller for a limit; -EINVAL, -ERANGE, -EACCES for a CPU or
 * memory node that does not exist or is not the parent's; -EBUSY for a memory limit below what is
 * in use; or another -errno.
 */
int cgroup_set_limits(struct cgroups *cg, const struct cgroup_limits *limits, char *what,
		      size_t what_size)
{
	struct target t = { .what = what, .what_size = what_size };
	int r = set_memory(cg, limits, &t);

	if (r == 0)
		r = set_cpu(cg, limits, &t);
	if (r == 0)
		r = set_cpuset(cg, limits, &t);
	if (r == 0)
		r = set_pids(cg, limits, &t);
	return r;
}
