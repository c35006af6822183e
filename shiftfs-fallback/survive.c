/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that is killed is replaced, and nobody who uses the mount notices.
 *
 * Three processes share one table of descriptors (CLONE_FILES), and the memory that says what they
 * are: the server, and two keepers that sleep. So the connection, the open files with their locks,
 * and pinned inodes live as long as one of the three does. When the server dies, the keeper starts
 * another one, at the same addresses; when a keeper dies, the other one starts another keeper. Both
 * keepers never ran more than this file, so what they start is as new.
 *
 * Requests are read into shared memory: the successor does what its predecessor had in hand, and
 * answers. A request that may have been carried out already (its slot says so) is answered as the
 * success that it was: see make.c, move.c.
 *
 * Lost are: whatever the kernel still wanted us to forget in that moment (some memory), and
 * descriptors that were just opened or closed. If all three are killed before one of them has
 * replaced another, the mount answers ENOTCONN.
 */
#include "config.h"
#include "server.h"
#include "survive.h"
#include "lib/sys.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* More deaths than this within this time: the cause is ours. */
#define MAX_DEATHS   50
#define DEATH_WINDOW 10

static struct survivor *survivor;

/* In each process; what is called is safe in a signal handler. */
static void on_term(int sig)
{
	survivor->ended = true;
	for (int i = 0; i < N_PROCS; i++)
		if (survivor->pid[i] != getpid() && survivor->pidfd[i] >= 0)
			sys_pidfd_send_signal(survivor->pidfd[i], SIGKILL);
	_exit(0);
}

/**
 * survive_init() - make the memory
 */
int survive_init(struct server *s)
{
	struct sigaction sa = { .sa_handler = on_term };
	size_t n = s->threads < MAX_SLOTS ? s->threads : MAX_SLOTS;
	char *in = mmap(NULL, n * IN_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *p = mmap(NULL, sizeof(*s->survivor), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (in == MAP_FAILED || p == MAP_FAILED)
		return -ENOMEM;
	s->survivor = survivor = p;
	s->threads = n;
	for (size_t i = 0; i < n; i++)
		s->survivor->slot[i].in = in + i * IN_SIZE;
	for (int i = 0; i < N_PROCS; i++)
		s->survivor->pidfd[i] = -1;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	return 0;
}

/**
 * survive_end() - nobody shall replace us
 */
void survive_end(struct server *s, int status)
{
	s->survivor->status = status;
	s->survivor->ended = true;
	_exit(status);
}

static int keep(struct server *s, int me, int (*serve)(struct server *s, bool again));

/* A child says itself who it is: its parent may not live to do so. */
static void start(struct server *s, int role, bool again,
		  int (*serve)(struct server *s, bool again))
{
	struct survivor *v = s->survivor;
	int old = v->pidfd[role];
	pid_t pid;

	v->pidfd[role] = -1;
	if (old >= 0)
		close(old);
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid != 0)
		return;
	v->pid[role] = getpid();
	v->pidfd[role] = sys_pidfd_open(getpid());
	if (role != PROC_SERVER)
		_exit(keep(s, role, serve));
	prctl(PR_SET_NAME, "shiftfs");
	survive_end(s, serve(s, again) < 0);
}

/* Return: whether it makes sense to start another server. */
static bool count_death(struct survivor *v)
{
	static time_t since;
	time_t now = time(NULL);

	if (now - since > DEATH_WINDOW) {
		since = now;
		v->deaths = 0;
	}
	return ++v->deaths <= MAX_DEATHS;
}

static bool has_ended(const struct pollfd *p)
{
	return p->fd >= 0 && p->revents & (POLLIN | POLLERR | POLLNVAL);
}

static void leave(struct survivor *v)
{
	if (v->pidfd[PROC_SERVER] >= 0)
		sys_pidfd_send_signal(v->pidfd[PROC_SERVER], SIGKILL);
}

/* Return: the exit status, in the end. */
static int keep(struct server *s, int me, int (*serve)(struct server *s, bool again))
{
	struct survivor *v = s->survivor;
	int other = me == PROC_KEEPER ? PROC_SPARE : PROC_KEEPER;

	prctl(PR_SET_NAME, "shiftfs-keeper");
	for (;;) {
		struct pollfd p[] = { { v->pidfd[PROC_SERVER], POLLIN, 0 },
				      { v->pidfd[other], POLLIN, 0 } };
		bool unknown = p[0].fd < 0 || p[1].fd < 0;

		if (!v->ended)
			poll(p, 2, unknown ? 10 : -1);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (v->ended)
			break;
		if (has_ended(&p[1]))
			start(s, other, false, serve);
		if (!has_ended(&p[0]))
			continue;
		if (me != PROC_KEEPER)
			usleep(2000); /* the other one does it */
		else if (count_death(v))
			start(s, PROC_SERVER, true, serve);
		else
			v->status = v->ended = true;
	}
	leave(v);
	return v->status;
}

/**
 * survive_run() - call @serve in a process that is replaced when it is killed
 * @serve: gets whether a process before it did the same; its return value below 0 is an error
 *
 * Return: what @serve returned, or -EIO for an error of a process of its own.
 */
int survive_run(struct server *s, int (*serve)(struct server *s, bool again))
{
	struct survivor *v = s->survivor;

	if (!s->survive)
		return serve(s, false);
	v->pid[PROC_KEEPER] = getpid();
	v->pidfd[PROC_KEEPER] = sys_pidfd_open(getpid());
	start(s, PROC_SERVER, false, serve);
	start(s, PROC_SPARE, false, serve);
	return keep(s, PROC_KEEPER, serve) ? -EIO : 0;
}
