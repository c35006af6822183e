/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister-fs: the emulated files of one container.
 *
 * Theory of operation
 *
 * The launcher mounts the file system and hands over the connection (/dev/fuse) and all sources as
 * open descriptors; the server opens nothing, and after confine() cannot. Workers each read a
 * request, render or parse, answer, and read again; none waits for another but for short locks, so
 * a worker is added only when requests keep coming while all are busy, and ends when they no longer
 * do. After an answer they look for the next request for a moment (lib/devfuse.c), and then sleep.
 * There is no timer: an idle server does not run.
 *
 * What an attacker controls: which files the container opens, where it reads, and the bytes and
 * offsets of writes to sysctls. What they can make us hold is capped (handles.c). The sources are
 * the kernel's, but numbers in them may be absurd, because the container may own its cgroup.
 *
 * Death: the connection lives as long as somebody holds its descriptor. A successor (--resume) gets
 * it together with the memfds of survive.c and sysctl.c. The kernel does not repeat INIT: the kept
 * request sets up the new session, and its reply is swallowed. What the dead server had taken is
 * sent again by the kernel (FUSE_NOTIFY_RESEND, since 6.9), or else done from the workers' slots.
 * All requests may be done twice: only a write changes anything, and it sets the same value; where
 * its answer may have been sent, so that another can have followed, only that is sent again.
 */
#include "config.h"
#include "server.h"
#include "cpu-facts.h"
#include "handles.h"
#include "hot.h"
#include "providers.h"
#include "survive.h"
#include "tree.h"
#include "lib/devfuse.h"
#include "lib/fd.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/fuse.h>

/* Added to the protocol with Linux 6.9; older headers lack it. */
#define NOTIFY_RESEND 7

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
 * server_keep_answer() - this is going to be the answer to the request in hand
 */
void server_keep_answer(struct server *s, const struct iovec *iov, int count)
{
	survive_keep_answer(s->survivor, slot_in_hand, iov, count);
}

static void process(struct server *s, void *request, size_t len)
{
	struct fuse_buf buf = { .mem = request, .size = len };

	if (!hot_request(s, request, len))
		fuse_session_process_buf(s->session, &buf);
}

/*
 * Does @request, which is INIT, and tells the warden that the mount can be used.
 *
 * libfuse would derive the pages of one READ from the size of a WRITE, which is small here. Unless
 * the kernel says that it can talk of pages: then it takes its default, 128 KiB. What a predecessor
 * has answered already the kernel does not know any more (ENOENT).
 */
static int process_init(struct server *s, const void *request, size_t len)
{
	struct {
		struct fuse_in_header head;
		struct fuse_init_in init;
	} in = { 0 };

	memcpy(&in, request, len < sizeof(in) ? len : sizeof(in));
	in.init.flags &= ~FUSE_MAX_PAGES;
	process(s, &in, len < sizeof(in) ? len : sizeof(in));
	if (fuse_session_exited(s->session))
		return -EPROTO;
	if (write(s->ready_fd, "1", 1) < 0 && errno != EPIPE)
		return -errno;
	fd_close(s->ready_fd);
	s->ready_fd = -1;
	return 0;
}

/* Whether the kernel sends again what the predecessor had taken. */
static bool resend(struct server *s)
{
	struct fuse_out_header out = { .len = sizeof(out), .error = NOTIFY_RESEND };

	return !s->no_resend && write(s->fuse_fd, &out, sizeof(out)) == sizeof(out);
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

/*
 * What the predecessor's worker @i had in hand: its answer, if there was one. ENOENT says that it
 * was sent. Return: whether it has to be done.
 */
static bool answer(struct server *s, int i)
{
	size_t len;
	const void *answer = survive_answer(s->survivor, i, &len);

	if (!survive_pending(s->survivor, i))
		return false;
	if (answer && write(s->fuse_fd, answer, len) < 0)
		return false;
	return !answer;
}

/*
 * What was in the slots is done by the first worker. One that is added meanwhile (server_block())
 * gets a slot of its own: it would begin with clearing it.
 */
static void redo(struct server *s)
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
		process(s, survive_slot(s->survivor, i), survive_pending(s->survivor, i));
		survive_clear(s->survivor, i);
		free_number(i);
	}
	slot_in_hand = 0;
}

