/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading the sources, and the small grammar of cgroup files. A source that is absent or cannot be
 * understood is an error, never a default.
 */
#include "lib/facts.h"
#include "text.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

/* CPU time as it was shown, so that nothing shown ever runs backwards; see cpu-facts.c. */
struct cpu_ticks {
	uint64_t user, system, idle;
};

struct cpu_account {
	pthread_mutex_t lock;
	uint64_t last_ns;	/* container uptime of the last look */
	uint64_t capacity_ns;	/* CPU time that there was, up to then */
	struct cpu_ticks total; /* floors */
	struct cpu_ticks epoch; /* totals when the number of CPUs last changed */
	int n;
	struct cpu_ticks *base; /* per CPU, at that moment */
};

/* The kernel's load average over the container's CPU usage; see loadavg.c. */
struct load {
	uint64_t tick_ns;    /* container uptime of the last tick taken in */
	uint64_t usage_tick; /* CPU usage then, in USER_HZ */
	uint64_t avg[3];     /* fixed point, 11 bits */
	uint64_t running;    /* tasks that ran on average in the last interval */
};

/* The same in memory that outlives the server; all zero at first. */
struct load_saved {
	_Atomic uint32_t commit; /* the slot that counts */
	struct load slot[2];
};

/* CPU usage that the cgroup had before the container, in memory that outlives the server. */
struct usage_base {
	_Atomic uint32_t known;
	uint64_t user, system; /* USER_HZ */
};

struct load_account {
	pthread_mutex_t lock;
	struct load now;
	struct load_saved *saved; /* may be NULL */
};

/* The text of cpuinfo as it was a moment ago; see cpuinfo.c. */
struct cpuinfo_cache {
	pthread_mutex_t lock;
	struct text text;
	uint64_t until_ns;  /* container uptime */
	uint64_t cpus[128]; /* those shown, as in struct cpu_set */
};

struct pid_watch;

struct facts {
	int fd[FACT_COUNT][FACT_MAX_DEPTH]; /* levels of FACT_LIMIT, else one */
	int n[FACT_COUNT];		    /* 0: absent */
	uint64_t boot_offset_ns; /* CLOCK_BOOTTIME of the host at the container's start */
	void (*clock)(uint64_t *boottime_ns, uint64_t *realtime_ns); /* tests bring their own */
	struct cpu_account *cpu;
	struct load_account *load;
	struct cpuinfo_cache *cpuinfo; /* may be NULL */
	struct usage_base *base;       /* may be NULL */
	struct pid_watch *pids;	       /* may be NULL; see pids.c */
};

void facts_init(struct facts *facts);
int facts_add(struct facts *facts, const char *name, int fd);
bool facts_have(const struct facts *facts, enum fact id);
ssize_t facts_read(const struct facts *facts, enum fact id, int level, char *buf, size_t size);
int facts_read_text(const struct facts *facts, enum fact id, struct text *t);
int source_read_text(int fd, size_t max, struct text *t);
int facts_u64(const struct facts *facts, enum fact id, int level, uint64_t *ret);
int facts_limit(const struct facts *facts, enum fact id, uint64_t *ret);
uint64_t facts_uptime_ns(const struct facts *facts);

bool parse_u64(const char **p, uint64_t *ret);
const char *parse_next_line(const char *p);
