// SPDX-License-Identifier: Apache-2.0
/*
 * step: at each step that the warden's processes make for a call, do something to them.
 *
 *	step HELPERS WHO EVERY CALL… -- COMMAND…
 *
 * HELPERS is the container's file of that name, by which its warden and notifier are known. COMMAND
 *is `mediated steps` inside the container. Of each CALL so many rounds are made as there are steps,
 *or one for EVERY steps; a step is a system call of
 *
 *	helper	   whoever the notifier has forked for the call: it is killed before it
 *	both	   the same, and the notifier is killed with it
 *	notifier   the notifier itself
 *	warden	   the warden, which starts a notifier for the one that was killed just before
 *	stale-helper, stale-notifier
 *		   nobody of ours is killed but the caller, and its number is another process's then
 *
 * One line per call, as report_inside() of tests/lib/cloister.sh takes it.
 */
#include "config.h"
#include "step-trace.h"
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 20000 /* after which an answer does not come */

struct wanted {
	const char *call;
	const char *state;	     /* after success */
	const char *error, *unstate; /* an error that may be, and what is there then */
	bool cold;		     /* with a notifier that has done nothing yet */
};

static const struct wanted wanted[] = {
	{ .call = "mount-proc", .state = "1" },
	{ .call = "mount-first", .state = "1", .cold = true },
	{ .call = "mount-anew", .state = "1" },
	{ .call = "mount-sysfs", .state = "1" },
	{ .call = "umount", .state = "0" },
	{ .call = "umount-tmpfs", .state = "0" },
	{ .call = "bind", .state = "1" },
	{ .call = "readonly", .state = "0 writable" },
	{ .call = "setattr", .state = "0 writable" },
	{ .call = "fsopen", .state = "-" },
	{ .call = "fsmount", .state = "1", .error = "EBUSY", .unstate = "0" },
	{ .call = "fspick", .state = "-" },
	{ .call = "mknod", .state = "1 node" },
	{ .call = "setxattr", .state = "-" },
	{ .call = "swapoff", .state = "off" },
	{ .call = "swapon", .state = "on" },
	{ .call = "sysinfo", .state = "-" },
	{ .call = "affinity", .state = "-" },
	{ 0 },
};

static struct {
	const char *helpers;
	enum step_who who;
	int sock; /* to `mediated steps` */
	long slowest;
} step;

static void die(const char *what)
{
	printf("BAD\t%s\t%s\n", what, strerror(errno));
	exit(1);
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void tell(const char *text)
{
	if (send(step.sock, text, strlen(text), MSG_NOSIGNAL) < 0)
		die("`mediated steps` can be told");
}

/* @pid, if not NULL, receives who said it, as the host knows it. Return: whether anybody did. */
static bool hear(char *text, size_t size, pid_t *pid)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] = { 0 };
	struct pollfd p = { .fd = step.sock, .events = POLLIN };
	struct iovec iov = { text, size - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = poll(&p, 1, LIMIT_MS) == 1 ? recvmsg(step.sock, &msg, 0) : 0;
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	text[n > 0 ? n : 0] = '\0';
	if (pid && c)
		*pid = ((struct ucred *)CMSG_DATA(c))->pid;
	return n > 0;
}

static struct step_family read_family(void)
{
	struct step_family f = { 0 };
	FILE *file = fopen(step.helpers, "r");
	char name[32];
	int pid;

	while (file && fscanf(file, "%31s %d %*s", name, &pid) == 2) {
		if (strcmp(name, "warden") == 0)
			f.warden = pid;
		else if (strcmp(name, "twin") == 0)
			f.twin = pid;
		else if (strcmp(name, "notifier") == 0)
			f.notifier = pid;
	}
	if (file)
		fclose(file);
	return f;
}

/* All of them are there, and sleep: whatever one of them died of is over. */
static struct step_family settle(void)
{
	struct step_family f = { 0 }, last;
	long until = now() + LIMIT_MS;

	for (int quiet = 0; quiet < 2; usleep(1000)) {
		last = f;
		f = read_family();
		quiet = memcmp(&f, &last, sizeof(f)) == 0 && trace_sleeps(f.warden) &&
					trace_sleeps(f.twin) && trace_sleeps(f.notifier) &&
					trace_is_alone(f.notifier)
				? quiet + 1
				: 0;
		if (now() > until)
			die("the helpers settle");
	}
	return f;
}

static void start(char **command)
{
	int pair[2], on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 ||
	    setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		die("a socket pair");
	step.sock = pair[0];
	if (fork() == 0) {
		dup2(pair[1], 0);
		close(pair[0]);
		close(pair[1]);
		execvp(command[0], command);
		_exit(127);
	}
	close(pair[1]);
}

struct outcome {
	char answer[32], state[64], stranger[128];
	long ms;
	int count, nr; /* steps that were seen; the call at which it was done */
	bool hit;
};

static struct step_shared *shared;

/* Where the caller was there is somebody else, who notices what is done to him. */
static void replace(pid_t caller, struct outcome *o)
{
	char text[64];

	kill(caller, SIGKILL);
	if (!hear(text, sizeof(text), NULL))
		die("a caller that is killed is collected");
	/* What is held had answered before. */
	if (strcmp(text, "ended") != 0) {
		strcpy(o->answer, text);
		hear(text, sizeof(text), NULL);
	}
	stranger_start(caller);
	shared->release = true;
	for (int quiet = 0, last = -1; quiet < 10; usleep(3000)) {
		quiet = shared->count == last ? quiet + 1 : 0;
		last = shared->count;
	}
	settle();
	stranger_end(o->stranger, sizeof(o->stranger));
}

