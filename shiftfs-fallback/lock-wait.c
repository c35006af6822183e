/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a lock. Nobody does so in a system call: a request that has to wait is put aside,
 * and tried again when a lock goes by us, and every few milliseconds, because those who do not use
 * the mount tell nothing.
 */
#include "config.h"
#include "locks.h"
#include "ring.h"
#include "server.h"
#include "survive.h"

#include "lib/sanitizer.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_NS 5000000

/* Locking: lock. */
static void answer(struct server *s, struct waiter *w, int error)
{
	struct fuse_out_header head = { .len = sizeof(head),
					.error = error,
					.unique = w->in.unique };

	sanitizer_answered(s);
	if (w->entry)
		ring_answer_late(w->entry, &head);
	else
		(void)!write(s->fuse_fd, &head, sizeof(head));
	w->in.unique = 0;
}

/* Locking: lock. Return: whether somebody still waits. */
static bool try_all(struct server *s)
{
	bool some = false;

	for (int i = 0; i < MAX_WAITERS; i++) {
		struct waiter *w = &s->survivor->waiter[i];
		struct request r = { .server = s, .in = &w->in };
		int error;

		if (!w->in.unique)
			continue;
		error = locks_try(&r, &w->lk);
		if (error == -EAGAIN) {
			some = true;
			continue;
		}
		ask_again(s, request_node(&r));
		answer(s, w, error);
	}
	return some;
}

static void *wait_main(void *arg)
{
	struct server *s = arg;
	struct lock_table *t = s->lock_table;
	struct timespec ts;

	pthread_mutex_lock(&t->lock);
	while (!atomic_load(&s->over) && try_all(s)) {
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += RETRY_NS;
		if (ts.tv_nsec >= 1000000000) {
			ts.tv_nsec -= 1000000000;
			ts.tv_sec++;
		}
		pthread_cond_timedwait(&t->changed, &t->lock, &ts);
	}
	t->waiting = false;
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/**
 * locks_start_waiting() - have a thread try again for those who wait; it ends when nobody does
 *
 * Locking: lock.
 */
int locks_start_waiting(struct server *s)
{
	if (!s->lock_table->waiting && start_thread(wait_main, s) < 0)
		return -ENOLCK;
	s->lock_table->waiting = true;
	return 0;
}

/* Locking: lock. */
static bool was_interrupted(const struct lock_table *t, uint64_t unique)
{
	for (int i = 0; i < INTERRUPTS; i++)
		if (t->interrupted[i] == unique)
			return true;
	return false;
}

/* Locking: lock. */
static int put_aside(struct request *r)
{
	struct survivor *v = r->server->survivor;

	if (was_interrupted(r->server->lock_table, r->in->unique))
		return -EINTR;
	for (int i = 0; i < MAX_WAITERS; i++) {
		struct waiter *w = &v->waiter[i];

		if (w->in.unique)
			continue;
		if (locks_start_waiting(r->server) < 0)
			return -ENOLCK;
		w->entry = r->worker->ring ? ring_put_aside(r->worker) : NULL;
		if (r->worker->ring && !w->entry)
			return -ENOLCK;
		memcpy(&w->lk, r->arg, sizeof(w->lk));
		w->in = *r->in; /* the last step, and what the request is known by */
		r->no_reply = true;
		return 0;
	}
	return -ENOLCK;
}

/**
 * do_setlkw() - SETLKW: the same, but wait; the answer may come from another thread
 */
int do_setlkw(struct request *r)
{
	struct server *s = r->server;
	int error;

	pthread_mutex_lock(&s->lock_table->lock);
	error = locks_try(r, r->arg);
	if (error == -EAGAIN)
		error = put_aside(r);
	pthread_mutex_unlock(&s->lock_table->lock);
	if (error == 0)
		ask_again(s, request_node(r));
	return error;
}

/* Only who waits for a lock can be interrupted; others will soon be answered. */
int do_interrupt(struct request *r)
{
	const struct fuse_interrupt_in *in = r->arg;
	struct server *s = r->server;
	struct survivor *v = s->survivor;
	struct lock_table *t = s->lock_table;

	r->no_reply = true;
	pthread_mutex_lock(&t->lock);
	for (int i = 0; i < MAX_WAITERS; i++) {
		if (v->waiter[i].in.unique != in->unique)
			continue;
		answer(s, &v->waiter[i], -EINTR);
	}
	t->interrupted[t->interrupted_hand++ % INTERRUPTS] = in->unique;
	pthread_mutex_unlock(&t->lock);
	return 0;
}
