/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Control groups of a container and of its helpers on v1, hybrid and v2 hosts, one interface.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_MAX_HIERARCHIES 20

struct cgroup_hierarchy {
	char controllers[128]; /* v1: "cpu,cpuacct", "name=systemd"; v2: "" */
	bool v2;
	int mount_fd; /* directory fd of the mount point on the host */
	int dir_fd;   /* the container's cgroup in this hierarchy, or -1 */
	char *mount_point;
	char *own; /* the caller's own cgroup path in this hierarchy, from /proc/self/cgroup */
};

struct cgroups {
	struct cgroup_hierarchy h[CGROUP_MAX_HIERARCHIES];
	int n;
};

enum cgroup_mode { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

/* Limits; what is 0 (or NULL) is left as the kernel has it. */
struct cgroup_limits {
	int64_t memory;	     /* bytes; memory.limit_in_bytes, memory.max */
	int64_t memory_swap; /* bytes of memory plus swap, -1 unlimited (OCI meaning) */
	int64_t cpu_quota;   /* us per period */
	uint64_t cpu_period; /* us */
	uint64_t cpu_shares;
	int64_t pids;
	const char *cpuset_cpus;
	const char *cpuset_mems;
};

int cgroup_detect(struct cgroups *cg);
int cgroup_parse(struct cgroups *cg, const char *mountinfo, const char *self_cgroup);
bool cgroup_list_has(const char *list, const char *word);
uint64_t cgroup_weight_from_shares(uint64_t shares);
enum cgroup_mode cgroup_mode(const struct cgroups *cg);
void cgroup_free(struct cgroups *cg);

bool cgroup_is_needed(const struct cgroups *cg, const struct cgroup_hierarchy *h);
int cgroup_create(struct cgroups *cg, const char *path, char *what, size_t what_size);
int cgroup_open(struct cgroups *cg, const char *path);
int cgroup_set_limits(struct cgroups *cg, const struct cgroup_limits *limits, char *what,
		      size_t what_size);
int cgroup_delegate(struct cgroups *cg, uid_t uid, gid_t gid);
int cgroup_v2_fd(const struct cgroups *cg);
int cgroup_tasks_fds(const struct cgroups *cg, int fds[CGROUP_MAX_HIERARCHIES]);
int cgroup_enter_self(const int *tasks_fds, int n);
int cgroup_add_pid(const struct cgroups *cg, pid_t pid);
int cgroup_kill(const struct cgroups *cg, int sig);
int cgroup_populated(const struct cgroups *cg);
void cgroup_kill_start(const struct cgroups *cg);
int cgroup_remove(const struct cgroups *cg, const char *path);
bool cgroup_is_frozen(const struct cgroups *cg);
int cgroup_freeze(const struct cgroups *cg, bool frozen);
int cgroup_controller_fd(const struct cgroups *cg, const char *controller, bool *v2);
