/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's process in the foreground of the caller's terminal: bytes, window size and signals
 * go in, bytes and the exit status come out.
 *
 * The caller's terminal itself is never handed in (TIOCSTI would type into it): what is a terminal
 * here is a pty of the container's own there.
 */
#include "config.h"
#include "launcher/foreground.h"

#include "lib/fd.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/ttydefaults.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
				 SIGUSR2, SIGALRM, SIGCONT, SIGWINCH };

/* More than a pty keeps for its master, by drivers/tty/pty.c and n_tty.c. */
#define PTY_HOLDS (64 * 1024)

static struct termios saved_termios;
static int raw_fd = -1;

struct pump {
	int from, to;
	char buf[16384];
	size_t len, done;
	bool ended; /* @from is at its end, and that was typed */
	bool lines; /* ... while the terminal gave its readers whole lines */
};

/* How often a terminal is looked at whose input has ended. */
#define END_MS 100

/**
 * foreground_choose() - which standard descriptors are the container's pty, and what the others are
 * @problem: set to a sentence if a descriptor must not be handed in
 */
bool foreground_choose(bool tty, bool detach, bool pty[3], int stdio[3], const char **problem)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;

		stdio[i] = i;
		pty[i] = tty || (!detach && isatty(i));
#ifdef MUTANT_TTY_HANDED_IN
		pty[i] = tty;
#endif
#ifdef MUTANT_DIRECTORY_STDIN
		continue;
#endif
		/* From a directory descriptor openat(2) reaches the host's files. */
		if (!pty[i] && !detach &&
		    (fstat(i, &st) < 0 || S_ISDIR(st.st_mode) || (fcntl(i, F_GETFL) & O_PATH))) {
			*problem = "a standard descriptor is a directory; redirect it to a file or "
				   "pipe";
			return false;
		}
	}
	if (detach) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		for (int i = 0; i < 3; i++)
			stdio[i] = null;
	}
	return true;
}

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(set, forwarded[i]);
}

/**
 * foreground_prepare() - from now on signals wait for foreground_run(). Before the container
 * exists, so that an early Ctrl-C is not lost.
 */
bool foreground_prepare(void)
{
	sigset_t set;

	signal_set(&set);
	signal(SIGPIPE, SIG_IGN);
	return sigprocmask(SIG_BLOCK, &set, NULL) == 0;
}

static void restore_terminal(void)
{
	if (raw_fd >= 0)
		tcsetattr(raw_fd, TCSADRAIN, &saved_termios);
	raw_fd = -1;
}

static void make_raw(int fd)
{
	struct termios raw;

	/* A background job that changes the terminal would be stopped by SIGTTOU. */
	if (tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &saved_termios) < 0)
		return;
	raw = saved_termios;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
		return;
	raw_fd = fd;
	atexit(restore_terminal);
}

