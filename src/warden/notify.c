/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warden's side of the notifier: taking listeners in, keeping them, starting it again.
 *
 * Theory of operation. A listener is a descriptor; as long as somebody has it, calls wait instead
 * of failing. Warden, twin and notifier all have all of them. The notifier alone receives: what it
 * took stands in the journal, in memory that all three share, and its successor goes on from there.
 * So the death of one of them loses nothing; without all three calls fail with ENOSYS, which is not
 * the host's value either.
 *
 * The notifier is a process of its own because it touches what the container controls (memory,
 * paths) and may have to wait for it; the warden never waits. It is forked from the warden and
 * holds the listeners, the server's file system, and the host's /proc. It is forked for the first
 * call that waits: most containers never make one.
 */
#include "config.h"
#include "warden/notify.h"

#include "lib/dirsock.h"
#include "lib/fd.h"
#include "lib/sanitizer.h"
#include "lib/swaplimit.h"
#include "lib/sys.h"
#include "lib/wardenproto.h"
#include "warden/covers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* In two pieces, since a helper lets go of the first; the second begins on a page of its own. */
#define MAIL_OFFSET ((sizeof(struct notify_shared) + 0xffff) & ~(size_t)0xffff)
#define MAIL_SIZE   (NOTIFY_THREADS * sizeof(struct notify_mail))

static void *share(int fd, size_t size, size_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
}

static int map_memory(struct notify *n)
{
	n->shared = share(n->memory_fd, sizeof(*n->shared), 0);
	n->mail = share(n->memory_fd, MAIL_SIZE, MAIL_OFFSET);
	return n->shared == MAP_FAILED || n->mail == MAP_FAILED ? -errno : 0;
}

/**
 * notify_init() - everything but the notifier, which is started for the first call
 * @dir_fd: the container's directory
 */
int notify_init(struct notify *n, int dir_fd)
{
	for (int i = 0; i < NOTIFY_LISTENERS; i++)
		n->listeners[i] = -1;
	n->pidfd = -1;
	n->shop_ns = n->userns_fd = n->twin = -1;
	n->swap_dir = -1;
	n->swap_state = n->grants & WARDEN_GRANT_SWAP ? swaplimit_open(dir_fd) : -1;
	n->memory_fd = memfd_create("cloister-journal", MFD_CLOEXEC);
	n->lock_fd = memfd_create("cloister-notifier", MFD_CLOEXEC);
	if (n->memory_fd < 0 || n->lock_fd < 0 ||
	    ftruncate(n->memory_fd, MAIL_OFFSET + MAIL_SIZE) < 0 || map_memory(n) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, n->link) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, n->kept) < 0)
		return -errno;
	n->socket = dirsock_listen(dir_fd, WARDEN_LISTENER_SOCKET);
	return n->socket < 0 ? n->socket : 0;
}

/**
 * notify_resume() - in a program that follows another: the same memory, and a notifier of our own
 */
int notify_resume(struct notify *n)
{
	int r = map_memory(n);

	if (r < 0)
		return r;
	/* Its successor goes on from the journal; notify_adopt() or the poll starts it. */
	if (n->pidfd >= 0) {
		sys_pidfd_send_signal(n->pidfd, SIGKILL);
		close(n->pidfd);
	}
	n->pidfd = -1;
	return 0;
}

/* Nothing of what the warden holds beside that: not the state, nor the lock that says it lives. */
static int keep_only(const struct notify *n, int host_proc, int lock)
{
	int keep[NOTIFY_LISTENERS + 13] = { 0,
					    1,
					    2,
					    n->link[1],
					    n->kept[0],
					    n->kept[1],
					    n->views_fd,
					    n->shop_ns,
					    n->userns_fd,
					    n->swap_dir,
					    n->swap_state,
					    host_proc,
					    lock };
	int count = 13;

	for (int i = 0; i < NOTIFY_LISTENERS; i++)
		if (n->listeners[i] >= 0)
			keep[count++] = n->listeners[i];
	return fd_close_all_but(keep, count);
}

