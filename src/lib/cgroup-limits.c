/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's limits of memory, CPU and processes, in the files of v1 or v2. Limits are given as
 * in the OCI spec, which means v1's units; what v2 counts otherwise is converted here.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"

/* In v1 "no limit" is -1, in v2 it is "max". */
static struct cgroup_write *put_limit(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
				      const char *property, const char *file, int64_t value)
{
	if (value < 0)
		return cgroup_plan_put(plan, h, property, file, "%s", h->v2 ? "max" : "-1");
	return cgroup_plan_put(plan, h, property, file, "%" PRId64, value);
}

/* A number that the cgroup has now; -1 for "max", for what is not there, and beyond int64_t. */
static int64_t read_number(const struct cgroup_hierarchy *h, const char *file)
{
	char text[64];
	char *end;
	long long value;

	if (fd_read_file_at(h->dir_fd, file, text, sizeof(text)) <= 0)
		return -1;
	errno = 0;
	value = strtoll(text, &end, 10);
	return end == text || errno ? -1 : value;
}

static int only_v1(struct cgroup_plan *plan, const char *property)
{
	return cgroup_plan_refuse(plan, -ENOTSUP, "%s: cgroup v2 has no such setting; leave it out",
				  property);
}

static int plan_memory_v1(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
			  const struct cgroup_limits *l)
{
	/* Without a limit of memory one of memory and swap together would remain the limit. */
	int64_t swap = l->memory_swap ?: l->memory < 0 ? -1 : 0;
	struct cgroup_write *w;

	if (l->memory)
		put_limit(plan, h, "memory.limit", "memory.limit_in_bytes", l->memory)->group =
			CGROUP_GROUP_MEMORY;
	if (swap) {
		w = put_limit(plan, h, "memory.swap", "memory.memsw.limit_in_bytes", swap);
		w->group = CGROUP_GROUP_MEMORY;
		/* A kernel that does not count swap limits none, which is what -1 asks for. */
		w->optional = swap < 0;
	}
	if (l->memory_reservation)
		put_limit(plan, h, "memory.reservation", "memory.soft_limit_in_bytes",
			  l->memory_reservation);
	if (l->memory_kernel_tcp)
		put_limit(plan, h, "memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes",
			  l->memory_kernel_tcp);
	if (l->has_swappiness)
		put_limit(plan, h, "memory.swappiness", "memory.swappiness", l->swappiness);
	if (l->has_oom_kill_disable)
		put_limit(plan, h, "memory.disableOOMKiller", "memory.oom_control",
			  l->oom_kill_disable);
	return 0;
}

/* v2 counts swap alone, the spec memory and swap together. */
static int plan_swap_v2(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
			const struct cgroup_limits *l)
{
	int64_t memory = l->memory ?: read_number(h, "memory.max");
	int64_t swap = l->memory_swap;

	if (swap == 0 && l->memory < 0)
		swap = -1;
	if (swap == 0)
		return 0;
	if (swap > 0 && memory < 0)
		return cgroup_plan_refuse(plan, -EINVAL,
					  "memory.swap: a limit of memory and swap together needs "
					  "memory.limit");
	if (swap > 0 && swap < memory)
		return cgroup_plan_refuse(plan, -EINVAL,
					  "memory.swap: limit of memory and swap together (%" PRId64
					  ") below memory (%" PRId64 ")",
					  swap, memory);
	swap = swap < 0 ? -1 : swap - memory;
	put_limit(plan, h, "memory.swap", "memory.swap.max", swap)->optional = swap <= 0;
	return 0;
}

static int plan_memory_v2(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
			  const struct cgroup_limits *l)
{
	if (l->memory_kernel_tcp)
		return only_v1(plan, "memory.kernelTCP");
	if (l->has_swappiness)
		return only_v1(plan, "memory.swappiness");
	if (l->has_oom_kill_disable && l->oom_kill_disable)
		return only_v1(plan, "memory.disableOOMKiller");
	if (l->memory)
		put_limit(plan, h, "memory.limit", "memory.max", l->memory);
	if (l->memory_reservation)
		put_limit(plan, h, "memory.reservation", "memory.low", l->memory_reservation);
	return plan_swap_v2(plan, h, l);
}

