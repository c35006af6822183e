/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of emulated files, but for sysctls, which have a table of their own (sysctl-table.c). A
 * directory of the server's tree exists because a path here needs it.
 */
#include "config.h"
#include "lib/views.h"

#include <stdio.h>

#define RENDERED(p, from)                                                                          \
	{                                                                                          \
		"proc/" p, 0444, VIEW_RENDERED, from                                               \
	}
#define ROOTS(p, from)                                                                             \
	{                                                                                          \
		"proc/" p, 0400, VIEW_RENDERED, from                                               \
	}

#define DIRECTORY(p, from)                                                                         \
	{                                                                                          \
		"sys/" p, 0555, VIEW_DIRECTORY, from                                               \
	}

const struct view views[] = {
	RENDERED("uptime", "CLOCK_BOOTTIME, cpu usage of the cgroup"),
	RENDERED("meminfo", "memory limits, usage and memory.stat of the cgroup"),
	RENDERED("cpuinfo", "the host's cpuinfo, cpuset and quota of the cgroup"),
	RENDERED("stat", "cpu usage, cpuset and quota of the cgroup"),
	RENDERED("loadavg", "cpu usage and number of tasks of the cgroup"),
	RENDERED("swaps", "swap limits and usage of the cgroup"),
	RENDERED("diskstats", "block I/O statistics of the cgroup"),
	RENDERED("vmstat", "as meminfo and diskstats; events of memory.stat; names of the host's"),
	RENDERED("zoneinfo", "as meminfo: one node, one zone; names of the host's"),
	RENDERED("buddyinfo", "MemFree of meminfo"),
	ROOTS("pagetypeinfo", "MemFree and MemTotal of meminfo"),
	ROOTS("slabinfo", "slab sums in memory.stat of the cgroup"),
	RENDERED("partitions", "nothing: the header"),
	RENDERED("interrupts", "number of CPUs; no interrupts"),
	RENDERED("softirqs", "number of CPUs; kinds of the host's, zeros"),
	RENDERED("schedstat", "cpu usage of the cgroup"),
	RENDERED("pressure/cpu", "cpu.pressure of the cgroup"),
	RENDERED("pressure/memory", "memory.pressure of the cgroup"),
	RENDERED("pressure/io", "io.pressure of the cgroup"),
	RENDERED("pressure/irq", "irq.pressure of the cgroup"),
	DIRECTORY("devices/system/cpu", "cpuset and quota of the cgroup; caches of the processor"),
	DIRECTORY("devices/system/node", "as cpu and meminfo: one node"),
};
const int views_count = sizeof(views) / sizeof(views[0]);

/**
 * view_cover_name() - how @path, "proc/uptime", is called in VIEW_COVERS
 */
void view_cover_name(const char *path, char name[VIEW_COVER_MAX])
{
	snprintf(name, VIEW_COVER_MAX, "%s", path);
	for (; *name; name++)
		if (*name == '/')
			*name = '!';
}
