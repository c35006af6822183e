/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests by io_uring (Linux 6.14, where the administrator has set the parameter enable_uring of
 * the kernel's module fuse): a queue for each CPU, with workers that stay there.
 *
 * A request goes to the queue of the CPU that its caller runs on, so nobody is woken on another one
 * as long as the worker gives way (callers.c says why: nobody has to be followed here). The answer
 * and the wait for the next request are one system call. Between kernel and worker a request lies
 * in an entry, memory that the kernel was told of once; a queue takes as many requests at a time as
 * it has entries. FORGET and INTERRUPT still come by the connection, and notifications go there.
 *
 * Once all queues are there the kernel sends requests by no other way, and one that it has handed
 * to a worker that is killed in that moment can be answered by nobody. So those who survive being
 * killed (survive.c) do without; others end with their connection, as file systems in user space
 * do.
 */
#include "config.h"
#include "ring.h"
#include "process.h"
#include "server.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* Commands in flight: an entry each, and the wait for late answers. More are sent in turns. */
#define DEPTH 32

/*
 * Workers of a CPU: one works, the kernel takes the one that has waited least, and the others are
 * there for when it sleeps in the backing file system. They cannot be added then: what waits in the
 * queue is given out only when an entry has been answered (Linux 6.18).
 */
#define WORKERS_LEAST 2
#define WORKERS_MOST  8

/* Requests until a worker gives way to its callers. */
#define GIVE_WAY_AFTER 8

#define HEADER_SIZE 4096 /* a page for struct proto_uring_header */

struct ring_entry {
	struct ring *ring;
	uint16_t queue;
	struct proto_uring_header *header;
	char *payload; /* MAX_IO bytes, of the request and then of the answer */
	struct iovec memory[2];
	bool known;		  /* to the kernel */
	struct ring_entry *next;  /* of those whose answer came late */
	struct ring_entry *older; /* of the same ring */
};

/* A worker with its entries. */
struct ring {
	struct server *server;
	struct rings *all;
	int cpu;
	struct io_uring io;
	struct ring_entry *entry;	/* whose request it works on; NULL once it is answered */
	int late_fd;			/* eventfd: there are late answers */
	pthread_mutex_t lock;		/* rank 5 */
	struct ring_entry *late;	/* Locking: lock */
	struct ring_entry *all_entries; /* the kernel has them: never freed */
	_Atomic pid_t tid;
	atomic_bool busy, gives_way;
	atomic_uint done;
	unsigned int seen_done; /* the watcher's: .done when it looked last, */
	bool seen_waiting;	/* and whether a request was there */
};

struct rings {
	sem_t prepared, go;
	atomic_bool failed;
	int queues; /* of the kernel: the CPUs that there can be */
	atomic_int n;
	struct ring *ring[MAX_SLOTS];
};

/* Return: room for something to be sent with the next. */
static struct io_uring_sqe *new_submission(struct ring *r)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&r->io)))
		io_uring_submit(&r->io);
	memset((void *)sqe, 0, PROTO_URING_SQE_SIZE);
	return sqe;
}

static struct io_uring_sqe *command(struct ring_entry *e, uint32_t op)
{
	struct io_uring_sqe *sqe = new_submission(e->ring);
	struct proto_uring_command *c = (void *)((char *)sqe + PROTO_URING_SQE_COMMAND);

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = e->ring->server->fuse_fd;
	sqe->cmd_op = op;
	sqe->user_data = (uintptr_t)e;
	c->queue = e->queue;
	c->commit_id = e->header->entry.commit_id;
	return sqe;
}

static void take_requests(struct ring_entry *e)
{
	struct io_uring_sqe *sqe = command(e, PROTO_URING_REGISTER);

	sqe->addr = (uintptr_t)e->memory;
	sqe->len = 2;
}

static struct ring_entry *entry_new(struct ring *r, int queue)
{
	struct ring_entry *e = calloc(1, sizeof(*e));
	char *p = mmap(NULL, HEADER_SIZE + MAX_IO, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!e || p == MAP_FAILED) {
		free(e);
		return NULL;
	}
	e->ring = r;
	e->older = r->all_entries;
	r->all_entries = e;
	e->queue = queue;
	e->header = (void *)p;
	e->payload = p + HEADER_SIZE;
	e->memory[0] = (struct iovec){ e->header, sizeof(*e->header) };
	e->memory[1] = (struct iovec){ e->payload, MAX_IO };
	return e;
}

/**
 * ring_answer() - the answer to the request that the worker has from its ring
 *
 * It is sent when the worker waits for the next one, or by ring_send().
 */
void ring_answer(struct worker *w, const struct fuse_out_header *head, const void *out, size_t len)
{
	struct ring_entry *e = w->ring->entry;

	memcpy(e->header->in_out, head, sizeof(*head));
	if (len && out != e->payload)
		memcpy(e->payload, out, len);
	e->header->entry.payload_size = len;
	command(e, PROTO_URING_COMMIT_AND_FETCH);
	w->ring->entry = NULL;
}

