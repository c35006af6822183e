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
#include "lib/reap.h"
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

static void close_to(int *fd, int replacement)
{
	if (*fd >= 0)
		close(*fd);
	*fd = replacement;
}

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

static void write_helpers(const struct warden *w, pid_t twin)
{
	struct rundir_helpers h = { .server = w->shared->server,
				    .notifier = w->notify.shared->notifier };

	proc_identify(getpid(), &h.warden);
	if (twin > 0)
		proc_identify(twin, &h.twin);
	rundir_write_helpers(w->dir_fd, &h);
}

/* @named: the name is that of our container, and nobody else takes it */
static void leave_helpers_cgroup(const struct warden *w, struct cgroups *all, bool named)
{
	const char *path = w->hello.record.helpers_cgroup;
	struct cgroups helpers = { 0 };

	reap_helper_hierarchies(all, &helpers);
	for (int i = 0; i < helpers.n; i++)
		fd_write_file_at(helpers.h[i].mount_fd, helpers.h[i].v2 ? "cgroup.procs" : "tasks",
				 "0");
	if (cgroup_open(&helpers, path) < 0)
		return;
	if (named)
		reap_helpers(w->root_fd, w->hello.id, &helpers, path);
	else
		cgroup_remove_killed(&helpers, path);
}

/* By name, so under the lock, and only while the name is still that of our container. */
static bool open_cgroups(const struct warden *w, struct cgroups *cg)
{
	autofd lock = rundir_lock(w->root_fd);

	return rundir_is(w->root_fd, w->hello.id, w->dir_fd) &&
	       cgroup_open(cg, w->hello.record.cgroup) >= 0;
}

static void remove_container(const struct warden *w, struct cgroups *cg)
{
	autofd lock = -1;

	/* One that cannot die now has our ids: `delete` finishes it. Nobody waits for that here. */
	if (open_cgroups(w, cg) && cgroup_kill(cg, SIGKILL) == -EBUSY)
		return;
	lock = rundir_lock(w->root_fd);
	if (!rundir_is(w->root_fd, w->hello.id, w->dir_fd) ||
	    cgroup_remove_killed(cg, w->hello.record.cgroup) == -EBUSY)
		return;
	leave_helpers_cgroup(w, cg, true);
	reap_scope(&w->hello.record);
	rundir_remove(w->root_fd, w->hello.id);
}

/**
 * warden_end() - the container has ended
 * @all: nobody else removes it. Else only the helpers go, and their cgroup.
 *
 * The helpers go one by one, not with their cgroup: we are in it.
 */
void warden_end(struct warden *w, bool all)
{
	struct cgroups cg = { 0 };

	if (w->other_pidfd >= 0)
		sys_pidfd_send_signal(w->other_pidfd, SIGKILL);
	proc_kill(&w->shared->server, SIGKILL);
	notify_end(&w->notify);
	/* What is kept for `state` and `delete`; unless it never came to be. */
	if (all && !w->hello.record.auto_remove && w->shared->detached)
		exit(0);
	if (cgroup_detect(&cg) < 0)
		exit(1);
	if (all)
		remove_container(w, &cg);
	leave_helpers_cgroup(w, &cg, false);
	exit(0);
}

static void become_warden(struct warden *w);

/* The twin's whole life: sleep until the warden ends, but for news of listeners. */
static void be_twin(struct warden *w, int warden_pidfd, int link)
{
	struct pollfd p[] = { { .fd = warden_pidfd, .events = POLLIN },
			      { .fd = link, .events = POLLIN } };

	close_to(&w->other_pidfd, -1);
	close_to(&w->notify.twin, -1);
	/* The launcher must see the end of the warden's socket only when both are gone. */
	do {
		if (poll(p, 2, -1) <= 0)
			continue;
		notify_follow(&w->notify, link);
		/* Nobody is inside any more; the kernel takes us down while it takes down PID 1. */
		if (w->notify.over)
			_exit(0);
		/* No more news will come: an end that is polled would keep us busy. */
		if (p[1].revents & POLLHUP)
			p[1].fd = -1;
	} while (!p[0].revents);
	close(link);
	close(warden_pidfd);
	become_warden(w);
}

