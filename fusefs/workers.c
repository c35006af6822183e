/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of the server, each with its slot of survive.c.
 *
 * None waits for another but for short locks, so a worker is added only when requests keep coming
 * while all are busy, and ends when they no longer do. After an answer they look for the next
 * request for a moment (lib/devfuse.c), and then sleep.
 */
#include "config.h"
#include "workers.h"
#include "survive.h"
#include "lib/devfuse.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The deepest chain is a provider with its 8 KiB buffers below libfuse. */
#define WORKER_STACK (96 * 1024)

/*
 * When to add a worker. A second one makes a lone client slower (the kernel wakes them in turn,
 * each on a cold CPU: 10 % of an open, read and close), so it must be needed: requests were there
 * without waiting, many in a row. A lone client gives two at most, RELEASE and the next OPEN.
 */
#define QUEUED_NS	3000 /* or so many times what a system call costs, on a slow machine: */
#define QUEUED_CALLS	15
#define QUEUED_IN_A_ROW 32

/*
 * A request costs who asks as much work as us, so that where all CPUs are busy with the two, half
 * as many workers as CPUs have enough to do; with more of them all take longer (two CPUs: three
 * workers took a third more CPU time than one). More are of use where those requests in a row took
 * so many times QUEUED_NS each: because they are slow, or because others have the CPUs, of which
 * more threads get a larger part.
 */
#define SLOW 10

/*
 * When to end one: it had slept that long; or of so many requests in a row none came while all were
 * busy, but for those two of a lone client; or that many were not slow, and there are enough.
 */
#define ASLEEP_NS     1000000000u
#define CALM_IN_A_ROW 512

static pthread_mutex_t workers_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int numbers = 1; /* workers_lock: bit of each worker's number, which is its slot */
static int workers = 1;		 /* workers_lock */
static int blocked;		 /* workers_lock: how many of them wait for another */

struct worker {
	struct server *server;
	int number;
	int queued;	/* requests in a row that were there already */
	uint64_t since; /* ns, when they began */
	int calm;	/* requests since there were more than two in a row */
	int quick;	/* requests in rows that were not slow, since one that was */
	uint64_t slept; /* ns, before the request in hand */
};

static uint64_t queued_ns = QUEUED_NS; /* written before there is a second worker */

/* Of this thread: when the request in hand was asked, at the earliest, and the slot it is in. */
static _Thread_local uint64_t asked_ns;
static _Thread_local int slot_in_hand;

/**
 * workers_keep_answer() - this is going to be the answer to the request in hand
 */
void workers_keep_answer(struct server *s, const struct iovec *iov, int count)
{
	survive_keep_answer(s->survivor, slot_in_hand, iov, count);
}

static void reserve_numbers(unsigned int bits)
{
	pthread_mutex_lock(&workers_lock);
	numbers |= bits;
	pthread_mutex_unlock(&workers_lock);
}

/* Number 0 is the first worker's for ever. */
static void free_number(int i)
{
	pthread_mutex_lock(&workers_lock);
	numbers &= ~(1u << i) | 1;
	pthread_mutex_unlock(&workers_lock);
}

/**
 * workers_redo() - the first worker does what is in the slots
 *
 * One that is added meanwhile (workers_block()) gets a slot of its own: it would begin with
 * clearing it.
 */
void workers_redo(struct server *s)
{
	unsigned int todo = 0;

	for (int i = 0; i < SURVIVE_WORKERS; i++)
		if (survive_pending(s->survivor, i))
			todo |= 1u << i;
	reserve_numbers(todo);
	for (int i = 0; i < SURVIVE_WORKERS; i++) {
		if (!(todo & 1u << i))
			continue;
		slot_in_hand = i;
		server_process(s, survive_slot(s->survivor, i), survive_pending(s->survivor, i));
		survive_clear(s->survivor, i);
		free_number(i);
	}
	slot_in_hand = 0;
}

static void *worker_main(void *arg);

/* Locking: workers_lock. Return: a free number below @max, or -1. */
static int take_number(int max)
{
	for (int i = 0; i < max; i++)
		if (!(numbers & 1u << i)) {
			numbers |= 1u << i;
			workers++;
			return i;
		}
	return -1;
}

/* Locking: workers_lock. */
static void give_number(int number)
{
	numbers &= ~(1u << number);
	workers--;
}

/* Locking: workers_lock. Return: whether there is one more. */
static bool add_worker(struct server *s, int max)
{
	struct worker *w = malloc(sizeof(*w));
	pthread_attr_t attr;
	pthread_t thread;
	bool started = false;
	int number = w ? take_number(max) : -1;

	if (number >= 0) {
		*w = (struct worker){ .server = s, .number = number };
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		pthread_attr_setstacksize(&attr, WORKER_STACK);
		started = pthread_create(&thread, &attr, worker_main, w) == 0;
		pthread_attr_destroy(&attr);
		if (!started)
			give_number(number);
	}
	if (!started)
		free(w);
	return started;
}

