/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister-fs: the emulated files of one container.
 *
 * Theory of operation
 *
 * The launcher mounts the file system and hands over the connection (/dev/fuse) and all sources as
 * open descriptors; the server opens nothing, and after confine() cannot. Workers (workers.c) each
 * read a request, render or parse, answer, and read again. There is no timer: an idle server does
 * not run.
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
#include "natives.h"
#include "providers.h"
#include "survive.h"
#include "tree.h"
#include "workers.h"
#include "lib/devfuse.h"
#include "lib/fd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/fuse.h>

/* Added to the protocol with Linux 6.9; older headers lack it. */
#define NOTIFY_RESEND 7

/**
 * server_process() - do one request and answer it
 */
void server_process(struct server *s, void *request, size_t len)
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
	server_process(s, &in, len < sizeof(in) ? len : sizeof(in));
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
		workers_redo(s);
		return 0;
	}
	for (int i = 0; i < SURVIVE_WORKERS; i++)
		survive_clear(s->survivor, i);
	return 0;
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
	natives_init(s);
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

/* The first request of a connection is INIT. */
static int first_request(struct server *s)
{
	void *slot = survive_slot(s->survivor, 0);
	uint64_t slept;
	ssize_t n = devfuse_read(s->fuse_fd, slot, SURVIVE_SLOT_SIZE, &slept);
	int r;

	if (n < 0)
		return n;
	r = survive_keep_init(s->survivor, slot, n);
	return r < 0 ? r : process_init(s, slot, n);
}

/**
 * server_run() - serve until the file system is unmounted
 *
 * Return: 0, or -errno.
 */
int server_run(struct server *s)
{
	int r;

	workers_measure_machine();
	r = s->resume ? resume(s) : 0;
	if (r == 0 && !s->resume)
		r = first_request(s);
	if (r == 0)
		r = workers_run(s);
	return r == -ENODEV ? 0 : r;
}
