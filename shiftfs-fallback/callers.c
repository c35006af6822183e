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
 * While another CPU idles that is not enough: a caller that is woken on a CPU where somebody works
 * goes to the idle one, each time. A CPU where nobody but a SCHED_IDLE thread works counts as
 * idle, though, so that is what the worker becomes when the caller is seen to flee. Such a thread
 * gets next to no time beside any other one, so the thread that watches the workers (server.c)
 * ends it as soon as somebody has waited, and when there is nothing to do.
 *
 * Whether a request was there before a worker asked for it tells nothing: on one CPU the caller is
 * often sooner there with its next one. But with several callers, requests come from them in turn.
 */
#include "config.h"
#include "process.h"
#include "server.h"
#include "lib/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many requests later it is looked again. */
#define FOLLOW_EVERY 8

/* Requests of another caller than the one before, less those of the same. */
#define MANY	  32
#define MANY_MOST 64

/*
 * How much oftener the caller must have been seen on another CPU than the worker, while one idled,
 * than none idled; and what counts at most. A single look tells little.
 */
#define FLEES	   2
#define FLEES_MOST 4

/*
 * How long the worker does not give way again once somebody has had to wait for that: at first, and
 * at most, when that comes again soon.
 */
#define BUSY_MS	     32
#define BUSY_MS_MOST 1024

/* Data that is copied on one CPU while the caller works on another: sooner done by two. */
#define MUCH_DATA (32 * 1024)

/* Where proc(5) has the CPU, behind the name, which can have blanks. */
#define FIELDS_TO_CPU 37

/* Where it has the number of running threads in /proc/loadavg. */
#define FIELDS_TO_RUNNING 3

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
	if (fd_read_file_at(s->process->proc_root, name, text, sizeof(text)) <= 0)
		return -1;
	p = strrchr(text, ')');
	for (int i = 0; p && i < FIELDS_TO_CPU; i++)
		p = strchr(p + 1, ' ');
	return p ? atoi(p + 1) : -1;
}

/* Locking: follow_lock. */
static void give_way(struct server *s, bool on)
{
	const struct sched_param none = { 0 };

	if (s->gives_way != on)
		(void)sched_setscheduler(s->main_tid, on ? SCHED_IDLE : SCHED_OTHER, &none);
	s->gives_way = on;
}

/*
 * The threads that watch work on other CPUs than the main worker: where one of them is ready to
 * run no caller is left that a worker gives way to, and they run many times a second. With several
 * mounts the last one that moved counts.
 */
static void keep_watchers_off(struct process *p, const cpu_set_t *cpus)
{
	cpu_set_t others;

	CPU_XOR(&others, &p->all_cpus, cpus);
	for (size_t i = 0; i < sizeof(p->watchers) / sizeof(p->watchers[0]); i++)
		if (p->watchers[i])
			(void)sched_setaffinity(p->watchers[i], sizeof(others),
						CPU_COUNT(&others) ? &others : &p->all_cpus);
}

/* Locking: follow_lock. @cpu: -1 if any will do */
static void stay_on(struct server *s, int cpu)
{
	cpu_set_t one;

	if (cpu == s->stays_on)
		return;
	CPU_ZERO(&one);
	if (cpu >= 0)
		CPU_SET(cpu, &one);
	else
		one = s->process->all_cpus;
	keep_watchers_off(s->process, &one);
	(void)sched_setaffinity(s->main_tid, sizeof(one), &one);
	s->stays_on = cpu;
}

/* Return: the CPU that the main worker is to stay on, or -1 */
static int find_cpu(struct server *s)
{
	uint32_t tid = atomic_load_explicit(&s->last_caller, memory_order_relaxed);
	int cpu = -1;

	if (atomic_load(&s->workers) == 1 && !atomic_load(&s->much_data))
		cpu = cpu_of(s, tid);
	return cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &s->process->all_cpus) ? cpu : -1;
}

/*
 * Whether a CPU idles: of the threads that run now this one will not for long. A worker that gives
 * way and its caller are on one CPU, and often both ready to run: what the caller was woken by was
 * not the last thing that the worker did.
 */
static bool some_idle(const struct process *p, bool gives_way)
{
	char text[128], *word = text;

	if (fd_read_file_at(p->proc_root, "loadavg", text, sizeof(text)) <= 0)
		return false;
	for (int i = 0; word && i < FIELDS_TO_RUNNING; i++)
		word = strchr(word + 1, ' ');
	return word && atoi(word + 1) <= CPU_COUNT(&p->all_cpus) + gives_way;
}

static void follow(struct server *s, int cpu)
{
	bool idle = s->process->may_give_way && some_idle(s->process, s->gives_way);

	pthread_mutex_lock(&s->follow_lock);
	if (!s->main_tid)
		cpu = -1;
	if (cpu < 0 || s->stays_on < 0)
		s->flees = 0;
	else if (!idle || (cpu == s->stays_on && !s->gives_way))
		s->flees -= s->flees > 0;
	else
		s->flees += s->flees < FLEES_MOST;
	stay_on(s, cpu);
	give_way(s, s->flees >= (s->gives_way ? 1 : FLEES) && callers_may_give_way(s));
	pthread_mutex_unlock(&s->follow_lock);
}

