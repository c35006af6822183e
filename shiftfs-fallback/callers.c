/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many processes call, and where they run.
 *
 * One that calls alone gets one worker, which works on the caller's own CPU. While one of the two
 * works the other one sleeps, so a second CPU is of no use to them; but waking one that idles takes
 * longer than many a request, in a virtual machine ten times as long. The scheduler does not know
 * that: it likes idle CPUs. So every now and then it is looked where the caller runs, and the
 * worker stays there.
 *
 * Whether a request was there before a worker asked for it tells nothing: on one CPU the caller is
 * often sooner there with its next one. But with several callers, requests come from them in turn.
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLLOW_EVERY 32

/* Requests of another caller than the one before, less those of the same. */
#define MANY	  32
#define MANY_MOST 64

/* Data that is copied on one CPU while the caller works on another: sooner done by two. */
#define MUCH_DATA (32 * 1024)

/* Where proc(5) has the CPU, behind the name, which can have blanks. */
#define FIELDS_TO_CPU 37

static bool has_much_data(const struct fuse_in_header *in)
{
	const struct fuse_read_in *read = (const void *)(in + 1);

	return in->len >= MUCH_DATA || (in->opcode == FUSE_READ && read->size >= MUCH_DATA);
}

/**
 * callers_count() - a request was read
 *
 * Several workers may do so at a time; a count that is missed does not matter.
 */
void callers_count(struct worker *w)
{
	const struct fuse_in_header *in = (const void *)w->in;
	struct server *s = w->server;
	int many = atomic_load_explicit(&s->many, memory_order_relaxed);
	uint32_t last = atomic_load_explicit(&s->last_caller, memory_order_relaxed);

	if (!in->pid) /* nobody waits for it */
		return;
	if (in->pid != last || has_much_data(in))
		many += many < MANY_MOST;
	else
		many -= many > 0;
	atomic_store_explicit(&s->many, many, memory_order_relaxed);
	if (in->pid != last)
		atomic_store_explicit(&s->last_caller, in->pid, memory_order_relaxed);
}

/**
 * callers_many() - whether there are so many that another worker is of use
 */
bool callers_many(const struct server *s)
{
	return atomic_load_explicit(&s->many, memory_order_relaxed) >= MANY;
}

/**
 * callers_few() - whether one worker is enough
 */
bool callers_few(const struct server *s)
{
	return atomic_load_explicit(&s->many, memory_order_relaxed) == 0;
}

/* Return: the CPU that the thread has run on last, or -1. */
static int cpu_of(const struct server *s, uint32_t tid)
{
	char name[32], text[1024], *p;

	snprintf(name, sizeof(name), "%u/stat", tid);
	if (fd_read_file_at(s->proc_root, name, text, sizeof(text)) <= 0)
		return -1;
	p = strrchr(text, ')');
	for (int i = 0; p && i < FIELDS_TO_CPU; i++)
		p = strchr(p + 1, ' ');
	return p ? atoi(p + 1) : -1;
}

static void stay_on(struct server *s, const cpu_set_t *cpus)
{
	(void)sched_setaffinity(s->main_tid, sizeof(*cpus), cpus);
}

/* Return: the CPU that the main worker is to stay on, or -1 */
static int find_cpu(struct server *s)
{
	uint32_t tid = atomic_load_explicit(&s->last_caller, memory_order_relaxed);
	int cpu = -1;

	if (atomic_load(&s->workers) == 1 && !atomic_load(&s->much_data))
		cpu = cpu_of(s, tid);
	return cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &s->all_cpus) ? cpu : -1;
}

/*
 * The kernel does not tell anything of a process that is executing a program until it has read that
 * one, which may be from us: so no worker asks, but a thread that nobody waits for.
 */
static void *follow_main(void *arg)
{
	struct server *s = arg;
	int last = -1;

	for (;;) {
		cpu_set_t one;
		int cpu;

		while (sem_wait(&s->follow) < 0)
			;
		cpu = find_cpu(s);
		CPU_ZERO(&one);
		if (cpu >= 0)
			CPU_SET(cpu, &one);
		if (cpu != last)
			stay_on(s, cpu >= 0 ? &one : &s->all_cpus);
		last = cpu;
		atomic_store(&s->following, false);
	}
	return NULL;
}

/**
 * callers_begin() - in the main worker, which is to be where a lone caller is
 *
 * Return: 0, or -errno.
 */
int callers_begin(struct server *s)
{
	s->main_tid = gettid();
	if (sched_getaffinity(0, sizeof(s->all_cpus), &s->all_cpus) < 0 ||
	    CPU_COUNT(&s->all_cpus) < 2)
		return 0;
	sem_init(&s->follow, 0, 0);
	s->can_follow = true;
	return start_thread(follow_main, s);
}

/**
 * callers_follow() - have the main worker be where the caller of the request is, if that is worth
 * it
 */
void callers_follow(struct worker *w)
{
	const struct fuse_in_header *in = (const void *)w->in;
	struct server *s = w->server;

	if (!s->can_follow || !in->pid || w->followed++ % FOLLOW_EVERY ||
	    atomic_exchange(&s->following, true))
		return;
	atomic_store(&s->much_data, has_much_data(in));
	sem_post(&s->follow);
}
