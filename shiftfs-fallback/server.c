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
 *
 * A process serves several mounts (process.c). Each has workers of its own, so that one whose
 * backing does not answer keeps nobody waiting but those who use it.
 */
#include "config.h"
#include "process.h"
#include "ring.h"
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

/* So often it is looked, without anything to see, before one more request is waited for. */
#define QUIET_LOOKS 50

/**
 * worker_init() - memory and credentials of a worker, in its own thread
 */
int worker_init(struct worker *w, struct server *s)
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

/*
 * The mount is no more, and nobody works on it. Its descriptors are given up, lest they keep the
 * source's file system; the connection's number stays taken, for whoever still looks at that. What
 * happens if we are killed halfway is a descriptor too many, never one closed twice.
 */
static void server_end(struct server *s)
{
	struct process *p = s->process;

	__atomic_store_n(&s->survivor->over, true, __ATOMIC_SEQ_CST);
	locks_end(s);
	open_files_end(s);
	node_table_end(&s->nodes);
	dup3(p->proc_root, s->fuse_fd, O_CLOEXEC);
	process_ready(p); /* of the others */
	if (atomic_fetch_sub(&p->left, 1) == 1)
		sem_post(&p->all_over);
}

/**
 * worker_left() - a worker is no more
 */
void worker_left(struct server *s)
{
	if (atomic_fetch_sub(&s->workers, 1) == 1 && atomic_load(&s->over) &&
	    !atomic_exchange(&s->ended, true))
		server_end(s);
}

/**
 * worker_end() - the worker ends
 * @r: why; 0: it is one too many
 */
