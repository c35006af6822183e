/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The sources from which the views are derived, as open descriptors: what the warden opens and
 * cloister-fs reads. The server opens nothing itself.
 */
#include <stdbool.h>

enum fact_where {
	FACT_HOST,    /* a file of the host's /proc or /sys */
	FACT_CGROUP,  /* a file in the container's own cgroup */
	FACT_NEAREST, /* in the container's cgroup, else in the nearest ancestor that has it */
	FACT_HANDED,  /* opened by nobody here: the warden brings it */
	FACT_LIMIT, /* the same file in the container's cgroup and in each ancestor: one fd each */
};

/* An index into fact_sources[]. */
enum fact {
	FACT_MEMINFO,
	FACT_CPUINFO,
	FACT_DISKSTATS,
	FACT_CPU_KERNEL_MAX,
	FACT_PIDS,
	FACT_NET_DEV,
	FACT_SWAP,
	FACT_VMSTAT,
	FACT_ZONEINFO,
	FACT_BUDDYINFO,
	FACT_SOFTIRQS,
	FACT_SCHEDSTAT,
	FACT_PSI_CPU,
	FACT_PSI_MEMORY,
	FACT_PSI_IO,
	FACT_PSI_IRQ,
	FACT_V2_CPUSET,
	FACT_V2_MEMS,
	FACT_V2_CPU_MAX,
	FACT_V2_CPU_STAT,
	FACT_V2_MEMORY_MAX,
	FACT_V2_MEMORY_CURRENT,
	FACT_V2_MEMORY_STAT,
	FACT_V2_MEMORY_EVENTS,
	FACT_V2_SWAP_MAX,
	FACT_V2_SWAP_CURRENT,
	FACT_V2_PIDS_CURRENT,
	FACT_V2_IO_STAT,
	FACT_V2_PSI_CPU,
	FACT_V2_PSI_MEMORY,
	FACT_V2_PSI_IO,
	FACT_V2_PSI_IRQ,
	FACT_V1_CPUSET,
	FACT_V1_MEMS,
	FACT_V1_CFS_QUOTA,
	FACT_V1_CFS_PERIOD,
	FACT_V1_CPUACCT_STAT,
	FACT_V1_MEMORY_LIMIT,
	FACT_V1_MEMORY_USAGE,
	FACT_V1_MEMORY_STAT,
	FACT_V1_OOM_CONTROL,
	FACT_V1_MEMSW_LIMIT,
	FACT_V1_PIDS_CURRENT,
	FACT_V1_IO_BYTES,
	FACT_V1_IO_SERVICED,
	FACT_COUNT
};

struct fact_source {
	const char *name; /* on the command line of cloister-fs: --source NAME:FD */
	enum fact_where where;
	const char *controller; /* v1 controller, "" for cgroup v2; NULL for FACT_HOST */
	const char *file;	/* FACT_HOST: absolute path; else name inside the cgroup */
};

extern const struct fact_source fact_sources[];
extern const int fact_sources_count;

/* How many levels a FACT_LIMIT source may have, and so how many descriptors there can be. */
#define FACT_MAX_DEPTH 16
#define FACT_MAX_FDS   (FACT_COUNT + 6 * FACT_MAX_DEPTH)

struct fact_fd {
	const char *name; /* points into fact_sources[] */
	int fd;
};

/*
 * A directory of the container's cgroup: @controller as in struct fact_source ("" asks for the
 * unified hierarchy). Return: a descriptor that stays the callee's, or negative if there is none.
 */
typedef int fact_cgroup_dir_fn(const char *controller, void *arg);

int facts_open_all(int root_fd, fact_cgroup_dir_fn *cgroup_dir, void *arg, struct fact_fd *fds,
		   int max);
void facts_close_all(struct fact_fd *fds, int n);
int fact_by_name(const char *name);