/**
 * workers_block() - this worker is going to wait for what another one does: see to it that there is
 * another, and end with workers_unblock()
 *
 * Return: false if there is none and cannot be one.
 */
bool workers_block(struct server *s)
{
	bool can;

	pthread_mutex_lock(&workers_lock);
	can = workers - blocked > 1 || add_worker(s, SURVIVE_WORKERS);
	if (can)
		blocked++;
	pthread_mutex_unlock(&workers_lock);
	return can;
}

/**
 * workers_unblock() - the wait is over
 */
void workers_unblock(void)
{
	pthread_mutex_lock(&workers_lock);
	blocked--;
	pthread_mutex_unlock(&workers_lock);
}

/**
 * workers_asked_ns() - when the request in hand was asked, at the earliest; CLOCK_MONOTONIC
 */
uint64_t workers_asked_ns(void)
{
	return asked_ns;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/* Reads the next request into the worker's slot. Return: its length, or -errno. */
static ssize_t next_request(struct worker *w)
{
	struct server *s = w->server;
	void *slot = survive_slot(s->survivor, w->number);
	ssize_t n;

	survive_clear(s->survivor, w->number);
	n = devfuse_read(s->fuse_fd, slot, SURVIVE_SLOT_SIZE, &w->slept);
	if (n >= 0) /* 0: long ago */
		asked_ns = w->slept < queued_ns ? 0 : now_ns() - w->slept;
	return n;
}

/* The requests of the last moments queued. Adds a worker if that is of use. */
static void grow(struct worker *w)
{
	const struct server *s = w->server;
	bool slow = now_ns() - w->since > (uint64_t)QUEUED_IN_A_ROW * SLOW * queued_ns;
	int most = slow ? s->threads : (s->threads + 1) / 2;

	w->quick = slow ? 0 : w->quick + QUEUED_IN_A_ROW;
	w->queued = 0;
	pthread_mutex_lock(&workers_lock);
	if (workers < most)
		add_worker(w->server, most);
	pthread_mutex_unlock(&workers_lock);
}

/* Return: whether this worker, which there is hardly work for, can go. */
static bool shrink(struct worker *w, bool idle)
{
	int least = idle ? 1 : (w->server->threads + 1) / 2;
	bool enough;

	w->quick = 0;
	pthread_mutex_lock(&workers_lock);
	enough = workers - blocked > least;
	if (enough) {
		survive_clear(w->server->survivor, w->number);
		give_number(w->number);
	}
	pthread_mutex_unlock(&workers_lock);
	return enough;
}

/* Adds a worker where requests queue. Return: whether this one is one too many. */
static bool adjust_workers(struct worker *w)
{
	bool idle;

	if (w->slept >= queued_ns)
		w->queued = 0;
	else if (w->queued++ == 0)
		w->since = now_ns();
	w->calm = w->queued > 2 ? 0 : w->calm + 1;
	if (w->queued >= QUEUED_IN_A_ROW)
		grow(w);
	if (w->number == 0)
		return false;
	idle = w->slept > ASLEEP_NS || w->calm > CALM_IN_A_ROW;
	return (idle || w->quick > CALM_IN_A_ROW) && shrink(w, idle);
}

/* Return: -errno of the connection; 0: this worker is not needed. */
static int serve(struct worker *w)
{
	slot_in_hand = w->number;
	for (;;) {
		ssize_t n = next_request(w);

		if (n < 0)
			return n;
		server_process(w->server, survive_slot(w->server->survivor, w->number), n);
		if (adjust_workers(w))
			return 0;
	}
}

static void *worker_main(void *arg)
{
	struct worker w = *(struct worker *)arg;
	int r;

	free(arg);
	r = serve(&w);
	if (r < 0)
		_exit(r == -ENODEV ? 0 : 1);
	return NULL;
}

/**
 * workers_measure_machine() - what a system call costs here; to be called before workers_run()
 *
 * Not by sched_yield(2), which gives the CPU away: on a busy machine a start would wait for that.
 */
void workers_measure_machine(void)
{
	uint64_t call = UINT64_MAX;
	struct timespec ts;

	for (int i = 0; i < 8; i++) {
		uint64_t start = now_ns(), took;

		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
		took = now_ns() - start;
		call = took < call ? took : call;
	}
	if (call * QUEUED_CALLS > QUEUED_NS)
		queued_ns = call * QUEUED_CALLS;
}

/**
 * workers_run() - be the first worker
 *
 * Return: -errno of the connection; -ENODEV means unmounted.
 */
int workers_run(struct server *s)
{
	struct worker w = { .server = s };

	return serve(&w);
}