/*
 * Two would write into the same lines of the journal. A warden that is killed right after it forked
 * one leaves a successor who does not know of it: that one's waits until the first has ended, and
 * then makes room for one with all listeners.
 */
static int open_lock(const struct notify *n)
{
	char path[64];

	/* A description of its own, which the lock belongs to. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", n->lock_fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

static void take_turn(int lock)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(lock, F_OFD_SETLK, &whole) == 0)
		return;
	while (fcntl(lock, F_OFD_SETLKW, &whole) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* It lives in the workshop: no path leads to the host, and what covers is at hand. */
static void be_notifier(struct notify *n)
{
	static struct covers covers;
	int host_proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int lock = open_lock(n);

	proc_identify(getpid(), &n->shared->notifier);
	if (host_proc < 0 || lock < 0 || keep_only(n, host_proc, lock) < 0)
		_exit(1);
	take_turn(lock);
	sanitizer_be_alone();
	if (setns(n->shop_ns, CLONE_NEWNS) < 0 || covers_learn(&covers, host_proc) < 0)
		_exit(1);
	n->covers = &covers;
	pool_run(n, host_proc);
}

static bool has_listeners(const struct notify *n)
{
	for (int i = 0; i < NOTIFY_LISTENERS; i++)
		if (n->listeners[i] >= 0)
			return true;
	return false;
}

/**
 * notify_tend() - start the notifier if there is none and something to listen to
 */
void notify_tend(struct notify *n)
{
	pid_t pid;

	if (n->pidfd >= 0)
		close(n->pidfd);
	n->pidfd = -1;
	if (!has_listeners(n))
		return;
	/* By the C library: it has threads. */
	pid = fork();
	if (pid == 0)
		be_notifier(n);
	if (pid < 0)
		return;
	n->pidfd = sys_pidfd_open(pid);
	/* It says so itself as well, and then a twin knows in any case. */
	proc_identify(pid, &n->shared->notifier);
}

/**
 * notify_adopt() - in a twin that takes over: the notifier goes on, if it lives; if it does not,
 * what it had taken waits for another one
 */
void notify_adopt(struct notify *n)
{
	if (!n->shared->notifier.pid)
		return;
	n->pidfd = proc_open(&n->shared->notifier);
	if (n->pidfd >= 0)
		return;
	n->pidfd = -1;
	notify_tend(n);
}

/**
 * notify_watch() - what to poll for until there is a notifier
 * @p: room for NOTIFY_LISTENERS
 *
 * Return: how many.
 */
int notify_watch(const struct notify *n, struct pollfd *p)
{
	int count = 0;

	for (int i = 0; i < NOTIFY_LISTENERS && n->pidfd < 0; i++)
		if (n->listeners[i] >= 0)
			p[count++] = (struct pollfd){ .fd = n->listeners[i], .events = POLLIN };
	return count;
}

/* The twin was forked before it came or went. What is on its way it gets also if we die now. */
static void tell_twin(struct notify *n, int index)
{
	const struct notify_word word = { .index = index };
	const int *fd = &n->listeners[index];

	if (fd_send(n->twin, &word, sizeof(word), fd, *fd >= 0) < 0)
		n->twin_behind = true;
}

/*
 * With PID 1 goes all that it has begotten, and nobody can join it any more: no call will come for
 * which the workshop or the views are needed. The kernel takes long to take them down, and does so
 * while it takes down what PID 1 had, not after that, when the launcher waits for our end.
 */
static void leave_workshop(struct notify *n)
{
	for (int i = 0; i < NOTIFY_LISTENERS; i++)
		if (n->listeners[i] >= 0)
			return;
	if (n->shop_ns < 0 || !proc_ending(&n->init))
		return;
	close(n->shop_ns);
	close(n->views_fd);
	n->shop_ns = n->views_fd = -1;
	n->over = true;
}

static void forget(struct notify *n, int index)
{
	close(n->listeners[index]);
	n->listeners[index] = -1;
	tell_twin(n, index);
	leave_workshop(n);
}

/**
 * notify_follow() - in the twin: take in what the warden has told it since
 * @link: not to be waited at
 */
void notify_follow(struct notify *n, int link)
{
	struct notify_word word;
	size_t n_fds;
	int fd;

	while (fd_recv(link, &word, sizeof(word), &fd, 1, &n_fds) == sizeof(word)) {
		if (n->listeners[word.index] >= 0)
			close(n->listeners[word.index]);
		n->listeners[word.index] = n_fds ? fd : -1;
		if (!n_fds)
			leave_workshop(n);
	}
}

/* Return: -1 if it has been let go of since it was polled: a notifier that died had said so. */
static int index_of(const struct notify *n, int listener)
{
	for (int i = 0; i < NOTIFY_LISTENERS; i++)
		if (n->listeners[i] == listener)
			return i;
	return -1;
}

/**
 * notify_called() - does a call wait for a notifier? A listener with no process behind it goes.
 * @p, @count: as notify_watch() gave it, polled
 */
bool notify_called(struct notify *n, const struct pollfd *p, int count)
{
	bool called = false;

	for (int i = 0; i < count; i++) {
		int index = p[i].revents ? index_of(n, p[i].fd) : -1;

		if (index < 0)
			continue;
		if (p[i].revents & POLLIN)
			called = true;
		else if (p[i].revents & POLLHUP)
			forget(n, index);
	}
	return called;
}

static int take_in(struct notify *n, int fd)
{
	struct notify_word word = { 0 };

	while (word.index < NOTIFY_LISTENERS && n->listeners[word.index] >= 0)
		word.index++;
	if (word.index == NOTIFY_LISTENERS) {
		close(fd);
		return -ENOSPC;
	}
	n->listeners[word.index] = fd;
	tell_twin(n, word.index);
	if (n->pidfd >= 0)
		fd_send(n->link[0], &word, sizeof(word), &fd, 1);
	return 0;
}

/**
 * notify_accept() - take in the listener that somebody brings
 * @ret_conn: receives who wants to hear of it, with notify_reply(), when the twin has it too
 *
 * Return: is there a new one?
 */
bool notify_accept(struct notify *n, int *ret_conn)
{
	const struct timeval limit = { .tv_sec = 1 };
	autofd conn = accept4(n->socket, NULL, NULL, SOCK_CLOEXEC);
	int fd = -1, r;
	size_t n_fds = 0;
	char word;

	if (conn < 0)
		return false;
	setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	r = fd_recv(conn, &word, 1, &fd, 1, &n_fds) == 1 && n_fds == 1 ? take_in(n, fd) : -EPROTO;
	if (r < 0) {
		notify_reply(fd_steal(&conn), r);
		return false;
	}
	*ret_conn = fd_steal(&conn);
	return true;
}

/**
 * notify_reply() - answer who brought a listener
 */
void notify_reply(int conn, int answer)
{
	fd_send(conn, &answer, sizeof(answer), NULL, 0);
	close(conn);
}

/**
 * notify_learn() - the container's first process exists
 * @shop_ns: the workshop's mount namespace; kept
 */
void notify_learn(struct notify *n, const struct proc_id *init, int shop_ns)
{
	char path[64];

	n->shop_ns = shop_ns;
	n->init = *init;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)init->pid);
	n->userns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (n->userns_fd >= 0 && !proc_alive(init)) {
		close(n->userns_fd);
		n->userns_fd = -1;
	}
}

/**
 * notify_end() - the container has ended, and so do the notifier and what works for it
 */
void notify_end(struct notify *n)
{
	if (n->pidfd >= 0)
		sys_pidfd_send_signal(n->pidfd, SIGKILL);
	for (int i = 0; i < NOTIFY_THREADS; i++)
		if (n->mail[i].helper.pid)
			proc_kill(&n->mail[i].helper, SIGKILL);
}

/**
 * notify_hear() - the notifier says that a listener is over: the last process behind it has ended
 */
void notify_hear(struct notify *n)
{
	struct notify_word word;

	if (fd_recv(n->link[0], &word, sizeof(word), NULL, 0, NULL) != sizeof(word) ||
	    word.index < 0 || word.index >= NOTIFY_LISTENERS || n->listeners[word.index] < 0)
		return;
	forget(n, word.index);
}
