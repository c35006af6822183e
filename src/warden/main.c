/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister-warden: looks after one container, with a sleeping twin.
 *
 * Theory of operation. The warden holds what must outlive a crash: the server's /dev/fuse, the
 * memory with its values, the lock that says "somebody looks after this container". It sleeps in
 * poll() until one of these ends:
 *
 *   the server    a new one is started on the same descriptors; readers inside only wait
 *   the notifier  likewise (notify.c)
 *   the twin      a new twin is forked
 *   PID 1         everything of the container is removed (the launcher does it, if it is there)
 *   the launcher  of a foreground container: PID 1 is killed
 *
 * The twin is a fork that sleeps until the warden ends, and then is the warden. It is made when PID
 * 1 exists: before that the launcher fails if the warden does. What changes after the fork is in
 * memory that both share, or is told to it (listeners), or makes the warden fork a new twin.
 *
 * An attacker inside the container can reach the warden with nothing but its own death: the warden
 * reads no message, file or memory that the container writes, but the names and values of natives.c
 * from a server that was taken over; what has to be read to answer its system calls the notifier
 * reads. (The pty of a detached container is read and thrown away.)
 */
#include "config.h"
#include "warden/warden.h"

#include "lib/fd.h"
#include "lib/sanitizer.h"
#include "lib/sys.h"
#include "lib/sysctl-store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A server that dies at once again and again is not started for ever. */
#define RESTARTS_MAX	10
#define RESTARTS_WINDOW 1 /* s */
/* A limit below that can be why a server did not start: all servers of the host are one user. */
#define FEW_PROCESSES 1024

static int receive_hello(struct warden *w)
{
	int fds[WARDEN_N_FDS];
	size_t n = 0;
	ssize_t got = fd_recv(w->control, &w->hello, sizeof(w->hello), fds, WARDEN_N_FDS, &n);

	if (got != sizeof(w->hello) || n != WARDEN_N_FDS)
		return -EPROTO;
	w->root_fd = fds[WARDEN_FD_ROOT];
	w->dir_fd = fds[WARDEN_FD_DIR];
	w->alive_fd = fds[WARDEN_FD_ALIVE];
	w->fuse_fd = fds[WARDEN_FD_FUSE];
	w->notify.views_fd = fds[WARDEN_FD_VIEWS];
	w->notify.boot_offset = w->hello.boot_offset;
	w->notify.grants = w->hello.grants;
	w->notify.uid = w->hello.uid;
	return 0;
}

/* @seen, @looked: what sysctls_look() gave */
static int make_memory(struct warden *w, struct sysctl_store *seen, int looked)
{
	int r;

	w->init_fd = memfd_create("cloister-init", MFD_CLOEXEC);
	w->shared_fd = memfd_create("cloister-warden", MFD_CLOEXEC);
	if (w->init_fd < 0 || w->shared_fd < 0 || ftruncate(w->shared_fd, sizeof(*w->shared)) < 0)
		return -errno;
	w->shared = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE, MAP_SHARED, w->shared_fd,
			 0);
	if (w->shared == MAP_FAILED)
		return -errno;
	w->shared->detached = w->hello.record.launcher.pid == 0;
	r = looked < 0 ? looked : sysctls_make(w, seen);
	return r < 0 ? r : notify_init(&w->notify, w->dir_fd);
}

static void tell(struct warden *w, int r)
{
	struct warden_event e = { .ready = r == 0 };
	struct rlimit most;

	/* The kernel counts them of the server's user, not of root. */
	if (r == -EIO && getrlimit(RLIMIT_NPROC, &most) == 0 && most.rlim_cur < FEW_PROCESSES)
		snprintf(
			e.text, sizeof(e.text),
			"start cloister-fs: the limit of processes is %llu; raise it (`ulimit -u`)",
			(unsigned long long)most.rlim_cur);
	else if (r == -EIO)
		snprintf(e.text, sizeof(e.text),
			 "start cloister-fs: %s: \"%.160s\"; is it installed?",
			 access(w->hello.server, X_OK) < 0 ? strerror(errno) : "it ended at once",
			 w->hello.server);
	else if (r < 0)
		snprintf(e.text, sizeof(e.text), "start cloister-fs: %s", strerror(-r));
	fd_send(w->control, &e, sizeof(e), NULL, 0);
}

