/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the servers of several mounts share: the process with its identity and its keepers, and the
 * threads that look after all of them. A mount's own state, and all that a request can touch, is in
 * its struct server.
 */
#include "creds.h"
#include "survive.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct server;

struct process {
	struct server **server;
	size_t n;
	const struct server *blamed; /* for what process_run() returned; or NULL */
	bool survive;		     /* being killed */
	bool as;		     /* with the rights of one user: of all mounts or of none */
	int threads;		     /* at most, of each mount */
	atomic_int ready_fd;	     /* -1 once all have answered INIT */
	int proc_root, proc_fd;	     /* /proc, /proc/self/fd */
	int cpus;
	struct keepers *keepers;
	atomic_size_t left;	  /* mounts that are not over */
	sem_t all_over;		  /* posted when the last one is */
	pthread_mutex_t suspects; /* outermost: server.c, replay() */

	pthread_mutex_t watch_lock; /* rank 4 */
	pthread_cond_t watch_wake;
	atomic_bool watch_asleep;

	/* callers.c */
	cpu_set_t all_cpus; /* that there are for us */
	bool can_follow;
	atomic_bool may_give_way;
	_Atomic pid_t
		watchers[2]; /* the threads of watch_main() and follow_main(), once they run */
	sem_t follow;	     /* wakes the thread that looks where callers run */
};

int process_run(struct process *p);
void process_ready(struct process *p);
void process_wake_watch(struct process *p);
