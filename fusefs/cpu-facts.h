/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How many CPUs the container has, and how much of them it used: the one answer behind cpuinfo,
 * stat, online and uptime.
 */
#include "source.h"

#define CPU_SET_BITS 8192
#define CPU_USER_HZ  100

struct cpu_set {
	uint64_t word[CPU_SET_BITS / 64];
	int count;
};

/* The CPUs of the container, by the kernel's numbers. */
struct cpus {
	struct cpu_set shown;
	unsigned int possible; /* numbers below this */
};

#define for_each_cpu(cpu, set)                                                                     \
	for (int cpu = cpu_set_next(set, 0); cpu >= 0; cpu = cpu_set_next(set, cpu + 1))

bool cpu_set_has(const struct cpu_set *set, uint64_t cpu);

int cpu_set_next(const struct cpu_set *set, unsigned int from);

int cpus_get(const struct facts *facts, struct cpus *ret);
unsigned int cpu_node(const struct facts *facts, unsigned int *ret_possible);
int cpu_usage_begin(struct facts *facts, struct usage_base *base);
int cpu_usage(const struct facts *facts, uint64_t *user, uint64_t *system);

struct cpu_times {
	struct cpus cpus;
	int n; /* of those shown */
	struct cpu_ticks total;
	struct cpu_ticks *cpu; /* n of them; cpu_times_free() */
};

int cpu_times_get(const struct facts *facts, struct cpu_times *ret, bool each);
void cpu_times_free(struct cpu_times *t);