static int check_usage(struct cgroup_plan *plan, const struct cgroup_hierarchy *h, int64_t limit)
{
	int64_t usage = read_number(h, h->v2 ? "memory.current" : "memory.usage_in_bytes");

	if (limit <= 0 || usage <= limit)
		return 0;
	return cgroup_plan_refuse(plan, -EBUSY,
				  "memory.limit: %" PRId64 " is below the %" PRId64
				  " bytes that are in use (checkBeforeUpdate)",
				  limit, usage);
}

static int plan_memory(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	const struct cgroup_hierarchy *h;
	int r;

	if (!l->memory && !l->memory_swap && !l->memory_reservation && !l->memory_kernel_tcp &&
	    !l->has_swappiness && !l->has_oom_kill_disable)
		return 0;
	if (l->memory_swap > 0 && (l->memory < 0 || (l->memory > 0 && l->memory_swap < l->memory)))
		return cgroup_plan_refuse(plan, -EINVAL,
					  "memory.swap: limit of memory and swap together (%" PRId64
					  ") below memory (%" PRId64 ")",
					  l->memory_swap, l->memory);
	r = cgroup_plan_target(plan, "memory", "memory", &h);
	if (r == 0 && l->check_before_update)
		r = check_usage(plan, h, l->memory);
	if (r < 0)
		return r;
	return h->v2 ? plan_memory_v2(plan, h, l) : plan_memory_v1(plan, h, l);
}

static void plan_bandwidth_v1(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
			      const struct cgroup_limits *l)
{
	if (l->cpu_period)
		put_limit(plan, h, "cpu.period", "cpu.cfs_period_us", l->cpu_period)->group =
			CGROUP_GROUP_CPU;
	if (l->cpu_quota)
		put_limit(plan, h, "cpu.quota", "cpu.cfs_quota_us", l->cpu_quota)->group =
			CGROUP_GROUP_CPU;
	if (l->has_cpu_burst)
		put_limit(plan, h, "cpu.burst", "cpu.cfs_burst_us", l->cpu_burst)->group =
			CGROUP_GROUP_CPU;
	if (l->cpu_rt_period)
		put_limit(plan, h, "cpu.realtimePeriod", "cpu.rt_period_us", l->cpu_rt_period)
			->group = CGROUP_GROUP_RT;
	if (l->cpu_rt_runtime)
		put_limit(plan, h, "cpu.realtimeRuntime", "cpu.rt_runtime_us", l->cpu_rt_runtime)
			->group = CGROUP_GROUP_RT;
}

/* The file takes the quota alone, but not the period alone. */
static void plan_bandwidth_v2(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
			      const struct cgroup_limits *l)
{
	int64_t quota = l->cpu_quota ?: read_number(h, "cpu.max");
	char text[64] = "max";

	if (quota > 0)
		snprintf(text, sizeof(text), "%" PRId64, quota);
	if (l->cpu_period)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %" PRIu64,
			 l->cpu_period);
	if (l->cpu_quota || l->cpu_period)
		cgroup_plan_put(plan, h, l->cpu_quota ? "cpu.quota" : "cpu.period", "cpu.max", "%s",
				text)
			->group = CGROUP_GROUP_CPU;
	if (l->has_cpu_burst)
		put_limit(plan, h, "cpu.burst", "cpu.max.burst", l->cpu_burst)->group =
			CGROUP_GROUP_CPU;
}

