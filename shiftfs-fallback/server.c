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
 * Workers each read a request, do it, answer, and read again. They may sleep in the backing file
 * system, so there is always one that waits for a request, up to a limit.
 */
#include "config.h"
#include "server.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* For the header of a WRITE; the kernel wants at least 8 KiB. */
#define IN_SIZE (MAX_IO + 4096)

/* No handler puts more than a path or a page on it. */
#define WORKER_STACK (256 * 1024)

/* Those that sleep for lack of work; more end themselves. */
#define MAX_IDLE 4

static void *worker_main(void *arg);

static int worker_init(struct worker *w, struct server *s)
{
	char *p = mmap(NULL, IN_SIZE + MAX_IO, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	*w = (struct worker){ .server = s, .in = p, .out = p + IN_SIZE };
	return creds_begin(&w->creds, s->proc_fd);
}

/* Called by the last idle worker, who has something to do now. */
static void add_worker(struct server *s)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (atomic_fetch_add(&s->workers, 1) >= s->threads) {
		atomic_fetch_sub(&s->workers, 1);
		return;
	}
	atomic_fetch_add(&s->idle, 1);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	r = pthread_create(&thread, &attr, worker_main, s);
	pthread_attr_destroy(&attr);
	if (r) {
		atomic_fetch_sub(&s->workers, 1);
		atomic_fetch_sub(&s->idle, 1);
	}
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

/* The worker counts as idle when this is called. Return: 0 if it is one too many, or -errno. */
static int serve(struct worker *w)
{
	struct server *s = w->server;

	for (;;) {
		ssize_t n = next_request(w);

		if (n < 0)
			return n;
		if (atomic_fetch_sub(&s->idle, 1) == 1)
			add_worker(s);
		dispatch(w, n);
		if (atomic_load(&s->idle) > MAX_IDLE && !w->stays) {
			atomic_fetch_sub(&s->idle, 1);
			atomic_fetch_sub(&s->workers, 1);
			return 0;
		}
	}
}

static void *worker_main(void *arg)
{
	struct server *s = arg;
	struct worker w;
	int r = worker_init(&w, s);

	if (r < 0) { /* the others go on */
		atomic_fetch_sub(&s->idle, 1);
		atomic_fetch_sub(&s->workers, 1);
		return NULL;
	}
	r = serve(&w);
	if (r < 0)
		_exit(r == -ENODEV ? 0 : 1);
	munmap(w.in, IN_SIZE + MAX_IO);
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
	if (!s->max_inodes) /* the other half is for open files */
		s->max_inodes = rl.rlim_cur / 2;
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

/* Everything of value is the backing's, so any moment is good to go. */
static void on_term(int sig)
{
	_exit(0);
}

static int prepare(struct server *s)
{
	struct sigaction sa = { .sa_handler = on_term };
	int root;

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
	raise_limits(s);
	s->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc_fd < 0)
		return -errno;
	root = private_root(s->source_fd);
	if (root < 0)
		return -errno;
	for (int i = 0; i < s->n_hide_paths; i++) {
		int r = hide_add(&s->hide, root, s->hide_path[i]);

		if (r < 0)
			return r;
	}
	return node_table_init(&s->nodes, root);
}

/**
 * server_run() - serve until the file system is unmounted
 *
 * Return: 0, or -errno.
 */
int server_run(struct server *s)
{
	struct worker w;
	int r = prepare(s);

	if (r == 0)
		r = creds_limit();
	if (r == 0)
		r = worker_init(&w, s);
	if (r < 0)
		return r;
	atomic_store(&s->workers, 1);
	atomic_store(&s->idle, 1);
	w.stays = true;
	r = serve(&w);
	return r == -ENODEV ? 0 : r;
}
