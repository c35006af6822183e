/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process for several mounts, those of a container: three processes, the thread that looks
 * after workers and the one that follows callers are there once.
 *
 * What they share is an identity (creds.c), which can be taken on only once: mounts with the rights
 * of a user are never beside others. They also share the table of descriptors, the limit on
 * memory, and their fate: a server that dies is replaced for all of them, and each finds its own
 * again (server.c). The kernel keeps connections apart, so no request of one mount can name
 * anything of another.
 *
 * The first mount is served by the main thread, since /proc/self/fd is empty when that has ended;
 * when its mount is over it waits for the others'. A mount whose source is another mount of the
 * same process must not be: killed, they would wait for each other.
 */
#include "config.h"
#include "process.h"
#include "server.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* How long all workers are busy with the same requests before there is another one. */
#define STUCK_NS 2000000

/* Each inode that the kernel knows may take a descriptor. */
static void raise_limits(void)
{
	struct rlimit rl = { RLIM_INFINITY, RLIM_INFINITY };
	rlim_t most = 1 << 20; /* fs.nr_open, unless changed */
	char text[32];

	setrlimit(RLIMIT_FSIZE, &rl); /* the kernel applied the caller's */
	if (fd_read_file_at(AT_FDCWD, "/proc/sys/fs/nr_open", text, sizeof(text)) > 0)
		most = strtoul(text, NULL, 10);
	rl.rlim_cur = rl.rlim_max = most;
	if (setrlimit(RLIMIT_NOFILE, &rl) < 0 && getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

/**
 * process_ready() - say that the mounts can be used, if all of them can
 */
void process_ready(struct process *p)
{
	int fd;

	for (size_t i = 0; i < p->n; i++) {
		const struct survivor *v = p->server[i]->survivor;

		if (!__atomic_load_n(&v->initialized, __ATOMIC_SEQ_CST) &&
		    !__atomic_load_n(&v->over, __ATOMIC_SEQ_CST))
			return;
	}
	fd = atomic_exchange(&p->ready_fd, -1);
	if (fd < 0)
		return;
	(void)!write(fd, "1", 1); /* the reader may have gone */
	p->keepers->ready = true; /* it is another descriptor's number from here on */
	close(fd);
}

/**
 * process_wake_watch() - there is a request
 */
void process_wake_watch(struct process *p)
{
	if (!atomic_load(&p->watch_asleep))
		return;
	pthread_mutex_lock(&p->watch_lock);
	p->watch_asleep = false;
	pthread_cond_signal(&p->watch_wake);
	pthread_mutex_unlock(&p->watch_lock);
}

static bool some_busy(const struct process *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (atomic_load(&p->server[i]->busy))
			return true;
	return false;
}

/* Until the next request; one that came just now has not seen that we sleep. */
static void watch_sleep(struct process *p)
{
	pthread_mutex_lock(&p->watch_lock);
	p->watch_asleep = true;
	if (some_busy(p))
		p->watch_asleep = false;
	while (p->watch_asleep)
		pthread_cond_wait(&p->watch_wake, &p->watch_lock);
	pthread_mutex_unlock(&p->watch_lock);
}

static void *watch_main(void *arg)
{
	struct process *p = arg;
	const struct timespec look = { .tv_nsec = STUCK_NS };

	p->watchers[0] = gettid();
	for (;;) {
		bool some = false;

		for (size_t i = 0; i < p->n; i++)
			some |= server_look(p->server[i]);
		if (!some)
			watch_sleep(p);
		nanosleep(&look, NULL);
	}
	return NULL;
}

/* Of this very process. A predecessor's is closed. */
static int open_proc(struct process *p)
{
	int *kept = &p->keepers->proc_fd;

	p->proc_fd = openat(p->proc_root, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->proc_fd < 0)
		return -errno;
	if (*kept > 0)
		close(*kept);
	*kept = p->proc_fd;
	for (size_t i = 0; i < p->n; i++)
		p->server[i]->proc_fd = p->server[i]->nodes.proc_fd = p->proc_fd;
	return 0;
}

/* Return: 0 or -errno; how many mounts are left in .left. */
static int recover_all(struct process *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		struct server *s = p->server[i];

		if (s->survivor->over) {
			s->over = s->ended = true;
			p->left--;
		} else {
			r = server_recover(s);
		}
	}
	if (p->keepers->ready)
		p->ready_fd = -1; /* closed, and may be something else by now */
	process_ready(p);
	return r;
}

/* In this thread the first one; what runs already runs on if another one cannot. */
static int serve_mounts(struct process *p)
{
	int r = 0;

	for (size_t i = 0; i < p->n; i++)
		p->server[i]->workers = !p->server[i]->over;
	r = start_thread(watch_main, p);
	if (r == 0)
		r = callers_begin(p);
	for (size_t i = 1; r == 0 && i < p->n; i++)
		if (!p->server[i]->over)
			r = server_start(p->server[i]);
	if (r == 0 && !p->server[0]->over)
		server_main(p->server[0]);
	return r;
}

static int serve_all(struct process *p, bool again)
{
	int r;

	sem_init(&p->all_over, 0, 0);
	p->left = p->n;
	r = open_proc(p);
	if (r == 0 && again)
		r = recover_all(p);
	if (r == 0 && p->left)
		r = serve_mounts(p);
	while (r == 0 && p->left && sem_wait(&p->all_over) < 0)
		;
	return r;
}

static int prepare(struct process *p)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	int r = survive_init(p);

	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
	raise_limits();
	p->proc_root = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && p->proc_root < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		p->blamed = p->server[i];
		r = server_prepare(p->server[i]);
	}
	if (r == 0)
		p->blamed = NULL;
	return r;
}

/**
 * process_run() - serve until all file systems are unmounted
 *
 * Return: 0, or -errno.
 */
int process_run(struct process *p)
{
	int r = prepare(p);

	if (r == 0)
		r = creds_limit();
	p->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_mutex_init(&p->suspects, NULL);
	pthread_mutex_init(&p->watch_lock, NULL);
	pthread_cond_init(&p->watch_wake, NULL);
	return r < 0 ? r : survive_run(p, serve_all);
}