/**
 * ring_send() - what was answered is to be known now
 */
void ring_send(struct worker *w)
{
	io_uring_submit(&w->ring->io);
}

/**
 * ring_put_aside() - the request is answered later, by ring_answer_late()
 *
 * The worker gets another entry, so that it can go on.
 *
 * Return: the request's entry; NULL if there is no memory for another one.
 */
struct ring_entry *ring_put_aside(struct worker *w)
{
	struct ring_entry *e = w->ring->entry, *other = entry_new(w->ring, e->queue);

	if (!other)
		return NULL;
	take_requests(other);
	w->ring->entry = NULL;
	return e;
}

/**
 * ring_answer_late() - the answer to a request that was put aside, which has a header alone
 *
 * From any thread: it is the entry's own worker that sends it.
 */
void ring_answer_late(struct ring_entry *e, const struct fuse_out_header *head)
{
	struct ring *r = e->ring;

	memcpy(e->header->in_out, head, sizeof(*head));
	e->header->entry.payload_size = 0;
	pthread_mutex_lock(&r->lock);
	e->next = r->late;
	r->late = e;
	pthread_mutex_unlock(&r->lock);
	eventfd_write(r->late_fd, 1);
}

static void wait_for_late(struct ring *r)
{
	io_uring_prep_poll_add(new_submission(r), r->late_fd, POLLIN);
}

static void send_late(struct ring *r)
{
	struct ring_entry *e, *next;
	eventfd_t n;

	eventfd_read(r->late_fd, &n);
	pthread_mutex_lock(&r->lock);
	e = r->late;
	r->late = NULL;
	pthread_mutex_unlock(&r->lock);
	for (; e; e = next) {
		next = e->next;
		command(e, PROTO_URING_COMMIT_AND_FETCH);
	}
	wait_for_late(r);
}

/*
 * As it would have been read from the connection: the request's structure and what follows that lie
 * apart in the entry. Return: its length, or 0.
 */
static size_t assemble(struct worker *w, struct ring_entry *e)
{
	const struct fuse_in_header *in = (void *)e->header->in_out;
	size_t more = e->header->entry.payload_size, len = in->len, arg;

	if (more > MAX_IO || len < sizeof(*in) + more)
		return 0;
	arg = len - sizeof(*in) - more;
	if (arg > sizeof(e->header->op_in))
		return 0;
	memcpy(w->in, in, sizeof(*in));
	memcpy(w->in + sizeof(*in), e->header->op_in, arg);
	memcpy(w->in + sizeof(*in) + arg, e->payload, more);
	return len;
}

static void give_way(struct ring *r, bool on)
{
	const struct sched_param none = { 0 };

	if (atomic_exchange(&r->gives_way, on) != on)
		(void)sched_setscheduler(r->tid, on ? SCHED_IDLE : SCHED_OTHER, &none);
}

static void do_request(struct worker *w, struct ring_entry *e)
{
	struct server *s = w->server;
	struct ring *r = w->ring;
	size_t len = assemble(w, e);

	atomic_store(&r->busy, true);
	atomic_fetch_add(&s->busy, 1);
	process_wake_watch(s->process);
	r->entry = e;
	w->out = e->payload;
	dispatch(w, len, false);
	if (r->entry) { /* no request that is known to be answered so */
		struct fuse_out_header head = { .len = sizeof(head), .error = -EIO };

		head.unique = e->header->entry.commit_id;
		ring_answer(w, &head, NULL, 0);
	}
	atomic_fetch_add(&s->done, 1);
	atomic_fetch_sub(&s->busy, 1);
	if (atomic_fetch_add(&r->done, 1) % GIVE_WAY_AFTER == 0 && callers_may_give_way(s))
		give_way(r, true);
	atomic_store(&r->busy, false);
}

/*
 * Return: 0, or why the ring is at its end: -ENODEV if the connection is, -EAGAIN if the kernel
 * does not want the first entry; it sends requests to the others then, or by the connection.
 */
static int take_completion(struct worker *w, struct ring_entry *e, int result)
{
	if (!e) {
		send_late(w->ring);
		return 0;
	}
	if (result == -ENOTCONN || result == -ECONNABORTED)
		return -ENODEV;
	if (result < 0)
		return e->known ? -EIO : -EAGAIN;
	e->known = true;
	do_request(w, e);
	return 0;
}

static int serve(struct worker *w)
{
	struct io_uring *io = &w->ring->io;
	int r = 0;

	while (r == 0) {
		struct io_uring_cqe *cqe;
		struct ring_entry *e;
		int result;

		result = io_uring_submit_and_wait(io, 1);
		if (result < 0 && result != -EINTR)
			return -EIO; /* its queue may have nobody else: better no server */
		while (r == 0 && io_uring_peek_cqe(io, &cqe) == 0) {
			e = io_uring_cqe_get_data(cqe);
			result = cqe->res;
			io_uring_cqe_seen(io, cqe);
			r = take_completion(w, e, result);
		}
	}
	return r;
}

