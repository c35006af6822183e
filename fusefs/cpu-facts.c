/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs of the container.
 *
 * Which: the first ones of the cpuset, as many as the quota, rounded up, over all levels is worth.
 * They keep the kernel's numbers, by which sched_setaffinity(2) and getcpu(2) name them: with
 * others a program that compares what it may use with what there is finds nothing. Usage: of the
 * cgroup as a whole, in USER_HZ; it is spread evenly over the CPUs shown, because cgroup v2 does
 * not say which CPU it was and because this needs no memory: a server that replaces a dead one
 * shows the same numbers. Only when the number of CPUs changes an epoch begins, and what a CPU that
 * went away had counted goes to those that stay, so that the sum and each line only grow.
 */
#include "config.h"
#include "cpu-facts.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * Reads a list as the kernel prints it: "0-3,8,10-11".
 *
 * Return: 0, or -EINVAL for anything else and for an empty list.
 */
static int cpu_set_parse(struct cpu_set *set, const char *list)
{
	memset(set, 0, sizeof(*set));
	for (;;) {
		uint64_t first, last;

		if (!parse_u64(&list, &first))
			return -EINVAL;
		last = first;
		if (*list == '-' && (list++, !parse_u64(&list, &last)))
			return -EINVAL;
		if (first > last || last >= CPU_SET_BITS)
			return -EINVAL;
		for (; first <= last; first++) {
			set->count += !cpu_set_has(set, first);
			set->word[first / 64] |= 1ull << (first % 64);
		}
		if (*list != ',')
			break;
		list++;
	}
	return *list == '\n' || *list == '\0' ? 0 : -EINVAL;
}

/**
 * cpu_set_has() - whether @cpu is in @set
 */
bool cpu_set_has(const struct cpu_set *set, uint64_t cpu)
{
	return cpu < CPU_SET_BITS && set->word[cpu / 64] >> (cpu % 64) & 1;
}

/**
 * cpu_set_next() - the lowest number in @set that is @from or above, or -1
 */
int cpu_set_next(const struct cpu_set *set, unsigned int from)
{
	for (unsigned int i = from / 64; i < CPU_SET_BITS / 64; i++) {
		uint64_t word = set->word[i];

		if (i == from / 64)
			word &= ~0ull << (from % 64);
		if (word)
			return i * 64 + __builtin_ctzll(word);
	}
	return -1;
}

static unsigned int highest(const struct cpu_set *set)
{
	for (int i = CPU_SET_BITS / 64 - 1; i >= 0; i--)
		if (set->word[i])
			return i * 64 + 63 - __builtin_clzll(set->word[i]);
	return 0;
}

/* Leaves the first @n of @set. */
static void cut(struct cpu_set *set, int n)
{
	for_each_cpu(cpu, set)
	{
		if (n-- <= 0) {
			set->word[cpu / 64] &= ~(1ull << (cpu % 64));
			set->count--;
		}
	}
}

/* Reads and parses a list of any length. */
static int read_set(const struct facts *facts, enum fact id, struct cpu_set *set)
{
	struct text text = { 0 };
	char buf[1024];
	ssize_t n = facts_read(facts, id, 0, buf, sizeof(buf));

	if (n >= 0)
		return cpu_set_parse(set, buf);
	if (n == -EFBIG)
		n = facts_read_text(facts, id, &text);
	if (n == 0)
		n = cpu_set_parse(set, text.buf);
	text_free(&text);
	return n;
}

/**
 * cpu_node() - the number of the one memory node that is shown: the first of the cpuset's
 * @ret_possible: may be NULL; receives a number above all that a task can be on
 */
unsigned int cpu_node(const struct facts *facts, unsigned int *ret_possible)
{
	struct cpu_set nodes;
	int r = read_set(facts, facts_have(facts, FACT_V1_MEMS) ? FACT_V1_MEMS : FACT_V2_MEMS,
			 &nodes);

	if (ret_possible)
		*ret_possible = r == 0 ? highest(&nodes) + 1 : 1;
	return r == 0 ? cpu_set_next(&nodes, 0) : 0;
}