/* Move what is there. Return: false at the end of the stream, on either side. */
static bool pump_read(struct pump *p)
{
	ssize_t n = read(p->from, p->buf, sizeof(p->buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	p->len = n;
	p->done = 0;
	return true;
}

static bool pump_write(struct pump *p)
{
	ssize_t n = write(p->to, p->buf + p->done, p->len - p->done);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	p->done += n;
	if (p->done == p->len)
		p->len = p->done = 0;
	return true;
}

/* A process in a v1 freezer, where the container can put it itself, does not even take SIGKILL. */
static void end_process(const struct foreground *f)
{
	sys_pidfd_send_signal(f->pidfd, SIGKILL);
	if (f->cgroups)
		cgroup_kill(f->cgroups, SIGKILL);
}

/*
 * A signal for PID 1. The kernel drops those that it has no handler for; users expect Ctrl-C to do
 * what it does to any other program.
 * Return: the signal if the process was ended in its name, else 0.
 */
static int deliver(const struct foreground *f, int sig)
{
	if (!f->pid1 || !proc_would_drop(f->pid, sig)) {
		sys_pidfd_send_signal(f->pidfd, sig);
		/* One that was stopped inside would never hear what is to end it. */
		if (sig == SIGTERM || sig == SIGHUP)
			sys_pidfd_send_signal(f->pidfd, SIGCONT);
		return 0;
	}
	end_process(f);
	return sig;
}

/* Ctrl-C and Ctrl-\ on the pty: the kernel gives them to PID 1 as signals, and drops them there. */
static int typed_signal(const struct foreground *f, const struct pump *in)
{
	struct termios t;
	pid_t group = 0;

	if (!f->pid1 || tcgetattr(f->console, &t) < 0 || !(t.c_lflag & ISIG))
		return 0;
	if (ioctl(f->console, TIOCGPGRP, &group) < 0 || group != f->pid)
		return 0;
	for (size_t i = 0; i < in->len; i++) {
		int sig = in->buf[i] == (char)t.c_cc[VINTR]   ? SIGINT
			  : in->buf[i] == (char)t.c_cc[VQUIT] ? SIGQUIT
							      : 0;

		if (sig && proc_would_drop(f->pid, sig)) {
			end_process(f);
			return sig;
		}
	}
	return 0;
}

static int handle_signals(struct foreground *f, int sigfd)
{
	struct signalfd_siginfo info;
	int ended = 0;

	while (read(sigfd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH && f->console >= 0)
			console_copy_size(f->console);
		else if (!ended)
			ended = deliver(f, info.ssi_signo);
	}
	return ended;
}

/*
 * Output that is still in the pty when the process has ended: no more than that, since others who
 * have it open may go on writing, and nobody's Ctrl-C is heard any more.
 */
static void drain(struct pump *out)
{
	size_t left = PTY_HOLDS;

	if (out->from < 0)
		return;
	do {
		while (out->len)
			if (!pump_write(out))
				return;
		if (!pump_read(out))
			return;
#ifndef MUTANT_DRAIN_ENDLESS
		left -= out->len < left ? out->len : left;
#endif
	} while (out->len && left);
}

/* Has what was typed on the terminal @console not been read yet? */
static bool is_unread(int console)
{
	autofd slave = ioctl(console, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct pollfd p = { .fd = slave, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/*
 * The end of a pipe on our side is what Ctrl-D is on a terminal; but it stays, as the end of a file
 * does. A terminal forgets it with the first read, and when a line editor changes its mode (a
 * shell, before each prompt), so it is typed again then: each line mode has one to read, and each
 * other mode got one.
 */
static void type_end(const struct foreground *f, struct pump *in)
{
	struct termios t;
	bool lines;

	if (in->len || tcgetattr(f->console, &t) < 0)
		return;
	lines = t.c_lflag & ICANON;
	if (in->ended && lines == in->lines && (!lines || is_unread(f->console)))
		return;
	in->lines = lines;
	in->from = -1;
	in->ended = true;
	in->buf[0] = t.c_cc[VEOF] ?: CEOF;
	in->len = 1;
	in->done = 0;
}

enum { POLL_PID, POLL_SIGNAL, POLL_CONSOLE_IN, POLL_CONSOLE_OUT, POLL_STDIN, POLL_STDOUT, POLL_N };

static int loop(struct foreground *f, int sigfd, struct pump *in, struct pump *out)
{
	int ended = 0;

	for (;;) {
		bool in_full = in->len > 0, out_full = out->len > 0;
		struct pollfd p[POLL_N] = {
			[POLL_PID] = { .fd = f->pidfd, .events = POLLIN },
			[POLL_SIGNAL] = { .fd = sigfd, .events = POLLIN },
			[POLL_CONSOLE_IN] = { .fd = in_full ? f->console : -1, .events = POLLOUT },
			[POLL_CONSOLE_OUT] = { .fd = out_full ? -1 : out->from, .events = POLLIN },
			[POLL_STDIN] = { .fd = in_full ? -1 : in->from, .events = POLLIN },
			[POLL_STDOUT] = { .fd = out_full ? out->to : -1, .events = POLLOUT },
		};

		if (poll(p, POLL_N, in->ended ? END_MS : -1) < 0 && errno != EINTR)
			return ended;
		if (p[POLL_SIGNAL].revents && !ended)
			ended = handle_signals(f, sigfd);
		if (p[POLL_STDIN].revents) {
			if (!pump_read(in))
				type_end(f, in);
			else if (!ended)
				ended = typed_signal(f, in);
		}
		if (in->ended)
			type_end(f, in);
		if (p[POLL_CONSOLE_IN].revents && !pump_write(in))
			in->from = -1, in->len = 0, in->ended = false;
		/* EIO: nobody has the slave open at the moment, or ever again. */
		if (p[POLL_CONSOLE_OUT].revents && !pump_read(out))
#ifndef MUTANT_HANGUP_POLLED
			out->from = -1;
#else
			continue;
#endif
		if (p[POLL_STDOUT].revents && !pump_write(out))
			out->from = -1, out->len = 0;
		if (p[POLL_PID].revents)
			return ended;
	}
}

static int collect(const struct foreground *f, int ended)
{
	int status = 0;

	while (waitpid(f->pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return 125;
	if (ended)
		return 128 + ended;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/**
 * foreground_run() - stay until the process ends
 *
 * Return: its exit status as a shell gives it: 0-255, 128+n for a signal.
 */
int foreground_run(struct foreground *f)
{
	static struct pump in, out;
	sigset_t set;
	int sigfd, ended;

	signal_set(&set);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	in.from = in.to = out.from = out.to = -1;
	if (f->console >= 0) {
		fcntl(f->console, F_SETFL, O_NONBLOCK);
		console_copy_size(f->console);
		out.from = f->console;
		out.to = f->pty[1] ? STDOUT_FILENO : STDERR_FILENO;
		in.to = f->console;
		in.from = f->pty[0] ? STDIN_FILENO : -1;
		if (f->pty[0] && isatty(STDIN_FILENO))
			make_raw(STDIN_FILENO);
	}
	ended = loop(f, sigfd, &in, &out);
	drain(&out);
	restore_terminal();
	close(sigfd);
	return collect(f, ended);
}