static int resume(struct server *s)
{
	size_t len;
	const void *init = survive_init(s->survivor, &len);
	int r;

	if (!init) { /* the predecessor died before it had read INIT: it is still to come */
		s->resume = false;
		return 0;
	}
	r = process_init(s, init, len);
	if (r < 0)
		return r;
	handles_restore();
	for (int i = 0; i < SURVIVE_WORKERS; i++)
		if (!answer(s, i))
			survive_clear(s->survivor, i);
	if (!resend(s)) {
		redo(s);
		return 0;
	}
	for (int i = 0; i < SURVIVE_WORKERS; i++)
		survive_clear(s->survivor, i);
	return 0;
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
 * server_block() - this worker is going to wait for what another one does: see to it that there is
 * another, and end with server_unblock()
 *
 * Return: false if there is none and cannot be one.
 */
bool server_block(struct server *s)
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
 * server_unblock() - the wait is over
 */
void server_unblock(void)
{
	pthread_mutex_lock(&workers_lock);
	blocked--;
	pthread_mutex_unlock(&workers_lock);
}

/**
 * server_asked_ns() - when the request in hand was asked, at the earliest; CLOCK_MONOTONIC
 */
uint64_t server_asked_ns(void)
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

/* Return: -errno of the connection, -ENODEV means unmounted; 0: this worker is not needed. */
static int serve(struct worker *w)
{
	slot_in_hand = w->number;
	for (;;) {
		ssize_t n = next_request(w);

		if (n < 0)
			return n;
		process(w->server, survive_slot(w->server->survivor, w->number), n);
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

/* Everything of value is in shared memory, so any moment is good to go. */
static void on_term(int sig)
{
	_exit(0);
}

static int map_memory(struct server *s)
{
	int r = sysctl_store_map(&s->store, s->values_fd);

	if (r < 0)
		return r;
	s->survivor = survive_map(s->init_fd);
	if (!s->survivor)
		return -errno;
	load_restore(s->facts.load, survive_load(s->survivor));
	return cpu_usage_begin(&s->facts, survive_base(s->survivor));
}

/**
 * server_attach() - set everything up that needs rights which confine() takes away
 * @what: receives what failed
 */
int server_attach(struct server *s, const char **what)
{
	char device[32];
	char name[] = "cloister-fs";
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct sigaction sa = { .sa_handler = on_term };
	int r;

	*what = "set up --values-fd and --init-fd";
	r = map_memory(s);
	if (r < 0)
		return r;
	*what = "build the tree";
	r = tree_build(&s->facts, &s->store, survive_paths(s->survivor));
	if (r < 0)
		return r;
	handles_init(s->survivor);
	pthread_mutex_init(&s->store_lock, NULL);
	pthread_mutex_init(&s->ask_lock, NULL);
	clock_gettime(CLOCK_REALTIME, &s->started);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	*what = "set up --fuse-fd";
	r = devfuse_prepare(s->fuse_fd);
	if (r < 0)
		return r;
	*what = "make a FUSE session";
	s->session = fuse_session_new(&args, &server_ops, sizeof(server_ops), s);
	if (!s->session)
		return -ENOMEM;
	/* Not fuse_session_custom_io(), which distributions leave out from 3.18.3 on. */
	snprintf(device, sizeof(device), "/dev/fd/%d", s->fuse_fd);
	return fuse_session_mount(s->session, device) == 0 ? 0 : -EBADF;
}

/* Not by sched_yield(2), which gives the CPU away: on a busy machine a start would wait for that.
 */
static void measure_machine(void)
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

/* The first request of a connection is INIT. */
static int first_request(struct worker *w)
{
	struct server *s = w->server;
	ssize_t n = next_request(w);
	int r;

	if (n < 0)
		return n;
	r = survive_keep_init(s->survivor, survive_slot(s->survivor, 0), n);
	return r < 0 ? r : process_init(s, survive_slot(s->survivor, 0), n);
}

/**
 * server_run() - serve until the file system is unmounted
 *
 * Return: 0, or -errno.
 */
int server_run(struct server *s)
{
	struct worker w = { .server = s };
	int r;

	measure_machine();
	r = s->resume ? resume(s) : 0;
	if (r == 0 && !s->resume)
		r = first_request(&w);
	if (r == 0)
		r = serve(&w);
	return r == -ENODEV ? 0 : r;
}