/* CPUs that @quota of @period is worth; 0 if there is no limit. */
static uint64_t quota_cpus(uint64_t quota, uint64_t period)
{
	if (quota == UINT64_MAX || period == 0)
		return 0;
	return quota == 0 ? 1 : (quota - 1) / period + 1;
}

static int v1_level(const struct facts *facts, int level, uint64_t *cpus)
{
	uint64_t quota, period;
	int r = facts_u64(facts, FACT_V1_CFS_QUOTA, level, &quota);

	if (r == 0)
		r = facts_u64(facts, FACT_V1_CFS_PERIOD, level, &period);
	if (r == 0)
		*cpus = quota_cpus(quota, period);
	return r;
}

static int v2_level(const struct facts *facts, int level, uint64_t *cpus)
{
	uint64_t quota = UINT64_MAX, period;
	char buf[64];
	const char *p = buf;
	ssize_t len = facts_read(facts, FACT_V2_CPU_MAX, level, buf, sizeof(buf));

	if (len < 0)
		return len;
	if (strncmp(p, "max", 3) == 0)
		p += 3;
	else if (!parse_u64(&p, &quota))
		return -EINVAL;
	if (*p++ != ' ' || !parse_u64(&p, &period))
		return -EINVAL;
	*cpus = quota_cpus(quota, period);
	return 0;
}

/* The smallest quota of all levels in CPUs, 0 if there is none. */
static int quota_limit(const struct facts *facts, uint64_t *ret)
{
	bool v1 = facts_have(facts, FACT_V1_CFS_QUOTA);
	int levels = facts->n[v1 ? FACT_V1_CFS_QUOTA : FACT_V2_CPU_MAX];

	*ret = 0;
	if (v1 && levels != facts->n[FACT_V1_CFS_PERIOD])
		return -EINVAL;
	for (int i = 0; i < levels; i++) {
		uint64_t cpus = 0;
		int r = v1 ? v1_level(facts, i, &cpus) : v2_level(facts, i, &cpus);

		if (r < 0)
			return r;
		if (cpus && (*ret == 0 || cpus < *ret))
			*ret = cpus;
	}
	return 0;
}

/**
 * cpus_get() - the CPUs that the container sees, at least one
 *
 * Return: 0; -errno if the cpuset or a quota that exists cannot be read.
 */
int cpus_get(const struct facts *facts, struct cpus *ret)
{
	enum fact id = facts_have(facts, FACT_V1_CPUSET) ? FACT_V1_CPUSET : FACT_V2_CPUSET;
	uint64_t quota = 0;
	int r = read_set(facts, id, &ret->shown);

	if (r == 0)
		r = quota_limit(facts, &quota);
	if (r < 0)
		return r;
	ret->possible = highest(&ret->shown) + 1;
	if (quota && quota < (uint64_t)ret->shown.count)
		cut(&ret->shown, quota);
	return 0;
}

/* The number behind @key at the start of a line of @text. */
static bool find_u64(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (; *text; text = parse_next_line(text)) {
		if (strncmp(text, key, len) == 0 && text[len] == ' ') {
			text += len + 1;
			return parse_u64(&text, ret);
		}
	}
	return false;
}

static int cgroup_usage(const struct facts *facts, uint64_t *user, uint64_t *system)
{
	bool v1 = facts_have(facts, FACT_V1_CPUACCT_STAT);
	char buf[2048];
	ssize_t len = facts_read(facts, v1 ? FACT_V1_CPUACCT_STAT : FACT_V2_CPU_STAT, 0, buf,
				 sizeof(buf));

	if (len < 0)
		return len;
	if (!find_u64(buf, v1 ? "user" : "user_usec", user) ||
	    !find_u64(buf, v1 ? "system" : "system_usec", system))
		return -EINVAL;
	if (!v1) {
		*user /= 1000000 / CPU_USER_HZ;
		*system /= 1000000 / CPU_USER_HZ;
	}
	return 0;
}

/**
 * cpu_usage_begin() - call before the container runs: what its cgroup used so far is not its own
 * @base: kept; where a predecessor has filled it in it stays as it is
 *
 * Return: 0 also if there is no source: then no view will have one.
 */
