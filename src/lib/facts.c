/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of sources, and opening them. The warden opens (it has the rights and knows the
 * container's cgroups), cloister-fs only reads; what does not exist here is simply absent there.
 */
#include "config.h"
#include "lib/facts.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#define HOST(f)	      .where = FACT_HOST, .file = f
#define V1(ctl, w, f) .where = w, .controller = ctl, .file = f
#define V2(w, f)      .where = w, .controller = "", .file = f

/*
 * The names are what follows --source; the host's /proc/stat and /proc/loadavg are not wanted. Of
 * vmstat and what follows it up to the cgroup's files only the names of lines are used.
 */
const struct fact_source fact_sources[] = {
	[FACT_MEMINFO] = { "meminfo", HOST("/proc/meminfo") },
	[FACT_CPUINFO] = { "cpuinfo", HOST("/proc/cpuinfo") },
	[FACT_DISKSTATS] = { "diskstats", HOST("/proc/diskstats") },
	[FACT_CPU_KERNEL_MAX] = { "cpu.kernel_max", HOST("/sys/devices/system/cpu/kernel_max") },
	[FACT_PIDS] = { "pids", .where = FACT_HANDED },	      /* a procfs; see fusefs/pids.c */
	[FACT_NET_DEV] = { "net.dev", .where = FACT_HANDED }, /* its /proc/net/dev */
	/* whether the container may switch its swap */
	[FACT_SWAP] = { "swap", .where = FACT_HANDED },
	[FACT_VMSTAT] = { "vmstat", HOST("/proc/vmstat") },
	[FACT_ZONEINFO] = { "zoneinfo", HOST("/proc/zoneinfo") },
	[FACT_BUDDYINFO] = { "buddyinfo", HOST("/proc/buddyinfo") },
	[FACT_SOFTIRQS] = { "softirqs", HOST("/proc/softirqs") },
	[FACT_SCHEDSTAT] = { "schedstat", HOST("/proc/schedstat") },
	[FACT_PSI_CPU] = { "pressure.cpu", HOST("/proc/pressure/cpu") },
	[FACT_PSI_MEMORY] = { "pressure.memory", HOST("/proc/pressure/memory") },
	[FACT_PSI_IO] = { "pressure.io", HOST("/proc/pressure/io") },
	[FACT_PSI_IRQ] = { "pressure.irq", HOST("/proc/pressure/irq") },
	[FACT_V2_CPUSET] = { "v2.cpuset", V2(FACT_NEAREST, "cpuset.cpus.effective") },
	[FACT_V2_MEMS] = { "v2.mems", V2(FACT_NEAREST, "cpuset.mems.effective") },
	[FACT_V2_CPU_MAX] = { "v2.cpu.max", V2(FACT_LIMIT, "cpu.max") },
	[FACT_V2_CPU_STAT] = { "v2.cpu.stat", V2(FACT_CGROUP, "cpu.stat") },
	[FACT_V2_MEMORY_MAX] = { "v2.memory.max", V2(FACT_LIMIT, "memory.max") },
	[FACT_V2_MEMORY_CURRENT] = { "v2.memory.current", V2(FACT_CGROUP, "memory.current") },
	[FACT_V2_MEMORY_STAT] = { "v2.memory.stat", V2(FACT_CGROUP, "memory.stat") },
	[FACT_V2_MEMORY_EVENTS] = { "v2.memory.events", V2(FACT_CGROUP, "memory.events") },
	[FACT_V2_SWAP_MAX] = { "v2.swap.max", V2(FACT_LIMIT, "memory.swap.max") },
	[FACT_V2_SWAP_CURRENT] = { "v2.swap.current", V2(FACT_CGROUP, "memory.swap.current") },
	[FACT_V2_PIDS_CURRENT] = { "v2.pids.current", V2(FACT_CGROUP, "pids.current") },
	[FACT_V2_IO_STAT] = { "v2.io.stat", V2(FACT_CGROUP, "io.stat") },
	[FACT_V2_PSI_CPU] = { "v2.cpu.pressure", V2(FACT_CGROUP, "cpu.pressure") },
	[FACT_V2_PSI_MEMORY] = { "v2.memory.pressure", V2(FACT_CGROUP, "memory.pressure") },
	[FACT_V2_PSI_IO] = { "v2.io.pressure", V2(FACT_CGROUP, "io.pressure") },
	[FACT_V2_PSI_IRQ] = { "v2.irq.pressure", V2(FACT_CGROUP, "irq.pressure") },
	[FACT_V1_CPUSET] = { "v1.cpuset", V1("cpuset", FACT_NEAREST, "cpuset.effective_cpus") },
	[FACT_V1_MEMS] = { "v1.mems", V1("cpuset", FACT_NEAREST, "cpuset.effective_mems") },
	[FACT_V1_CFS_QUOTA] = { "v1.cfs_quota", V1("cpu", FACT_LIMIT, "cpu.cfs_quota_us") },
	[FACT_V1_CFS_PERIOD] = { "v1.cfs_period", V1("cpu", FACT_LIMIT, "cpu.cfs_period_us") },
	[FACT_V1_CPUACCT_STAT] = { "v1.cpuacct.stat", V1("cpuacct", FACT_CGROUP, "cpuacct.stat") },
	[FACT_V1_MEMORY_LIMIT] = { "v1.memory.limit",
				   V1("memory", FACT_LIMIT, "memory.limit_in_bytes") },
	[FACT_V1_MEMORY_USAGE] = { "v1.memory.usage",
				   V1("memory", FACT_CGROUP, "memory.usage_in_bytes") },
	[FACT_V1_MEMORY_STAT] = { "v1.memory.stat", V1("memory", FACT_CGROUP, "memory.stat") },
	[FACT_V1_OOM_CONTROL] = { "v1.memory.oom_control",
				  V1("memory", FACT_CGROUP, "memory.oom_control") },
	[FACT_V1_MEMSW_LIMIT] = { "v1.memsw.limit",
				  V1("memory", FACT_LIMIT, "memory.memsw.limit_in_bytes") },
	[FACT_V1_PIDS_CURRENT] = { "v1.pids.current", V1("pids", FACT_CGROUP, "pids.current") },
	[FACT_V1_IO_BYTES] = { "v1.io.bytes", V1("blkio", FACT_CGROUP,
						 "blkio.throttle.io_service_bytes_recursive") },
	[FACT_V1_IO_SERVICED] = { "v1.io.serviced", V1("blkio", FACT_CGROUP,
						       "blkio.throttle.io_serviced_recursive") },
};
const int fact_sources_count = FACT_COUNT;

/**
 * fact_by_name() - find a source by the name it has on the command line
 *
 * Return: its index (enum fact), or -ENOENT.
 */
int fact_by_name(const char *name)
{
	for (int i = 0; i < fact_sources_count; i++)
		if (strcmp(fact_sources[i].name, name) == 0)
			return i;
	return -ENOENT;
}

static bool is_cgroupfs(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	return fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC;
}

/*
 * The parent cgroup of @dir, or -1 at the root of the hierarchy: above the mount's root ".." is
 * the tmpfs or sysfs it is mounted on, and at the root of a cgroup namespace it is @dir itself.
 */
static int parent_cgroup(int dir)
{
	autofd up = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat here, there;

	if (up < 0 || fstat(dir, &here) < 0 || fstat(up, &there) < 0)
		return -1;
	if (here.st_dev != there.st_dev || here.st_ino == there.st_ino || !is_cgroupfs(up))
		return -1;
	return fd_steal(&up);
}

static int keep(struct fact_fd *fds, int *n, int max, const struct fact_source *src, int fd)
{
	if (*n >= max) {
		fd_close(fd);
		return -E2BIG;
	}
	fds[*n].name = src->name;
	fds[(*n)++].fd = fd;
	return 0;
}

/* Opens @src at @dir and, as its kind asks, above. */
static int open_in_cgroup(const struct fact_source *src, int dir, struct fact_fd *fds, int *n,
			  int max)
{
	autofd level = -1;

	for (int depth = 0; dir >= 0; depth++) {
		int fd = openat(dir, src->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		int r = 0, up;

		if (fd >= 0) /* an ancestor left out would show more than the container gets */
			r = keep(fds, n, depth < FACT_MAX_DEPTH ? max : 0, src, fd);
		else if (errno != ENOENT)
			r = -errno;
		if (r < 0)
			return r;
		if (src->where == FACT_CGROUP || (src->where == FACT_NEAREST && fd >= 0))
			break;
		up = parent_cgroup(dir);
		if (level >= 0)
			fd_close(level);
		dir = level = up;
	}
	return 0;
}

static int open_on_host(const struct fact_source *src, int root_fd, struct fact_fd *fds, int *n,
			int max)
{
	const char *path = root_fd == AT_FDCWD ? src->file : src->file + 1;
	int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		return keep(fds, n, max, src, fd);
	return errno == ENOENT ? 0 : -errno;
}

/**
 * facts_open_all() - open every source that exists for one container
 * @root_fd: directory that stands for "/" (tests), or AT_FDCWD for the real one
 * @cgroup_dir: gives the container's cgroup directory for a controller
 * @fds: receives the descriptors, O_RDONLY | O_CLOEXEC; the caller owns them. The levels of a
 *	FACT_LIMIT source follow each other from the container's own cgroup upwards.
 * @max: room in @fds; FACT_MAX_FDS is enough
 *
 * Return: number of descriptors, or -errno (nothing is left open then): a source that is missing
 * is no error, one that cannot be opened is.
 */
int facts_open_all(int root_fd, fact_cgroup_dir_fn *cgroup_dir, void *arg, struct fact_fd *fds,
		   int max)
{
	int n = 0, r = 0;

	for (int i = 0; i < fact_sources_count && r == 0; i++) {
		const struct fact_source *src = &fact_sources[i];

		if (src->where == FACT_HANDED)
			continue;
		if (src->where == FACT_HOST)
			r = open_on_host(src, root_fd, fds, &n, max);
		else
			r = open_in_cgroup(src, cgroup_dir(src->controller, arg), fds, &n, max);
	}
	if (r == 0)
		return n;
	facts_close_all(fds, n);
	return r;
}

/**
 * facts_close_all() - close what facts_open_all() opened
 */
void facts_close_all(struct fact_fd *fds, int n)
{
	for (int i = 0; i < n; i++)
		fd_close(fds[i].fd);
}
