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
#include "process.h"
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

static struct keepers *keepers;

/* In each process; what is called is safe in a signal handler. */
static void on_term(int sig)
{
	keepers->ended = true;
	for (int i = 0; i < N_PROCS; i++)
		if (keepers->pid[i] != getpid() && keepers->pidfd[i] >= 0)
			sys_pidfd_send_signal(keepers->pidfd[i], SIGKILL);
	_exit(0);
}

static void *shared_memory(size_t size, int more)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | more, -1,
		       0);

	return p == MAP_FAILED ? NULL : p;
}

/**
 * survive_init() - make the memory of the processes
 */
int survive_init(struct process *p)
{
	struct sigaction sa = { .sa_handler = on_term };

	p->keepers = keepers = shared_memory(sizeof(*keepers), 0);
	if (!keepers)
		return -ENOMEM;
	for (int i = 0; i < N_PROCS; i++)
		keepers->pidfd[i] = -1;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	return 0;
}

/**
 * survive_init_mount() - make the memory of one mount
 */
int survive_init_mount(struct server *s)
{
	size_t n = s->threads < MAX_SLOTS ? s->threads : MAX_SLOTS;
	char *in = shared_memory(n * IN_SIZE, MAP_NORESERVE);

	s->survivor = shared_memory(sizeof(*s->survivor), 0);
	if (!in || !s->survivor)
		return -ENOMEM;
	s->threads = n;
	for (size_t i = 0; i < n; i++)
		s->survivor->slot[i].in = in + i * IN_SIZE;
	return 0;
}

/**
 * survive_end() - nobody shall replace us
 */
void survive_end(struct process *p, int status)
{
	p->keepers->status = status;
	p->keepers->ended = true;
	_exit(status);
}

static int keep(struct process *p, int me, int (*serve)(struct process *p, bool again));

/* A child says itself who it is: its parent may not live to do so. */
static void start(struct process *p, int role, bool again,
		  int (*serve)(struct process *p, bool again))
{
	struct keepers *k = p->keepers;
	int old = k->pidfd[role];
	pid_t pid;

	k->pidfd[role] = -1;
	if (old >= 0)
		close(old);
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid != 0)
		return;
	k->pid[role] = getpid();
	k->pidfd[role] = sys_pidfd_open(getpid());
	if (role != PROC_SERVER)
		_exit(keep(p, role, serve));
	prctl(PR_SET_NAME, "shiftfs");
	survive_end(p, serve(p, again) < 0);
}

/* Return: whether it makes sense to start another server. */
static bool count_death(struct keepers *k)
{
	static time_t since;
	time_t now = time(NULL);

	if (now - since > DEATH_WINDOW) {
		since = now;
		k->deaths = 0;
	}
	return ++k->deaths <= MAX_DEATHS;
}

static bool has_ended(const struct pollfd *fd)
{
	return fd->fd >= 0 && fd->revents & (POLLIN | POLLERR | POLLNVAL);
}

static void leave(struct keepers *k)
{
	if (k->pidfd[PROC_SERVER] >= 0)
		sys_pidfd_send_signal(k->pidfd[PROC_SERVER], SIGKILL);
}

/* Return: the exit status, in the end. */
static int keep(struct process *p, int me, int (*serve)(struct process *p, bool again))
{
	struct keepers *k = p->keepers;
	int other = me == PROC_KEEPER ? PROC_SPARE : PROC_KEEPER;

	prctl(PR_SET_NAME, "shiftfs-keeper");
	for (;;) {
		struct pollfd polled[] = { { k->pidfd[PROC_SERVER], POLLIN, 0 },
					   { k->pidfd[other], POLLIN, 0 } };
		bool unknown = polled[0].fd < 0 || polled[1].fd < 0;

		if (!k->ended)
			poll(polled, 2, unknown ? 10 : -1);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (k->ended)
			break;
		if (has_ended(&polled[1]))
			start(p, other, false, serve);
		if (!has_ended(&polled[0]))
			continue;
		if (me != PROC_KEEPER)
			usleep(2000); /* the other one does it */
		else if (count_death(k))
			start(p, PROC_SERVER, true, serve);
		else
			k->status = k->ended = true;
	}
	leave(k);
	return k->status;
}

/**
 * survive_run() - call @serve in a process that is replaced when it is killed
 * @serve: gets whether a process before it did the same; its return value below 0 is an error
 *
 * Return: what @serve returned, or -EIO for an error of a process of its own.
 */
int survive_run(struct process *p, int (*serve)(struct process *p, bool again))
{
	struct keepers *k = p->keepers;

	if (!p->survive)
		return serve(p, false);
	k->pid[PROC_KEEPER] = getpid();
	k->pidfd[PROC_KEEPER] = sys_pidfd_open(getpid());
	start(p, PROC_SERVER, false, serve);
	start(p, PROC_SPARE, false, serve);
	return keep(p, PROC_KEEPER, serve) ? -EIO : 0;
}