static int plan_cpu(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	bool rt = l->cpu_rt_period || l->cpu_rt_runtime;
	const struct cgroup_hierarchy *h;
	int r;

	if (!l->cpu_shares && !l->cpu_quota && !l->cpu_period && !l->has_cpu_burst &&
	    !l->has_cpu_idle && !rt)
		return 0;
	r = cgroup_plan_target(plan, "cpu", "cpu", &h);
	if (r < 0)
		return r;
	if (rt && h->v2)
		return only_v1(plan,
			       l->cpu_rt_period ? "cpu.realtimePeriod" : "cpu.realtimeRuntime");
	if (h->v2)
		plan_bandwidth_v2(plan, h, l);
	else
		plan_bandwidth_v1(plan, h, l);
	/* An idle cgroup takes no shares. */
	if (l->cpu_shares)
		put_limit(plan, h, "cpu.shares", h->v2 ? "cpu.weight" : "cpu.shares",
			  h->v2 ? cgroup_weight_from_shares(l->cpu_shares) : l->cpu_shares)
			->group = CGROUP_GROUP_CPU;
	if (l->has_cpu_idle)
		put_limit(plan, h, "cpu.idle", "cpu.idle", l->cpu_idle)->group = CGROUP_GROUP_CPU;
	return 0;
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
 * that the parent has: hence ->list.
 */
static int plan_cpuset(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	bool cpus = l->cpuset_cpus && *l->cpuset_cpus, mems = l->cpuset_mems && *l->cpuset_mems;
	const struct cgroup_hierarchy *h;
	int r;

	if (!cpus && !mems)
		return 0;
	r = cgroup_plan_target(plan, "cpuset", cpus ? "cpu.cpus" : "cpu.mems", &h);
	if (r < 0)
		return r;
	if (cpus)
		cgroup_plan_put(plan, h, "cpu.cpus", "cpuset.cpus", "%s", l->cpuset_cpus)->list =
			true;
	if (mems)
		cgroup_plan_put(plan, h, "cpu.mems", "cpuset.mems", "%s", l->cpuset_mems)->list =
			true;
	return 0;
}

/*
 * 0 lets nothing in, not even the container's first process, which is born in the cgroup: with
 * nobody there yet 1 is the same limit, counted from then on.
 */
static int plan_pids(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	const struct cgroup_hierarchy *h;
	int64_t limit = l->pids;
	int r;

	if (!l->pids && !l->has_pids)
		return 0;
	r = cgroup_plan_target(plan, "pids", "pids.limit", &h);
	if (r < 0)
		return r;
	if (limit == 0 && read_number(h, "pids.current") == 0)
		limit = 1;
	/* The one v1 file that says "max" as well. */
	if (limit < 0)
		cgroup_plan_put(plan, h, "pids.limit", "pids.max", "max");
	else
		put_limit(plan, h, "pids.limit", "pids.max", limit);
	return 0;
}

static int plan_limits(struct cgroup_plan *plan, const struct cgroup_limits *limits)
{
	int r = plan_memory(plan, limits);

	if (r == 0)
		r = plan_cpu(plan, limits);
	if (r == 0)
		r = plan_cpuset(plan, limits);
	return r ?: plan_pids(plan, limits);
}

/**
 * cgroup_set_limits() - set the limits of the container's cgroup, all of them or none
 * @limits: in the units of the OCI spec; what is not given is left as it is
 * @what: receives a line for people: the property, the file and value or the controller, and why
 *
 * Not the devices: cgroup_set_devices().
 *
 * Return: 0; -ENODEV if there is no controller for a limit; -ENOTSUP for what this kind of cgroup
 * does not have; -EINVAL, -ERANGE, -EACCES for a CPU or memory node that does not exist or is not
 * the parent's; -EBUSY for a memory limit below what is in use; or another -errno.
 */
int cgroup_set_limits(struct cgroups *cg, const struct cgroup_limits *limits, char *what,
		      size_t what_size)
{
	struct cgroup_plan plan = { .cg = cg, .what = what, .what_size = what_size };
	int r = plan_limits(&plan, limits);

	if (r == 0)
		r = cgroup_plan_io(&plan, limits);
	if (r == 0)
		r = cgroup_plan_others(&plan, limits);
	if (r == 0)
		r = cgroup_plan_apply(&plan);
	cgroup_plan_clear(&plan);
	return r;
}

/**
 * cgroup_limits_clear() - free the arrays of @limits and forget it all
 */
void cgroup_limits_clear(struct cgroup_limits *limits)
{
	free(limits->io);
	free(limits->hugepages);
	free(limits->net_prio);
	free(limits->rdma);
	free(limits->unified);
	free(limits->devices);
	*limits = (struct cgroup_limits){ 0 };
}