/* Its file system is nowhere mounted any more, or was aborted: there is nothing to be served. */
static bool is_unmounted(const struct warden *w)
{
	struct pollfd p = { .fd = w->fuse_fd };

	return w->fuse_fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

static void restart_server(struct warden *w)
{
	static struct timespec window;
	static int restarts;
	struct timespec now;

	if (is_unmounted(w)) {
		fd_replace(&w->server_pidfd, -1);
		fd_replace(&w->fuse_fd, -1);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - window.tv_sec > RESTARTS_WINDOW) {
		window = now;
		restarts = 0;
	}
	fd_replace(&w->server_pidfd, -1);
	/* What it served answers EIO from here on, never a host value: our descriptor goes too. */
	if (++restarts > RESTARTS_MAX || server_start(w, true) < 0) {
		proc_kill(&w->shared->server, SIGKILL);
		fd_replace(&w->server_pidfd, -1);
		fd_replace(&w->fuse_fd, -1);
	}
	twin_renew(w);
	sysctls_settle(w);
}

static void twin_ended(struct warden *w)
{
	if (w->notify.over)
		fd_replace(&w->other_pidfd, -1);
	else
		twin_make(w);
}

/* The twin finds it by what it writes of itself into shared memory. */
static void start_notifier(struct warden *w)
{
	notify_tend(&w->notify);
	twin_write_helpers(w, w->twin);
}

static void read_order(struct warden *w)
{
	struct warden_order order;
	int fds[2] = { -1, -1 };
	size_t n = 0;
	ssize_t got = fd_recv(w->control, &order, sizeof(order), fds, 2, &n);

	if (got != sizeof(order)) {
		fd_replace(&w->control, -1);
		/* The launcher is gone: what it would have removed is ours to remove now. */
		if (!w->shared->detached || w->init_pidfd < 0) {
			if (w->init_pidfd >= 0)
				warden_kill_container(w);
			else
				warden_end(w, true);
		}
		return;
	}
	if (order.type == WARDEN_ORDER_INIT && n == 2) {
		fd_replace(&w->init_pidfd, fds[0]);
		notify_learn(&w->notify, &order.init, fds[1]);
		w->hello.record.init = order.init;
		/* There is a twin already if the server has been started again. */
		twin_renew(w);
	} else if (order.type == WARDEN_ORDER_PIDS && n >= 1) {
		server_send_pids(w, fds, n);
	} else if (order.type == WARDEN_ORDER_CONSOLE && n == 1) {
		fd_replace(&w->console, fds[0]);
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		twin_renew(w);
	} else if (order.type == WARDEN_ORDER_SYSCTLS) {
		sysctls_settle(w);
	} else if (order.type == WARDEN_ORDER_DETACH) {
		w->shared->detached = true;
	}
}

/* Who brings a listener waits for our word, and for it a process that cannot go on before. */
static void receive_listener(struct warden *w)
{
	int conn;

	if (!notify_accept(&w->notify, &conn))
		return;
	/* PID 1's own may be here before the news of PID 1, with which the first twin is made. */
	if (w->notify.twin_behind && w->init_pidfd >= 0)
		twin_renew(w);
	notify_reply(conn, 0);
}

static void drain_console(struct warden *w)
{
	char buf[4096];
	ssize_t n = read(w->console, buf, sizeof(buf));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		fd_replace(&w->console, -1);
}

/* With the launcher there, it removes the container and us, or its end of the socket closes. */
static void init_ended(struct warden *w)
{
	sysctls_end(w);
	if (w->control < 0 || w->shared->detached)
		warden_end(w, true);
	fd_replace(&w->init_pidfd, -1);
}

/* `cloister reload` waits for another twin, which is the news that it was done or could not be. */
static void be_replaced(struct warden *w)
{
	struct signalfd_siginfo info;

	while (read(w->signals, &info, sizeof(info)) > 0)
		;
	if (w->init_pidfd < 0)
		return;
	handover_do(w);
	twin_renew(w);
}

enum {
	POLL_CONTROL,
	POLL_INIT,
	POLL_SERVER,
	POLL_OTHER,
	POLL_CONSOLE,
	POLL_LISTENER,
	POLL_NOTIFIER,
	POLL_LINK,
	POLL_ASK,
	POLL_WATCH,
	POLL_SIGNALS,
	POLL_N
};

static void step(struct warden *w)
{
	struct pollfd p[POLL_N + NOTIFY_LISTENERS] = {
		[POLL_CONTROL] = { .fd = w->control, .events = POLLIN },
		[POLL_INIT] = { .fd = w->init_pidfd, .events = POLLIN },
		[POLL_SERVER] = { .fd = w->server_pidfd, .events = POLLIN },
		[POLL_OTHER] = { .fd = w->other_pidfd, .events = POLLIN },
		[POLL_CONSOLE] = { .fd = w->console, .events = POLLIN },
		[POLL_LISTENER] = { .fd = w->notify.socket, .events = POLLIN },
		[POLL_NOTIFIER] = { .fd = w->notify.pidfd, .events = POLLIN },
		[POLL_LINK] = { .fd = w->notify.link[0], .events = POLLIN },
		[POLL_ASK] = { .fd = w->ask_fd, .events = POLLIN },
		[POLL_WATCH] = { .fd = w->watch_fd, .events = POLLIN },
		[POLL_SIGNALS] = { .fd = w->signals, .events = POLLIN },
	};

	int waiting = notify_watch(&w->notify, p + POLL_N);

	if (poll(p, POLL_N + waiting, -1) < 0)
		return;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (p[POLL_INIT].revents)
		init_ended(w);
	if (p[POLL_CONTROL].revents)
		read_order(w);
	if (p[POLL_SERVER].revents)
		restart_server(w);
	else if (p[POLL_OTHER].revents)
		twin_ended(w);
	if (p[POLL_CONSOLE].revents)
		drain_console(w);
	if (p[POLL_LINK].revents)
		notify_hear(&w->notify);
	if (p[POLL_NOTIFIER].revents || notify_called(&w->notify, p + POLL_N, waiting))
		start_notifier(w);
	if (p[POLL_LISTENER].revents)
		receive_listener(w);
	if (p[POLL_ASK].revents)
		sysctls_asked(w);
	if (p[POLL_WATCH].revents)
		sysctls_host_wrote(w);
	if (p[POLL_SIGNALS].revents)
		be_replaced(w);
}

/*
 * Be the warden from here on. In a twin that takes over, the server may be another one than at the
 * time of the fork. A program that follows another has that one's twin still.
 */
void warden_become(struct warden *w)
{
	int fd = proc_open(&w->shared->server);

	notify_adopt(&w->notify);
	fd_replace(&w->server_pidfd, fd >= 0 ? fd : -1);
	if (fd < 0 && w->fuse_fd >= 0)
		restart_server(w);
	else if (w->init_pidfd >= 0)
		twin_renew(w);
	sysctls_settle(w);
	for (;;)
		step(w);
}

static int print_usage(const char *word)
{
	if (strcmp(word, "--version") == 0)
		printf("cloister-warden %s\n", PACKAGE_VERSION);
	else if (strcmp(word, "--help") == 0)
		printf("Usage: cloister-warden [--resume FD]\n\nLooks after one container. Started "
		       "by "
		       "cloister(1), not by hand.\n\n"
		       "  --resume FD  go on where the program was that left this descriptor\n"
		       "  --help       show this text\n"
		       "  --version    show the version\n");
	else
		return 2;
	return 0;
}

/* The program from before left all that it had; on any doubt its twin is the warden. */
static int go_on(struct warden *w, const char *number)
{
	if (handover_receive(w, number) < 0)
		return 1;
	warden_become(w);
	return 0;
}

int main(int argc, char **argv)
{
	struct warden w = { .control = WARDEN_CONTROL_FD,
			    .console = -1,
			    .init_pidfd = -1,
			    .pids_fd = -1,
			    .devices_fd = -1,
			    .pids_link = -1,
			    .server_pidfd = -1,
			    .other_pidfd = -1,
			    .ask_fd = -1,
			    .ask_server_fd = -1,
			    .watch_fd = -1,
			    .natives_map = -1,
			    .sysctls_group = -1,
			    .program_fd = -1,
			    .shared_fd = -1 };
	bool resume = argc == 3 && strcmp(argv[1], "--resume") == 0;
	struct cgroups hierarchies = { 0 };
	struct sysctl_store seen;
	int looked, r;

	if (argc > 1 && !resume)
		return print_usage(argv[1]);
	sanitizer_be_alone();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	if (resume)
		return go_on(&w, argv[2]);
	fcntl(WARDEN_CONTROL_FD, F_SETFD, FD_CLOEXEC);
	/* While the launcher makes the container's cgroups. */
	looked = sysctls_look(&seen, &w.natives_map);
	if (cgroup_detect(&hierarchies) == 0)
		w.hierarchies = &hierarchies;
	if (receive_hello(&w) < 0)
		return 1;
	w.signals = handover_listen();
	r = w.signals < 0 ? w.signals : make_memory(&w, &seen, looked);
	if (r == 0)
		r = server_start(&w, false);
	tell(&w, r);
	if (r < 0)
		warden_end(&w, false);
	sysctls_confine(&w);
	warden_become(&w);
	return 0;
}
