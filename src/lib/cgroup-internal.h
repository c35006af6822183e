/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of the cgroup module share with one another and with nobody else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cgroup.h"

#define CGROUP_SHARED_PARENT "cloister"

struct cgroup_hierarchy *cgroup_find_v1(const struct cgroups *cg, const char *controller);
struct cgroup_hierarchy *cgroup_find_v2(const struct cgroups *cg);

/* One file to be written. */
struct cgroup_write {
	const struct cgroup_hierarchy *h;
	const char *property; /* of the specification; static */
	char *file, *value;
	char *before; /* one line that was there, to be put back; or NULL */
	int group;    /* other than 0: those of the same number may go in any order */
	bool optional;
	bool list; /* CPUs or memory nodes, of which v2 may silently use fewer */
	bool done;
};

/* What is to be written for some limits: made completely before anything is changed. */
struct cgroup_plan {
	const struct cgroups *cg;
	struct cgroup_write *writes;
	size_t n, size;
	int error; /* -ENOMEM */
	char *what;
	size_t what_size;
};

enum { CGROUP_GROUP_NONE, CGROUP_GROUP_MEMORY, CGROUP_GROUP_CPU, CGROUP_GROUP_RT };

int cgroup_plan_io(struct cgroup_plan *plan, const struct cgroup_limits *limits);
int cgroup_plan_others(struct cgroup_plan *plan, const struct cgroup_limits *limits);
int cgroup_plan_target(struct cgroup_plan *plan, const char *controller, const char *property,
		       const struct cgroup_hierarchy **ret);
struct cgroup_write *cgroup_plan_put(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
				     const char *property, const char *file, const char *format,
				     ...) __attribute__((format(printf, 5, 6)));
int cgroup_plan_refuse(struct cgroup_plan *plan, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int cgroup_plan_apply(struct cgroup_plan *plan);
void cgroup_plan_clear(struct cgroup_plan *plan);

struct bpf_insn;
union bpf_attr;
int cgroup_bpf(int command, union bpf_attr *attr);
int cgroup_bpf_make(int command, union bpf_attr *attr);
int cgroup_bpf_program(const struct cgroup_device_list *list, struct bpf_insn **insns, size_t *n);
int cgroup_bpf_attach(int cgroup_fd, const struct cgroup_device_list *list);

bool cgroup_same_list(const char *a, const char *b);

/* Called for a cgroup and each one below it; other than 0 ends the walk. */
typedef int (*cgroup_visit)(int dir_fd, void *arg);
int cgroup_walk(int top_fd, cgroup_visit visit, void *arg);
int cgroup_remove_below(int top_fd);

struct cgroup_deadline {
	uint64_t end_ns;
	unsigned int pause_us;
};

struct cgroup_deadline cgroup_deadline_in(unsigned int ms);
bool cgroup_deadline_pause(struct cgroup_deadline *deadline);
