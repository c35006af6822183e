/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister-fs: the emulated files of one container.
 *
 * Theory of operation
 *
 * The launcher mounts the file system and hands over the connection (/dev/fuse) and all sources as
 * open descriptors; the server opens nothing, and after confine() cannot. Workers each read a
 * request, render or parse, answer, and read again; none waits for another but for short locks, so
 * a worker is added only when a request came while all were busy, and idle ones sleep in read(2).
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
 * All requests may be done twice: only a write changes anything, and it sets the same value.
 */
#include "config.h"
#include "server.h"
#include "cpu-facts.h"
#include "handles.h"
#include "hot.h"
#include "providers.h"
#include "survive.h"
#include "tree.h"
#include "lib/fd.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
#define QUEUED_NS	3000
#define QUEUED_IN_A_ROW 32

static atomic_int workers = 1;

struct worker {
	struct server *server;
	int number;
};

/*
 * libfuse's answer to INIT is amended: it derives the pages of one READ from the size of a WRITE,
 * which is small here. Without FUSE_MAX_PAGES the kernel takes its default, 128 KiB.
 */
static ssize_t write_init_reply(struct server *s, int fd, struct iovec *iov, int count)
{
	struct fuse_init_out *out = count > 1 ? iov[1].iov_base : NULL;

	if (out && iov[1].iov_len >= offsetof(struct fuse_init_out, max_pages))
		out->flags &= ~FUSE_MAX_PAGES;
	if (!s->resume)
		return writev(fd, iov, count);
	/* the kernel had this answer from a predecessor */
	return ((struct fuse_out_header *)iov[0].iov_base)->len;
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	struct server *s = userdata;

	if (s->ready_fd >= 0) /* INIT is answered before anything else */
		return write_init_reply(s, fd, iov, count);
	return writev(fd, iov, count);
}

static ssize_t io_read(int fd, void *buf, size_t len, void *userdata)
{
	return read(fd, buf, len);
}

static void process(struct server *s, void *request, size_t len)
{
	struct fuse_buf buf = { .mem = request, .size = len };

	if (!hot_request(s, request, len))
		fuse_session_process_buf(s->session, &buf);
}

/* Does @request, which is INIT, and tells the warden that the mount can be used. */
static int process_init(struct server *s, const void *request, size_t len)
{
	process(s, (void *)request, len);
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

	return write(s->fuse_fd, &out, sizeof(out)) == sizeof(out);
}

static int resume(struct server *s)
{
	size_t len;
	const void *init = survive_init(s->survivor, &len);
	bool again;
	int r;

	if (!init) { /* the predecessor died before it had read INIT: it is still to come */
		s->resume = false;
		return 0;
	}
	r = process_init(s, init, len);
	if (r < 0)
		return r;
	again = resend(s);
	for (int i = 0; i < SURVIVE_WORKERS; i++) {
		len = survive_pending(s->survivor, i);
		if (len && !again)
			process(s, survive_slot(s->survivor, i), len);
		survive_clear(s->survivor, i);
	}
	return 0;
}

static void *worker_main(void *arg);

static void add_worker(struct server *s)
{
	struct worker *w = malloc(sizeof(*w));
	int number = atomic_fetch_add(&workers, 1);
	pthread_attr_t attr;
	pthread_t thread;
	bool started = false;

	if (w && number < s->threads) {
		*w = (struct worker){ s, number };
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		pthread_attr_setstacksize(&attr, WORKER_STACK);
		started = pthread_create(&thread, &attr, worker_main, w) == 0;
		pthread_attr_destroy(&attr);
	}
	if (!started) {
		atomic_fetch_sub(&workers, 1);
		free(w);
	}
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/*
 * Reads the next request into the worker's slot. @queued counts those that were there already.
 * Return: its length, or -errno.
 */
static ssize_t next_request(struct server *s, int number, int *queued)
{
	void *slot = survive_slot(s->survivor, number);
	uint64_t start = now_ns();
	ssize_t n;

	survive_clear(s->survivor, number);
	do { /* ENOENT: the request was interrupted before we got it */
		n = read(s->fuse_fd, slot, SURVIVE_SLOT_SIZE);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT));
	if (n < 0)
		return -errno;
	*queued = now_ns() - start < QUEUED_NS ? *queued + 1 : 0;
	if (*queued >= QUEUED_IN_A_ROW && atomic_load(&workers) < s->threads) {
		*queued = 0;
		add_worker(s);
	}
	return n;
}

/* Return: -errno of the connection; -ENODEV means unmounted. */
static int serve(struct server *s, int number)
{
	int queued = 0;

	for (;;) {
		ssize_t n = next_request(s, number, &queued);

		if (n < 0)
			return n;
		process(s, survive_slot(s->survivor, number), n);
	}
}

static void *worker_main(void *arg)
{
	struct worker w = *(struct worker *)arg;

	free(arg);
	_exit(serve(w.server, w.number) == -ENODEV ? 0 : 1);
}

/* Everything of value is in shared memory, so any moment is good to go. */
static void on_term(int sig)
{
	_exit(0);
}

static int map_memory(struct server *s)
{
	void *p = mmap(NULL, sysctl_store_size(), PROT_READ | PROT_WRITE, MAP_SHARED, s->values_fd,
		       0);

	if (p == MAP_FAILED)
		return -errno;
	s->store = p;
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
	static const struct fuse_custom_io io = { .writev = io_writev, .read = io_read };
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
	r = tree_build(&s->facts);
	if (r < 0)
		return r;
	handles_init();
	pthread_mutex_init(&s->store_lock, NULL);
	clock_gettime(CLOCK_REALTIME, &s->started);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	*what = "make a FUSE session";
	s->session = fuse_session_new(&args, &server_ops, sizeof(server_ops), s);
	if (!s->session)
		return -ENOMEM;
	return fuse_session_custom_io(s->session, &io, s->fuse_fd) == 0 ? 0 : -EBADF;
}

/* The first request of a connection is INIT. */
static int first_request(struct server *s)
{
	int queued = 0, r;
	ssize_t n = next_request(s, 0, &queued);

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
	int r = s->resume ? resume(s) : 0;

	if (r == 0 && !s->resume)
		r = first_request(s);
	if (r == 0)
		r = serve(s, 0);
	return r == -ENODEV ? 0 : r;
}