static pid_t make_twin(struct warden *w)
{
	int self = sys_pidfd_open(getpid());
	int twin_pidfd = -1, link[2] = { -1, -1 };
	pid_t pid;

	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, link);
	close_to(&w->notify.twin, link[0]);
	w->notify.twin_behind = false;
	pid = sys_clone3(0, SIGCHLD, &twin_pidfd, -1);
	if (pid == 0)
		be_twin(w, self, link[1]);
	if (self >= 0)
		close(self);
	close_to(&link[1], -1);
	if (pid > 0)
		fcntl(twin_pidfd, F_SETFD, FD_CLOEXEC);
	close_to(&w->other_pidfd, pid > 0 ? twin_pidfd : -1);
	w->twin = pid;
	write_helpers(w, pid);
	return pid;
}

/* The twin's knowledge is older than ours: replace it. */
static void renew_twin(struct warden *w)
{
	siginfo_t info;

	if (w->other_pidfd >= 0) {
		sys_pidfd_send_signal(w->other_pidfd, SIGKILL);
		waitid(P_PIDFD, w->other_pidfd, &info, WEXITED);
	}
	make_twin(w);
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
		close_to(&w->server_pidfd, -1);
		close_to(&w->fuse_fd, -1);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - window.tv_sec > RESTARTS_WINDOW) {
		window = now;
		restarts = 0;
	}
	close_to(&w->server_pidfd, -1);
	/* What it served answers EIO from here on, never a host value: our descriptor goes too. */
	if (++restarts > RESTARTS_MAX || server_start(w, true) < 0) {
		proc_kill(&w->shared->server, SIGKILL);
		close_to(&w->server_pidfd, -1);
		close_to(&w->fuse_fd, -1);
	}
	renew_twin(w);
	sysctls_settle(w);
}

static void twin_ended(struct warden *w)
{
	if (w->notify.over)
		close_to(&w->other_pidfd, -1);
	else
		make_twin(w);
}

/* The twin finds it by what it writes of itself into shared memory. */
static void start_notifier(struct warden *w)
{
	notify_tend(&w->notify);
	write_helpers(w, w->twin);
}

/* In a v1 freezer, where the container can put it itself, PID 1 does not even take SIGKILL. */
static void kill_container(struct warden *w)
{
	struct cgroups cg = { 0 };

	sys_pidfd_send_signal(w->init_pidfd, SIGKILL);
	if (cgroup_detect(&cg) < 0)
		return;
	if (open_cgroups(w, &cg))
		cgroup_kill(&cg, SIGKILL);
	cgroup_free(&cg);
}

static void read_order(struct warden *w)
{
	struct warden_order order;
	int fds[2] = { -1, -1 };
	size_t n = 0;
	ssize_t got = fd_recv(w->control, &order, sizeof(order), fds, 2, &n);

	if (got != sizeof(order)) {
		close_to(&w->control, -1);
		/* The launcher is gone: what it would have removed is ours to remove now. */
		if (!w->shared->detached || w->init_pidfd < 0) {
			if (w->init_pidfd >= 0)
				kill_container(w);
			else
				warden_end(w, true);
		}
		return;
	}
	if (order.type == WARDEN_ORDER_INIT && n == 2) {
		close_to(&w->init_pidfd, fds[0]);
		notify_learn(&w->notify, &order.init, fds[1]);
		w->hello.record.init = order.init;
		/* There is one already if the server died before. */
		renew_twin(w);
	} else if (order.type == WARDEN_ORDER_PIDS && n >= 1) {
		server_send_pids(w, fds, n);
	} else if (order.type == WARDEN_ORDER_CONSOLE && n == 1) {
		close_to(&w->console, fds[0]);
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		renew_twin(w);
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
		renew_twin(w);
	notify_reply(conn, 0);
}

static void drain_console(struct warden *w)
{
	char buf[4096];
	ssize_t n = read(w->console, buf, sizeof(buf));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_to(&w->console, -1);
}

/* With the launcher there, it removes the container and us, or its end of the socket closes. */
static void init_ended(struct warden *w)
{
	sysctls_end(w);
	if (w->control < 0 || w->shared->detached)
		warden_end(w, true);
	close_to(&w->init_pidfd, -1);
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
	renew_twin(w);
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
static void become_warden(struct warden *w)
{
	int fd = proc_open(&w->shared->server);

	notify_adopt(&w->notify);
	close_to(&w->server_pidfd, fd >= 0 ? fd : -1);
	if (fd < 0 && w->fuse_fd >= 0)
		restart_server(w);
	else if (w->init_pidfd >= 0)
		renew_twin(w);
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
	become_warden(w);
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
	looked = sysctls_look(&seen);
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
	become_warden(&w);
	return 0;
}