/* Nobody counts steps any more: neither the call nor what comes after it makes any. */
static bool wait_steps(bool until_hit)
{
	int last = -1;

	for (int quiet = 0; quiet < 5 && !shared->hit; usleep(1000)) {
		struct pollfd p = { .fd = step.sock, .events = POLLIN };

		quiet = shared->count == last && (!until_hit || poll(&p, 1, 0) == 1) ? quiet + 1
										     : 0;
		last = shared->count;
	}
	return shared->hit;
}

static void play(const struct wanted *w, int at, struct outcome *o)
{
	bool stale = step.who == STEP_STALE_HELPER || step.who == STEP_STALE_NOTIFIER;
	struct step_family f = settle();
	pid_t caller = 0, tracer;
	char text[64];
	long begun;

	*o = (struct outcome){ 0 };
	tell(w->call);
	if (!hear(text, sizeof(text), &caller) || strcmp(text, "ready") != 0)
		die("a caller is ready");
	if (w->cold) {
		kill(f.notifier, SIGKILL);
		usleep(2000);
	}
	f = settle();
	tracer = trace_start(shared, step.who, &f, at);
	if (step.who == STEP_WARDEN)
		kill(f.notifier, SIGKILL);
	begun = now();
	tell("go");
	if (stale && wait_steps(true)) {
		replace(caller, o);
	} else {
		if (!hear(o->answer, sizeof(o->answer), NULL))
			strcpy(o->answer, "none");
		o->ms = now() - begun;
		if (!hear(text, sizeof(text), NULL) || strcmp(text, "ended") != 0)
			die("a caller has one answer");
		wait_steps(false);
	}
	o->hit = shared->hit;
	o->count = shared->count;
	o->nr = shared->nr;
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
	settle();
	tell("look");
	if (!hear(o->state, sizeof(o->state), NULL))
		die("`mediated steps` looks");
}

static bool is_good(const struct wanted *w, const struct outcome *o)
{
	if (o->stranger[0])
		return false;
	if (!o->answer[0])
		return step.who >= STEP_STALE_HELPER;
	if (strcmp(o->answer, "0") == 0)
		return strcmp(o->state, w->state) == 0;
	return w->error && strcmp(o->answer, w->error) == 0 && strcmp(o->state, w->unstate) == 0;
}

static const struct {
	const char *name, *what;
} victims[] = {
	[STEP_HELPER] = { "helper", "its helper is killed" },
	[STEP_BOTH] = { "both", "its helper and the notifier are killed" },
	[STEP_NOTIFIER] = { "notifier", "the notifier is killed" },
	[STEP_WARDEN] = { "warden", "notifier and warden are killed" },
	[STEP_STALE_HELPER] = { "stale-helper", "while its helper works a stranger gets its pid" },
	[STEP_STALE_NOTIFIER] = { "stale-notifier",
				  "while the notifier works a stranger gets its pid" },
};
#define VICTIMS (int)(sizeof(victims) / sizeof(victims[0]))

/* Rounds until one has fewer steps than it was to be stopped after. */
static void run(const struct wanted *w, int every)
{
	struct outcome o;
	int rounds = 0, bad = 0, at = 1;
	char text[4096] = "";
	size_t len = 0;

	for (;; at += every) {
		play(w, at, &o);
		if (!o.hit)
			break;
		rounds++;
		if (o.ms > step.slowest)
			step.slowest = o.ms;
		if (is_good(w, &o))
			continue;
		bad++;
		if (len < sizeof(text) - 200)
			len += snprintf(text + len, sizeof(text) - len,
					"step %d (call %d): answer %s, state %s; %s ", at, o.nr,
					o.answer, o.state, o.stranger);
	}
	/* The last one was not disturbed. */
	if (!is_good(w, &o))
		bad++;
	printf("%s\t%s: %s, at each %d. step\t%d rounds, %d steps, %d bad: %s\n",
	       bad || !rounds ? "BAD" : "OK", w->call, victims[step.who].what, every, rounds,
	       o.count, bad, text);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int i = 4, first = i, who = 0;

	while (argc > i && strcmp(argv[i], "--") != 0)
		i++;
	if (i + 1 >= argc)
		return 2;
	step.helpers = argv[1];
	while (who < VICTIMS && strcmp(victims[who].name, argv[2]) != 0)
		who++;
	if (who == VICTIMS)
		return 2;
	step.who = who;
	shared = trace_memory();
	signal(SIGPIPE, SIG_IGN);
	start(argv + i + 1);
	/* The first call: then there is a notifier. */
	for (int ms = 0; ms < LIMIT_MS && !read_family().notifier; ms += 10)
		usleep(10000);
	for (const struct wanted *w = wanted; w->call; w++)
		for (int j = first; j < i; j++)
			if (strcmp(argv[j], w->call) == 0 || strcmp(argv[j], "all") == 0)
				run(w, atoi(argv[3]));
	shutdown(step.sock, SHUT_RDWR);
	while (wait(NULL) > 0)
		;
	printf("slowest answer: %ld ms\n", step.slowest);
	return 0;
}