void worker_end(struct worker *w, int r)
{
	struct server *s = w->server;

	if (r < 0 && r != -ENODEV)
		survive_end(s->process, 1);
	if (r < 0)
		atomic_store(&s->over, true);
	if (w->stays)
		callers_leave(s);
	munmap(w->out, MAX_IO);
	atomic_store(&s->slot_taken[w->slot - s->survivor->slot], false);
	worker_left(s);
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
		worker_left(s);
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

/* Return: 0 if it is one too many, or -errno. */
static int serve(struct worker *w)
{
	struct server *s = w->server;
	int cpus = s->process->cpus < s->threads ? s->process->cpus : s->threads;

	for (;;) {
		ssize_t n = next_request(w);

		if (n < 0)
			return n;
		atomic_fetch_add(&s->busy, 1);
		process_wake_watch(s->process);
		callers_count(w);
		if (callers_many(s) && atomic_load(&s->workers) < cpus)
			add_worker(s, cpus);
		callers_follow(w);
		dispatch(w, n, false);
		atomic_fetch_add(&s->done, 1);
		atomic_fetch_sub(&s->busy, 1);
		if (!w->stays && (callers_few(s) || atomic_load(&s->workers) > cpus))
			return 0;
	}
}

static void *worker_main(void *arg)
{
	struct server *s = arg;
	struct worker w = { 0 };

	if (atomic_load(&s->over) || worker_init(&w, s) < 0) { /* the others go on */
		worker_left(s);
		return NULL;
	}
	callers_roam(s);
	worker_end(&w, serve(&w));
	return NULL;
}

/* Whether a request is there that no worker has read. */
static bool somebody_waits(const struct server *s)
{
	struct pollfd waiting = { .fd = s->fuse_fd, .events = POLLIN };

	return poll(&waiting, 1, 0) > 0;
}

/**
 * server_look() - see to it that there is a worker when all that there are sleep in a request
 *
 * On a busy machine they may only not have run: nothing is lost as long as nobody waits.
 *
 * Return: whether there has been anything to see lately.
 */
bool server_look(struct server *s)
{
	unsigned int done = atomic_load(&s->done), before = s->seen_done;
	int busy = atomic_load(&s->busy);

	if (atomic_load(&s->over))
		return false;
	s->quiet = done == before && busy == 0 ? s->quiet + 1 : 0;
	if (done == before && busy >= atomic_load(&s->workers) && somebody_waits(s))
		add_worker(s, s->threads);
	callers_watch(s, done == before, s->quiet > QUIET_LOOKS);
	if (s->rings)
		rings_look(s, s->quiet > QUIET_LOOKS);
	s->seen_done = done;
	return s->quiet <= QUIET_LOOKS;
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
	int r = node_table_init(&s->nodes, root, !s->as, &s->survivor->nodes_top);

	if (r < 0 || s->max_inodes)
		return r;
	s->max_inodes = SIZE_MAX;
	/* each takes a descriptor; the other half is for open files */
	if (s->nodes.mount_fd < 0 && getrlimit(RLIMIT_NOFILE, &rl) == 0)
		s->max_inodes = rl.rlim_cur / 2 / s->process->n;
	return 0;
}

static int hide_names(struct server *s, int root)
{
	int r = 0;

	for (int i = 0; r == 0 && i < s->n_hide_paths; i++) {
		s->hiding = s->hide_path[i];
		r = hide_add(&s->hide, root, s->hide_path[i]);
	}
	if (r == 0)
		s->hiding = NULL;
	return r;
}

/* In the order in which a server after this one must find them. */
static int prepare_memory(struct server *s)
{
	int r = survive_init_mount(s);

	if (r == 0)
		r = pool_init(&s->files, sizeof(struct open_file), MAX_OPEN,
			      &s->survivor->files_top);
	return r < 0 ? r : locks_init(s);
}

/**
 * server_prepare() - what is the same in a server after this one
 */
int server_prepare(struct server *s)
{
	int root, r = prepare_memory(s);

	if (r < 0)
		return r;
	root = private_root(s->source_fd);
	if (root < 0)
		return -errno;
	fd_close(fd_steal(&s->source_fd));
	pthread_mutex_init(&s->follow_lock, NULL);
	s->stays_on = -1;
	r = hide_names(s, root);
	return r < 0 ? r : init_nodes(s, root);
}

/*
 * What a server before this one had in hand. Its worker died with it; any will do. One that was
 * tried before may be what kills us: such have their turn alone, so that those of other mounts are
 * not taken for it.
 */
static void replay(struct worker *w)
{
	struct server *s = w->server;
	struct slot *own = w->slot;

	for (int i = 0; i < s->threads; i++) {
		struct fuse_in_header *in = (void *)s->survivor->slot[i].in;
		uint32_t len = in->len;
		bool suspect;

		w->slot = &s->survivor->slot[i];
		w->in = w->slot->in;
		suspect = w->slot->tries > 0;
		if (suspect)
			pthread_mutex_lock(&s->process->suspects);
		if (len >= sizeof(*in) && len <= IN_SIZE)
			dispatch(w, len, true);
		if (suspect)
			pthread_mutex_unlock(&s->process->suspects);
		in->len = 0;
	}
	w->slot = own;
	w->in = own->in;
}

/**
 * server_recover() - find what a server before this one had
 */
int server_recover(struct server *s)
{
	int r = node_table_recover(&s->nodes);

	if (r < 0)
		return r;
	s->again = true;
	open_files_recover(s);
	s->minor = s->survivor->minor;
	s->setxattr_ext = s->survivor->setxattr_ext;
	s->passthrough = s->survivor->passthrough;
	s->locks = s->survivor->locks;
	locks_recover(s);
	return 0;
}

/**
 * server_main() - the worker of a mount that stays as long as that
 */
void server_main(struct server *s)
{
	struct worker w = { .stays = true };
	int r = worker_init(&w, s);

	if (r < 0)
		survive_end(s->process, 1);
	if (s->again)
		replay(&w);
	callers_join(s);
	worker_end(&w, serve(&w));
}

static void *main_worker(void *arg)
{
	server_main(arg);
	return NULL;
}

/**
 * server_start() - the same in a thread of its own
 */
int server_start(struct server *s)
{
	return start_thread(main_worker, s);
}