static int begin(struct ring *r, struct worker *w)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQE128 | IORING_SETUP_SINGLE_ISSUER |
					      IORING_SETUP_DEFER_TASKRUN };
	struct ring_entry *e = entry_new(r, r->cpu);
	cpu_set_t one;
	int error;

	CPU_ZERO(&one);
	CPU_SET(r->cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one); /* it may be offline */
	r->tid = gettid();
	pthread_mutex_init(&r->lock, NULL);
	r->late_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!e || r->late_fd < 0)
		return -ENOMEM;
	error = worker_init(w, r->server);
	if (error == 0)
		error = io_uring_queue_init_params(DEPTH, &r->io, &p);
	if (error < 0)
		return error;
	wait_for_late(r);
	take_requests(e);
	return 0;
}

static void *ring_main(void *arg)
{
	struct ring *r = arg;
	struct worker w = { .ring = r };
	int error = begin(r, &w);
	char *out = w.out;

	if (error < 0)
		atomic_store(&r->all->failed, true);
	sem_post(&r->all->prepared);
	while (sem_wait(&r->all->go) < 0)
		;
	if (error == 0 && !atomic_load(&r->all->failed))
		error = serve(&w);
	if (r->io.ring_fd > 0)
		io_uring_queue_exit(&r->io);
	w.out = out;
	if (w.slot)
		worker_end(&w, error == -ENODEV || error == -EIO ? error : 0);
	else
		worker_left(r->server);
	return NULL;
}

static bool add_ring(struct server *s, struct rings *all, int cpu)
{
	int n = atomic_load(&all->n);
	struct ring *r = n < MAX_SLOTS ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return false;
	r->server = s;
	r->all = all;
	r->cpu = cpu;
	atomic_fetch_add(&s->workers, 1);
	if (start_thread(ring_main, r) < 0) {
		worker_left(s);
		return false;
	}
	all->ring[n] = r;
	atomic_store(&all->n, n + 1);
	return true;
}

/* Return: how many CPUs there can be; 0 if they are not numbered one after the other. */
static int possible_cpus(void)
{
	char text[64], rest;
	int n = 0, last = 0;

	if (fd_read_file_at(AT_FDCWD, "/sys/devices/system/cpu/possible", text, sizeof(text)) <= 0)
		return 0;
	n = sscanf(text, "0-%d%c", &last, &rest);
	return n == 1 ? last + 1 : !strcmp(text, "0");
}

/**
 * rings_prepare() - have a worker for each queue, before the kernel is told that there are any
 *
 * Return: whether all is there. The kernel would wait for what is missing.
 */
bool rings_prepare(struct server *s)
{
	struct rings *all = calloc(1, sizeof(*all));
	int started = 0, each, wanted;

	if (!all)
		return false;
	all->queues = possible_cpus();
	each = all->queues > 0 ? (s->threads - 1) / all->queues : 0;
	if (each > WORKERS_MOST)
		each = WORKERS_MOST;
	wanted = all->queues * each;
	sem_init(&all->prepared, 0, 0);
	sem_init(&all->go, 0, 0);
	if (each < WORKERS_LEAST)
		return false;
	while (started < wanted && add_ring(s, all, started % all->queues))
		started++;
	for (int i = 0; i < started; i++)
		while (sem_wait(&all->prepared) < 0)
			;
	if (started == wanted && !atomic_load(&all->failed)) {
		s->rings = all;
		return true;
	}
	atomic_store(&all->failed, true);
	for (int i = 0; i < started; i++)
		sem_post(&all->go);
	return false; /* those who end have @all still */
}

/**
 * rings_go() - the kernel knows of the rings, and waits for them
 */
void rings_go(struct server *s)
{
	for (int i = atomic_load(&s->rings->n); i > 0; i--)
		sem_post(&s->rings->go);
}

/* Whether a request is there that the worker has not taken. */
static bool somebody_waits(const struct ring *r)
{
	struct pollfd waiting = { .fd = r->io.ring_fd, .events = POLLIN };

	return poll(&waiting, 1, 0) > 0;
}

/* Return: whether somebody has had to wait for a worker that gives way. */
static bool look_at(struct ring *r, bool quiet)
{
	unsigned int done = atomic_load(&r->done);
	bool same = done == r->seen_done, waited = r->seen_waiting;

	r->seen_done = done;
	r->seen_waiting = atomic_load(&r->gives_way) && somebody_waits(r);
	if (quiet || (same && atomic_load(&r->busy)))
		give_way(r, false);
	return same && waited && r->seen_waiting;
}

/**
 * rings_look() - what callers_watch() is for other workers
 * @quiet: there was no request for a while
 */
void rings_look(struct server *s, bool quiet)
{
	struct rings *all = s->rings;
	int n = atomic_load(&all->n);
	bool waited = false;

	for (int i = 0; i < n; i++)
		waited |= look_at(all->ring[i], quiet);
	if (!waited)
		return;
	callers_note_wait(s);
	for (int i = 0; i < n; i++)
		give_way(all->ring[i], false);
}
