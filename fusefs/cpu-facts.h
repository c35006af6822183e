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

int cpu_set_parse(struct cpu_set *set, const char *list);
bool cpu_set_has(const struct cpu_set *set, uint64_t cpu);

unsigned int cpu_set_highest(const struct cpu_set *set);

int cpu_count(const struct facts *facts, struct cpu_set *ret_set);
int cpu_nodes(const struct facts *facts, struct cpu_set *ret);
int cpu_usage_begin(struct facts *facts, struct usage_base *base);
int cpu_usage(const struct facts *facts, uint64_t *user, uint64_t *system);

struct cpu_times {
	int n;
	struct cpu_ticks total;
	struct cpu_ticks *cpu; /* n of them; cpu_times_free() */
};

int cpu_times_get(const struct facts *facts, struct cpu_times *ret, bool each);
void cpu_times_free(struct cpu_times *t);
