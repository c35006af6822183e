/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/loadavg of the container's own tasks.
 *
 * The kernel samples the number of active tasks every 5 s and damps it (kernel/sched/loadavg.c).
 * Nothing runs here while nobody reads: a read takes in all ticks since the last one, with the CPU
 * usage in between as the number of tasks that were active. The first read does so for the time
 * since the container's start.
 */
#include "config.h"
#include "cpu-facts.h"
#include "pids.h"
#include "providers.h"

#include <stdatomic.h>

#define FSHIFT	 11
#define FIXED_1	 (1u << FSHIFT)
#define TICK_NS	 5000000000u
#define MAX_LOAD ((uint64_t)1 << 32) /* keeps absurd usage from overflowing */

/* fixed_power_int(): @x to the power of @n. */
static uint64_t power(uint64_t x, uint64_t n)
{
	uint64_t result = FIXED_1;

	for (; n; n >>= 1) {
		if (n & 1)
			result = (result * x + (FIXED_1 >> 1)) >> FSHIFT;
		x = (x * x + (FIXED_1 >> 1)) >> FSHIFT;
	}
	return result;
}

/* calc_load_n() */
static uint64_t damp(uint64_t load, uint64_t exp, uint64_t active, uint64_t ticks)
{
	uint64_t e = power(exp, ticks);
	uint64_t v = load * e + active * (FIXED_1 - e);

	if (active >= load)
		v += FIXED_1 - 1;
	return v / FIXED_1;
}

static void take_in(struct load *l, uint64_t usage, uint64_t now)
{
	static const unsigned int exp[3] = { 1884, 2014, 2037 }; /* 1, 5, 15 minutes */
	uint64_t elapsed, used, ticks, active;

	if (now < l->tick_ns + TICK_NS)
		return;
	elapsed = now - l->tick_ns;
	used = usage > l->usage_tick ? usage - l->usage_tick : 0;
	ticks = elapsed / TICK_NS;
	active = (uint64_t)((double)used * FIXED_1 * (1e9 / CPU_USER_HZ) / elapsed);
	if (active > MAX_LOAD)
		active = MAX_LOAD;
	for (int i = 0; i < 3; i++)
		l->avg[i] = damp(l->avg[i], exp[i], active, ticks);
	l->running = (active + FIXED_1 / 2) / FIXED_1;
	/* the part after the last whole tick is left for the next one */
	l->usage_tick += (uint64_t)((double)used * (ticks * TICK_NS) / elapsed);
	l->tick_ns += ticks * TICK_NS;
}

/* A server killed in here leaves the slot that counts as it was. */
static void save(struct load_saved *saved, const struct load *now)
{
	uint32_t spare = !atomic_load(&saved->commit);

	saved->slot[spare] = *now;
	atomic_store(&saved->commit, spare);
}

/**
 * load_restore() - go on where a predecessor was, and keep the state in @saved from now on
 */
void load_restore(struct load_account *l, struct load_saved *saved)
{
	l->saved = saved;
	l->now = saved->slot[atomic_load(&saved->commit) & 1];
}

/**
 * load_running() - number of tasks that run now, at least the reader
 * @usage: CPU time used so far, in USER_HZ
 */
uint64_t load_running(const struct facts *facts, uint64_t usage)
{
	struct load_account *l = facts->load;
	uint64_t running, tick_ns;

	pthread_mutex_lock(&l->lock);
	tick_ns = l->now.tick_ns;
	take_in(&l->now, usage, facts_uptime_ns(facts));
	if (l->saved && l->now.tick_ns != tick_ns)
		save(l->saved, &l->now);
	running = l->now.running;
	pthread_mutex_unlock(&l->lock);
	return running ? running : 1;
}

/* The account as it was last taken in; CPU usage is asked only where a tick has gone by since. */
static int load_now(const struct facts *facts, struct load *ret)
{
	struct load_account *l = facts->load;
	uint64_t user, system;
	bool due;
	int r;

	pthread_mutex_lock(&l->lock);
	due = !l->now.tick_ns || facts_uptime_ns(facts) >= l->now.tick_ns + TICK_NS;
	*ret = l->now;
	pthread_mutex_unlock(&l->lock);
	if (!due)
		return 0;
	r = cpu_usage(facts, &user, &system);
	if (r < 0)
		return r;
	load_running(facts, user + system);
	pthread_mutex_lock(&l->lock);
	*ret = l->now;
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static void put_load(struct text *out, uint64_t avg)
{
	avg += FIXED_1 / 200;
	text_num(out, avg >> FSHIFT);
	text_bytes(out, ".", 1);
	text_num_width(out, ((avg & (FIXED_1 - 1)) * 100) >> FSHIFT, 2, '0');
	text_bytes(out, " ", 1);
}

static uint64_t task_count(const struct facts *facts)
{
	uint64_t n;

	if (facts_u64(facts, FACT_V1_PIDS_CURRENT, 0, &n) < 0 &&
	    facts_u64(facts, FACT_V2_PIDS_CURRENT, 0, &n) < 0)
		return 0;
	return n;
}

int loadavg_render(const struct facts *facts, struct text *out)
{
	uint64_t running, tasks;
	struct load load;
	int r = load_now(facts, &load);

	if (r < 0)
		return r;
	tasks = task_count(facts);
	running = load.running ? load.running : 1;
	if (tasks && running > tasks)
		running = tasks;
	for (int i = 0; i < 3; i++)
		put_load(out, load.avg[i]);
	text_num(out, running);
	text_bytes(out, "/", 1);
	text_num(out, tasks ? tasks : running);
	text_bytes(out, " ", 1);
	text_num(out, pids_last(facts));
	text_bytes(out, "\n", 1);
	return 0;
}