/* Whether a thread may be an ordinary one again: tried on this one, which can do without. */
static bool may_return(void)
{
	const struct sched_param none = { 0 };

	return sched_setscheduler(0, SCHED_IDLE, &none) == 0 &&
	       sched_setscheduler(0, SCHED_OTHER, &none) == 0;
}

/*
 * The kernel does not tell anything of a process that is executing a program until it has read that
 * one, which may be from us: so no worker asks, but a thread that nobody waits for.
 */
static void *follow_main(void *arg)
{
	struct process *p = arg;

	p->may_give_way = may_return();
	p->watchers[1] = gettid();
	for (;;) {
		while (sem_wait(&p->follow) < 0)
			;
		for (size_t i = 0; i < p->n; i++) {
			struct server *s = p->server[i];

			if (!atomic_load(&s->following))
				continue;
			follow(s, find_cpu(s));
			atomic_store(&s->following, false);
		}
	}
	return NULL;
}

/**
 * callers_may_give_way() - whether a worker may be a SCHED_IDLE thread while there are requests
 */
bool callers_may_give_way(const struct server *s)
{
	return s->process->may_give_way && now_ms() - s->had_to_wait > s->busy_ms;
}

/**
 * callers_note_wait() - somebody has had to wait for a worker that gives way
 */
void callers_note_wait(struct server *s)
{
	uint32_t now = now_ms(), before = s->busy_ms;

	if (now - s->had_to_wait > 4 * before)
		s->busy_ms = BUSY_MS;
	else if (before < BUSY_MS_MOST)
		s->busy_ms = 2 * before;
	s->had_to_wait = now;
}

/**
 * callers_watch() - a look at the workers, every now and then
 * @stuck: no request was finished since the last one
 * @quiet: nor was there one for a while
 *
 * A worker that gives way must not keep anybody waiting who is given way to. A request that is
 * there at one look may have just come; one that is there at two, with none finished between,
 * waits.
 */
void callers_watch(struct server *s, bool stuck, bool quiet)
{
	struct pollfd waiting = { .fd = s->fuse_fd, .events = POLLIN };
	bool waited = s->seen_waiting;

	if (!atomic_load_explicit(&s->gives_way, memory_order_relaxed))
		return;
	s->seen_waiting = poll(&waiting, 1, 0) > 0;
	if (stuck && waited && s->seen_waiting)
		callers_note_wait(s);
	else if (!quiet && !(stuck && atomic_load(&s->busy)))
		return;
	pthread_mutex_lock(&s->follow_lock);
	give_way(s, false);
	stay_on(s, -1);
	pthread_mutex_unlock(&s->follow_lock);
}

/**
 * callers_begin() - before there are workers
 *
 * Return: 0, or -errno.
 */
int callers_begin(struct process *p)
{
	if (sched_getaffinity(0, sizeof(p->all_cpus), &p->all_cpus) < 0 ||
	    CPU_COUNT(&p->all_cpus) < 2)
		return 0;
	sem_init(&p->follow, 0, 0);
	p->can_follow = true;
	return start_thread(follow_main, p);
}

/**
 * callers_join() - in the main worker of a mount, which is to be where a lone caller is
 */
void callers_join(struct server *s)
{
	pthread_mutex_lock(&s->follow_lock);
	s->main_tid = gettid();
	s->stays_on = -1;
	s->busy_ms = BUSY_MS;
	s->had_to_wait = now_ms() - BUSY_MS - 1;
	pthread_mutex_unlock(&s->follow_lock);
}

/**
 * callers_leave() - the main worker ends; its number may be another's then
 */
void callers_leave(struct server *s)
{
	pthread_mutex_lock(&s->follow_lock);
	give_way(s, false);
	stay_on(s, -1);
	s->main_tid = 0;
	pthread_mutex_unlock(&s->follow_lock);
}

/**
 * callers_roam() - a worker that is not the main one goes where the scheduler likes
 *
 * A thread begins with what its creator has, which may give way and stay on a CPU. One that was
 * added for a lone caller stays there too.
 */
void callers_roam(const struct server *s)
{
	const struct process *p = s->process;
	const struct sched_param none = { 0 };

	if (!p->can_follow)
		return;
	(void)sched_setscheduler(0, SCHED_OTHER, &none);
	if (callers_many(s))
		(void)sched_setaffinity(0, sizeof(p->all_cpus), &p->all_cpus);
}

/**
 * callers_follow() - have the main worker be where the caller of the request is, if that is worth
 * it
 */
void callers_follow(struct worker *w)
{
	const struct fuse_in_header *in = (const void *)w->in;
	struct server *s = w->server;

	if (!s->process->can_follow || !in->pid || w->followed++ % FOLLOW_EVERY ||
	    atomic_exchange(&s->following, true))
		return;
	atomic_store(&s->much_data, has_much_data(in));
	sem_post(&s->process->follow);
}
