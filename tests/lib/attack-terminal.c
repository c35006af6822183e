/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack: what can be done to the terminal that we have been given, whose other end somebody of the
 * host's reads and writes.
 */
#include "config.h"
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define LINE_DISCIPLINES 32

static double until;

static void resize_tty(void)
{
	struct winsize size = { .ws_row = random(), .ws_col = random() };

	ioctl(0, TIOCSWINSZ, &size);
}

/* Whether a line's end or a mode: what whoever types for us looks at, too. */
static void flip_tty(void)
{
	struct termios t;

	if (tcgetattr(0, &t) < 0)
		return;
	t.c_lflag = random();
	t.c_iflag = random();
	t.c_oflag = random();
	for (int i = 0; i < NCCS; i++)
		t.c_cc[i] = random();
	tcsetattr(0, TCSANOW, &t);
	tcflush(0, random() % 3);
	tcflow(0, random() % 4);
}

static void set_discipline(void)
{
	int n = random() % LINE_DISCIPLINES;

	if (n != N_TTY && ioctl(0, TIOCSETD, &n) == 0 && n != 27 /* N_NULL */)
		printf("line discipline %d\r\n", n);
	n = N_TTY;
	ioctl(0, TIOCSETD, &n);
}

/* All that a terminal has, with numbers and with memory that we do not mind. */
static void call_tty(void)
{
	static char memory[8192];
	unsigned int request = 0x5400 + random() % 0x80;

	memset(memory, (int)random(), 64);
	ioctl(0, request, random() % 2 ? (unsigned long)memory : (unsigned long)random() % 4);
	fcntl(0, F_SETFL, random() & (O_NONBLOCK | O_ASYNC | O_APPEND));
}

/* A session of its own that takes the terminal, is told so, and ends with it. */
static void steal_tty(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		ioctl(0, TIOCSCTTY, 1);
		ioctl(0, TIOCCONS);
		ioctl(0, TIOCSTI, "x");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void reopen_tty(void)
{
	static const char *const names[] = { "/dev/console", "/dev/tty", "/dev/pts/0",
					     "/dev/pts/ptmx", "/dev/ptmx" };
	int fd = open(names[random() % 5], O_RDWR | O_NOCTTY | O_NONBLOCK), unlock = 0, peer;

	if (fd < 0)
		return;
	ioctl(fd, TIOCSPTLCK, &unlock);
	ioctl(fd, TIOCPKT, &(int){ 1 });
	peer = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	close(peer);
	close(fd);
}

/* To a socket that nobody reads: it is open as long as that is, and no process has it. */
static void pass_tty(void)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &(int){ 0 }, sizeof(int));
	sendmsg(pair[0], &m, MSG_DONTWAIT);
	close(pair[0]);
	close(pair[1]);
}

static void flood_tty(void)
{
	char text[4096];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = random() % 8 ? (char)random() : '\033';
	fcntl(1, F_SETFL, O_NONBLOCK);
	(void)!write(1, text, sizeof(text));
}

static void (*const tricks[])(void) = { resize_tty, flip_tty,	set_discipline, call_tty,
					steal_tty,  reopen_tty, pass_tty,	flood_tty };
#define TRICKS (sizeof(tricks) / sizeof(tricks[0]))

/*
 * Each trick in a process of its own, for a[0] ms; then nobody has the terminal but us. They may
 * have stopped it for each other, which is undone.
 */
static int hurt_tty(char **a)
{
	pid_t pids[TRICKS];

	until = now_ms() + atoi(a[0]);
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGCHLD)
			signal(sig, SIG_IGN);
	for (size_t i = 0; i < TRICKS; i++)
		if ((pids[i] = fork()) == 0) {
			srandom(getpid());
			for (;;)
				tricks[i]();
		}
	while (now_ms() < until)
		usleep(10000);
	for (size_t i = 0; i < TRICKS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	ioctl(0, TIOCSETD, &(int){ N_TTY });
	tcflow(0, TCOON);
	fcntl(0, F_SETFL, 0);
	fcntl(1, F_SETFL, 0);
	return 0;
}

/* For a[0] ms: the mode in which lines are read, on and off as quickly as it goes. */
static int flip_lines(char **a)
{
	struct termios t;

	until = now_ms() + atoi(a[0]);
	while (now_ms() < until && tcgetattr(0, &t) == 0) {
		t.c_lflag ^= ICANON;
		t.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(0, TCSANOW, &t);
		tcflush(0, TCIFLUSH);
		if (a[1])
			usleep(atoi(a[1]));
	}
	return 0;
}

const struct call attack_terminal[] = {
	{ "hurt-tty", hurt_tty, 1, "MILLISECONDS" },
	{ "flip-lines", flip_lines, 1, "MILLISECONDS [MICROSECONDS]" },
	{ 0 },
};
