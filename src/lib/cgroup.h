/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Control groups of a container and of its helpers on v1, hybrid and v2 hosts, one interface.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_MAX_HIERARCHIES 20
#define CGROUP_WHAT_MAX	       4608 /* room for a message that holds a path */

struct cgroup_hierarchy {
	char controllers[128]; /* v1: "cpu,cpuacct", "name=systemd"; v2: "" */
	bool v2;
	int mount_fd; /* directory fd of the mount point on the host */
	int dir_fd;   /* the container's cgroup in this hierarchy, or -1 */
	bool made;    /* cgroup_create() made it: nobody else was in it */
	char *mount_point;
	char *own; /* the caller's own cgroup path in this hierarchy, from /proc/self/cgroup */
};

struct cgroups {
	struct cgroup_hierarchy h[CGROUP_MAX_HIERARCHIES];
	int n;
};

enum cgroup_mode { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

/* A rule of the device cgroup; among several the last that fits an access decides. */
struct cgroup_device {
	bool allow;
	char type;	      /* 'a' (both), 'b', 'c' */
	int64_t major, minor; /* -1: any */
	unsigned int access;  /* CGROUP_DEVICE_* */
};
struct cgroup_device_list {
	struct cgroup_device *rules;
	size_t n, size;
};
enum { CGROUP_DEVICE_MKNOD = 1, CGROUP_DEVICE_READ = 2, CGROUP_DEVICE_WRITE = 4 };

enum cgroup_io_kind {
	CGROUP_IO_WEIGHT,
	CGROUP_IO_LEAF_WEIGHT,
	CGROUP_IO_READ_BPS,
	CGROUP_IO_WRITE_BPS,
	CGROUP_IO_READ_IOPS,
	CGROUP_IO_WRITE_IOPS
};
struct cgroup_io {
	enum cgroup_io_kind kind;
	unsigned int major, minor;
	uint64_t value; /* weight 10 to 1000, or bytes or operations per second */
};

struct cgroup_hugepages {
	const char *page_size; /* "2MB" */
	uint64_t limit;	       /* bytes */
};

struct cgroup_net_prio {
	const char *name; /* interface */
	uint32_t priority;
};

struct cgroup_rdma {
	const char *device;
	int64_t handles, objects; /* -1: not given */
};

struct cgroup_unified {
	const char *key, *value;
};

/*
 * Limits, in the units of the OCI specification. What is 0 (or NULL) is left as the kernel has it,
 * unless a has_ field says that 0 is meant. The arrays are owned: cgroup_limits_clear(). Strings
 * are borrowed.
 */
struct cgroup_limits {
	int64_t memory;		    /* bytes, -1 unlimited; memory.limit_in_bytes, memory.max */
	int64_t memory_swap;	    /* bytes of memory plus swap, -1 unlimited (OCI meaning) */
	int64_t memory_reservation; /* bytes, -1 unlimited */
	int64_t memory_kernel_tcp;  /* bytes, -1 unlimited; v1 */
	bool has_swappiness;
	uint64_t swappiness; /* 0 to 100; v1 */
	bool has_oom_kill_disable;
	bool oom_kill_disable; /* v1 */
	bool check_before_update;
	int64_t cpu_quota;   /* us per period, -1 unlimited */
	uint64_t cpu_period; /* us */
	bool has_cpu_burst;
	uint64_t cpu_burst;  /* us */
	uint64_t cpu_shares; /* 2 to 262144 */
	int64_t cpu_rt_runtime;
	uint64_t cpu_rt_period;
	bool has_cpu_idle;
	int64_t cpu_idle; /* 0 or 1 */
	bool has_pids;
	int64_t pids; /* -1 unlimited */
	const char *cpuset_cpus;
	const char *cpuset_mems;
	uint64_t io_weight;	 /* 10 to 1000 */
	uint64_t io_leaf_weight; /* v1 */
	uint32_t net_class;	 /* v1 */
	struct cgroup_io *io;
	size_t n_io;
	struct cgroup_hugepages *hugepages;
	size_t n_hugepages;
	struct cgroup_net_prio *net_prio; /* v1 */
	size_t n_net_prio;
	struct cgroup_rdma *rdma;
	size_t n_rdma;
	struct cgroup_unified *unified; /* v2 */
	size_t n_unified;
	struct cgroup_device *devices; /* in order; not set by cgroup_set_limits() */
	size_t n_devices;
};

int cgroup_detect(struct cgroups *cg);
int cgroup_parse(struct cgroups *cg, const char *mountinfo, const char *self_cgroup);
bool cgroup_list_has(const char *list, const char *word);
uint64_t cgroup_weight_from_shares(uint64_t shares);
uint64_t cgroup_weight_from_blkio(uint64_t weight);
enum cgroup_mode cgroup_mode(const struct cgroups *cg);
void cgroup_free(struct cgroups *cg);

bool cgroup_is_needed(const struct cgroups *cg, const struct cgroup_hierarchy *h);
int cgroup_create(struct cgroups *cg, const char *path, char *what, size_t what_size);
int cgroup_open(struct cgroups *cg, const char *path);
int cgroup_set_limits(struct cgroups *cg, const struct cgroup_limits *limits, char *what,
		      size_t what_size);
void cgroup_limits_clear(struct cgroup_limits *limits);
int cgroup_devices_normalise(const struct cgroup_device *rules, size_t n,
			     struct cgroup_device_list *ret);
int cgroup_set_devices(const struct cgroups *cg, const struct cgroup_device *rules, size_t n,
		       char *what, size_t what_size);
int cgroup_sysctls_new(void);
int cgroup_sysctls_allow(int names, const char *path);
int cgroup_sysctls_attach(int cgroup_fd, int names);
int cgroup_delegate(struct cgroups *cg, uid_t uid, gid_t gid);
int cgroup_v2_fd(const struct cgroups *cg);
int cgroup_tasks_fds(const struct cgroups *cg, int fds[CGROUP_MAX_HIERARCHIES]);
int cgroup_enter_self(const int *tasks_fds, int n);
int cgroup_kill(const struct cgroups *cg, int sig);
int cgroup_kill_try(const struct cgroups *cg, unsigned int ms, bool stuck);
int cgroup_signal_all(const struct cgroups *cg, int sig);
int cgroup_pids(const struct cgroups *cg, pid_t **pids, size_t *n);
int cgroup_populated(const struct cgroups *cg);

/* Processes that were sent SIGKILL. More than fit are not waited for. */
#define CGROUP_DYING_MAX 16
struct cgroup_dying {
	int pidfds[CGROUP_DYING_MAX];
	int n;
};
void cgroup_kill_start(const struct cgroups *cg, struct cgroup_dying *dying);
void cgroup_wait_dying(struct cgroup_dying *dying, unsigned int ms);
int cgroup_remove(const struct cgroups *cg, const char *path);
int cgroup_remove_killed(const struct cgroups *cg, const char *path);
int cgroup_remove_try(const struct cgroups *cg, const char *path, unsigned int ms);
int cgroup_freeze(const struct cgroups *cg, bool frozen);
bool cgroup_is_frozen(const struct cgroups *cg);
bool cgroup_path_frozen(const struct cgroups *cg, const char *path);
int cgroup_controller_fd(const struct cgroups *cg, const char *controller, bool *v2);
long long cgroup_oom_kills(int dir, bool v2);
