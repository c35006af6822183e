/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shiftfs: a directory with other owners.
 *
 * Theory of operation
 *
 * The file system is mounted by somebody else, who hands over the connection (/dev/fuse) and a
 * descriptor of the directory that is shown. The mount belongs to the initial user namespace; the
 * server translates ids both ways (map.c, acl.c, filecap.c). Permission is decided by the kernel
 * from the translated attributes (default_permissions), with all that it knows of the caller; the
 * server overrides permissions of the backing and decides nothing, except that an id without an
 * image is an error. What is made gets its owner at once: the worker takes the translated ids of
 * the caller as its file system ids (creds.c).
 *
 * Why /dev/fuse is spoken here and not by libfuse: version 3.14 cannot say O_TMPFILE, statx,
 * the flags that tell when suid bits are to be cleared, nor PARALLEL_DIROPS, and passing a request
 * through it takes a tenth of the time that the request takes.
 *
 * What an attacker controls: everything in the backing directory, at any time. So an inode is a
 * descriptor (node.c), never a path; one name at a time is resolved below such a descriptor, and no
 * symbolic link or mount is followed. Only regular files and directories are opened, by the very
 * inode that was looked at; devices, pipes and sockets are the kernel's business. An attacker can
 * also own the memory pressure of the host only as far as the callers look at what they made.
 *
 * Workers each read a request, do it, answer, and read again. A second one makes a lone client
 * slower (the kernel wakes them in turn, each on a cold CPU), so there is one more only when
 * several processes call (callers.c), and at most as many as CPUs; and when those that there are
 * sleep in the backing file system, which another thread looks after while there are requests.
 */
#include "config.h"
#include "server.h"
#include "survive.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* No handler puts more than a few paths or a page on it. */
#define WORKER_STACK (256 * 1024)

/* How long all workers are busy with the same requests before there is another one. */
#define STUCK_NS 2000000
/* So often it is looked, without anything to see, before one more request is waited for. */
#define QUIET_LOOKS 50

static int worker_init(struct worker *w, struct server *s)
{
	for (int i = 0; i < s->threads; i++) {
		if (atomic_exchange(&s->slot_taken[i], true))
			continue;
		w->slot = &s->survivor->slot[i];
		break;
	}
	if (!w->slot)
		return -EAGAIN;
	w->server = s;
	w->in = w->slot->in;
	w->out = mmap(NULL, MAX_IO, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->out == MAP_FAILED)
		return -ENOMEM;
	return creds_begin(&w->creds, s->proc_fd);
}

static void worker_end(struct worker *w)
{
	struct server *s = w->server;

	munmap(w->out, MAX_IO);
	atomic_store(&s->slot_taken[w->slot - s->survivor->slot], false);
	atomic_fetch_sub(&s->workers, 1);
}

/**
 * start_thread() - start one that nobody waits for
 */
int start_thread(void *(*run)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	r = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return -r;
}

static void *worker_main(void *arg);

static void add_worker(struct server *s, int most)
{
	if (atomic_fetch_add(&s->workers, 1) >= most || start_thread(worker_main, s) < 0)
		atomic_fetch_sub(&s->workers, 1);
}

/* Return: length of the next request, or -errno. */
static ssize_t next_request(struct worker *w)
{
	ssize_t n;

	do { /* ENOENT: the request was interrupted before we got it */
		n = read(w->server->fuse_fd, w->in, IN_SIZE);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT));
	return n < 0 ? -errno : n;
}

static void wake_watch(struct server *s)
{
	if (!atomic_load_explicit(&s->watch_asleep, memory_order_relaxed))
		return;
	pthread_mutex_lock(&s->watch_lock);
	s->watch_asleep = false;
	pthread_cond_signal(&s->watch_wake);
	pthread_mutex_unlock(&s->watch_lock);
}

/* Return: 0 if it is one too many, or -errno. */
static int serve(struct worker *w)
{
	struct server *s = w->server;

	for (;;) {
		ssize_t n = next_request(w);

		if (n < 0)
			return n;
		atomic_fetch_add(&s->busy, 1);
		wake_watch(s);
		callers_count(w);
		if (callers_many(s) && atomic_load(&s->workers) < s->cpus)
			add_worker(s, s->cpus);
		callers_follow(w);
		dispatch(w, n, false);
		atomic_fetch_add(&s->done, 1);
		atomic_fetch_sub(&s->busy, 1);
		if (!w->stays && (callers_few(s) || atomic_load(&s->workers) > s->cpus))
			return 0;
	}
}

static void *worker_main(void *arg)
{
	struct server *s = arg;
	struct worker w = { 0 };
	int r = worker_init(&w, s);

	if (r < 0) { /* the others go on */
		atomic_fetch_sub(&s->workers, 1);
		return NULL;
	}
	callers_roam(s);
	r = serve(&w);
	if (r < 0)
		survive_end(s, r == -ENODEV ? 0 : 1);
	worker_end(&w);
	return NULL;
}

/* Until the next request. */
static void watch_sleep(struct server *s)
{
	pthread_mutex_lock(&s->watch_lock);
	s->watch_asleep = true;
	while (s->watch_asleep)
		pthread_cond_wait(&s->watch_wake, &s->watch_lock);
	pthread_mutex_unlock(&s->watch_lock);
}

