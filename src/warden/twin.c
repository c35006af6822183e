/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warden's twin: a fork that sleeps until the warden has ended, and is the warden then.
 *
 * It is made anew whenever the warden has learnt something that is not in the memory they share.
 * Only listeners are told to the twin that there is (notify.c): they come too often for a fork
 * each.
 */
#include "config.h"
#include "warden/warden.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/**
 * twin_write_helpers() - note who looks after the container, for `cloister status`
 * @twin: its pid; not above 0: there is none
 */
void twin_write_helpers(const struct warden *w, pid_t twin)
{
	struct rundir_helpers h = { .server = w->shared->server,
				    .notifier = w->notify.shared->notifier };

	proc_identify(getpid(), &h.warden);
	if (twin > 0)
		proc_identify(twin, &h.twin);
	rundir_write_helpers(w->dir_fd, &h);
}

/* The twin's whole life: sleep until the warden ends, but for news of listeners. */
static void be_twin(struct warden *w, int warden_pidfd, int link)
{
	struct pollfd p[] = { { .fd = warden_pidfd, .events = POLLIN },
			      { .fd = link, .events = POLLIN } };

	fd_replace(&w->other_pidfd, -1);
	fd_replace(&w->notify.twin, -1);
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
	warden_become(w);
}

/**
 * twin_make() - fork a twin with all that the warden knows now
 *
 * Without one (no process can be made) the warden goes on alone.
 */
void twin_make(struct warden *w)
{
	autofd self = sys_pidfd_open(getpid());
	int twin_pidfd = -1, link[2] = { -1, -1 };
	bool can = self >= 0 &&
		   socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, link) == 0;
	pid_t pid;

	fd_replace(&w->notify.twin, link[0]);
	w->notify.twin_behind = false;
	/* One that could not see us end would never be the warden, and never end itself. */
	pid = can ? sys_clone3(0, SIGCHLD, &twin_pidfd, -1) : -1;
	if (pid == 0)
		be_twin(w, self, link[1]);
	fd_replace(&link[1], -1);
	if (pid > 0)
		fcntl(twin_pidfd, F_SETFD, FD_CLOEXEC);
	fd_replace(&w->other_pidfd, pid > 0 ? twin_pidfd : -1);
	w->twin = pid;
	twin_write_helpers(w, pid);
}

/**
 * twin_renew() - replace the twin, whose knowledge is older than ours
 */
void twin_renew(struct warden *w)
{
	siginfo_t info;

	if (w->other_pidfd >= 0) {
		sys_pidfd_send_signal(w->other_pidfd, SIGKILL);
		waitid(P_PIDFD, w->other_pidfd, &info, WEXITED);
	}
	twin_make(w);
}