int cpu_usage_begin(struct facts *facts, struct usage_base *base)
{
	if (!atomic_load(&base->known)) {
		int r = cgroup_usage(facts, &base->user, &base->system);

		if (r < 0)
			return r == -ENODATA ? 0 : r;
		atomic_store(&base->known, 1);
	}
	facts->base = base;
	return 0;
}

/**
 * cpu_usage() - CPU time that the container used since its start, in USER_HZ
 */
int cpu_usage(const struct facts *facts, uint64_t *user, uint64_t *system)
{
	const struct usage_base *base = facts->base;
	int r = cgroup_usage(facts, user, system);

	if (r == 0 && base) {
		*user -= *user < base->user ? *user : base->user;
		*system -= *system < base->system ? *system : base->system;
	}
	return r;
}

/* What CPU @i of @n gets of @total: monotone in @total, and all @n together give @total. */
static uint64_t share(uint64_t total, int i, int n)
{
	return total / n + ((uint64_t)i < total % n);
}

static struct cpu_ticks ticks_of_cpu(const struct cpu_account *a, int i)
{
	struct cpu_ticks t = a->base[i];

	t.user += share(a->total.user - a->epoch.user, i, a->n);
	t.system += share(a->total.system - a->epoch.system, i, a->n);
	t.idle += share(a->total.idle - a->epoch.idle, i, a->n);
	return t;
}

static int begin_epoch(struct cpu_account *a, int n)
{
	struct cpu_ticks *base = calloc(n, sizeof(*base));

	if (!base)
		return -ENOMEM;
	for (int i = 0; i < a->n; i++) {
		struct cpu_ticks t = ticks_of_cpu(a, i);

		base[i % n].user += t.user;
		base[i % n].system += t.system;
		base[i % n].idle += t.idle;
	}
	free(a->base);
	a->base = base;
	a->epoch = a->total;
	a->n = n;
	return 0;
}

/*
 * Usage is less than the capacity that passed, but both are measured at different moments and a
 * burst may exceed the quota: idle time waits then instead of running backwards.
 */
static void advance(struct cpu_account *a, uint64_t user, uint64_t system, uint64_t uptime_ns)
{
	uint64_t capacity, busy;

	if (user > a->total.user)
		a->total.user = user;
	if (system > a->total.system)
		a->total.system = system;
	if (uptime_ns > a->last_ns) {
		a->capacity_ns += (uptime_ns - a->last_ns) * a->n;
		a->last_ns = uptime_ns;
	}
	capacity = a->capacity_ns / (1000000000 / CPU_USER_HZ);
	if (__builtin_add_overflow(a->total.user, a->total.system, &busy))
		busy = UINT64_MAX;
	if (capacity > busy && capacity - busy > a->total.idle)
		a->total.idle = capacity - busy;
}

/**
 * cpu_times_get() - the times of all CPUs, as /proc/stat shows them
 * @each: also per CPU, into allocated memory: cpu_times_free()
 *
 * Locking: takes the account's lock, after everything was read.
 */
int cpu_times_get(const struct facts *facts, struct cpu_times *ret, bool each)
{
	struct cpu_account *a = facts->cpu;
	uint64_t user, system, uptime_ns = facts_uptime_ns(facts);
	int r, n;

	ret->cpu = NULL;
	r = cpus_get(facts, &ret->cpus);
	if (r == 0)
		r = cpu_usage(facts, &user, &system);
	if (r < 0)
		return r;
	ret->n = n = ret->cpus.shown.count;
	if (each && !(ret->cpu = calloc(n, sizeof(*ret->cpu))))
		return -ENOMEM;
	pthread_mutex_lock(&a->lock);
	if (n != a->n)
		r = begin_epoch(a, n);
	if (r == 0) {
		advance(a, user, system, uptime_ns);
		ret->total = a->total;
		for (int i = 0; each && i < n; i++)
			ret->cpu[i] = ticks_of_cpu(a, i);
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

/**
 * cpu_times_free() - free what cpu_times_get() allocated
 */
void cpu_times_free(struct cpu_times *t)
{
	free(t->cpu);
	t->cpu = NULL;
}