/* Whether a request is there that no worker has read. */
static bool somebody_waits(const struct server *s)
{
	struct pollfd waiting = { .fd = s->fuse_fd, .events = POLLIN };

	return poll(&waiting, 1, 0) > 0;
}

/*
 * Sees to it that there is a worker when all that there are sleep in a request. On a busy machine
 * they may only not have run: nothing is lost as long as nobody waits.
 */
static void *watch_main(void *arg)
{
	struct server *s = arg;
	const struct timespec look = { .tv_nsec = STUCK_NS };
	unsigned int before = 0;
	int quiet = 0;

	for (;;) {
		unsigned int done = atomic_load(&s->done);
		int busy = atomic_load(&s->busy);

		quiet = done == before && busy == 0 ? quiet + 1 : 0;
		if (done == before && busy >= atomic_load(&s->workers) && somebody_waits(s))
			add_worker(s, s->threads);
		callers_watch(s, done == before, quiet > QUIET_LOOKS);
		before = done;
		if (quiet > QUIET_LOOKS)
			watch_sleep(s);
		nanosleep(&look, NULL);
	}
	return NULL;
}

/* Each inode that the kernel knows takes a descriptor. */
static void raise_limits(struct server *s)
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

/*
 * A private copy of the mount: nothing that is mounted below or over it, now or later, is in the
 * way, and the mount of this very file system cannot be inside. It needs the mount to be in our
 * namespace; where it is not, mounts on the tree stay invisible all the same (entry.c), but the
 * directories under them too.
 */
static int private_root(int fd)
{
	int tree = sys_open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	return tree >= 0 ? tree : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int init_nodes(struct server *s, int root)
{
	struct rlimit rl;
	int r = node_table_init(&s->nodes, root, !s->as);

	if (r < 0 || s->max_inodes)
		return r;
	s->max_inodes = SIZE_MAX;
	/* each takes a descriptor; the other half is for open files */
	if (s->nodes.mount_fd < 0 && getrlimit(RLIMIT_NOFILE, &rl) == 0)
		s->max_inodes = rl.rlim_cur / 2;
	return 0;
}

static int prepare(struct server *s)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	int root;

	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
	raise_limits(s);
	s->proc_root = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc_root < 0)
		return -errno;
	root = private_root(s->source_fd);
	if (root < 0)
		return -errno;
	for (int i = 0; i < s->n_hide_paths; i++) {
		int r = hide_add(&s->hide, root, s->hide_path[i]);

		if (r < 0)
			return r;
	}
	return init_nodes(s, root);
}

/* In the order in which a server after this one must find them. */
static int prepare_memory(struct server *s)
{
	int r = survive_init(s);

	if (r == 0)
		r = pool_init(&s->files, sizeof(struct open_file), MAX_OPEN);
	return r < 0 ? r : locks_init(s);
}

/* What a server before this one had in hand. Its worker died with it; any will do. */
static void replay(struct worker *w)
{
	struct server *s = w->server;
	struct slot *own = w->slot;

	for (int i = 0; i < s->threads; i++) {
		struct fuse_in_header *in = (void *)s->survivor->slot[i].in;
		uint32_t len = in->len;

		w->slot = &s->survivor->slot[i];
		w->in = w->slot->in;
		if (len >= sizeof(*in) && len <= IN_SIZE)
			dispatch(w, len, true);
		in->len = 0;
	}
	w->slot = own;
	w->in = own->in;
}

static int recover(struct server *s)
{
	int r = node_table_recover(&s->nodes);

	if (r < 0)
		return r;
	open_files_recover(s);
	locks_recover(s);
	if (s->survivor->initialized)
		s->ready_fd = -1; /* closed, and may be something else by now */
	s->minor = s->survivor->minor;
	s->setxattr_ext = s->survivor->setxattr_ext;
	s->passthrough = s->survivor->passthrough;
	s->locks = s->survivor->locks;
	return 0;
}

/* Of this very process. A predecessor's is closed. */
static int open_proc(struct server *s)
{
	int *kept = &s->survivor->proc_fd;

	s->proc_fd = openat(s->proc_root, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc_fd < 0)
		return -errno;
	if (*kept > 0)
		close(*kept);
	s->nodes.proc_fd = *kept = s->proc_fd;
	return 0;
}

static int serve_all(struct server *s, bool again)
{
	struct worker w = { .stays = true };
	int r = open_proc(s);

	if (r == 0 && again)
		r = recover(s);
	if (r == 0)
		r = worker_init(&w, s);
	if (r < 0)
		return r;
	if (again)
		replay(&w);
	atomic_store(&s->workers, 1);
	r = start_thread(watch_main, s);
	if (r == 0)
		r = callers_begin(s);
	if (r == 0)
		r = serve(&w);
	return r == -ENODEV ? 0 : r;
}

/**
 * server_run() - serve until the file system is unmounted
 *
 * Return: 0, or -errno.
 */
int server_run(struct server *s)
{
	int r = prepare_memory(s);

	if (r == 0)
		r = prepare(s);
	if (r == 0)
		r = creds_limit();
	s->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (s->cpus > s->threads)
		s->cpus = s->threads;
	pthread_mutex_init(&s->watch_lock, NULL);
	pthread_cond_init(&s->watch_wake, NULL);
	return r < 0 ? r : survive_run(s, serve_all);
}
