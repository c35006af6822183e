/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks of the OCI runtime specification.
 *
 * Each gets the container's state as JSON on stdin, its own environment and nothing else, and is
 * killed with its process group when its time is up. Those of the runtime's side run as we are;
 * createContainer's is found on the host and then enters the container's namespaces, all but the
 * mount namespace, of which it gets a copy of the host's that belongs to the container's user
 * namespace; startContainer's is run by PID 1 (init.c) where it is, with no more rights than the
 * container's command: it is a program of the image.
 */
#include "config.h"
#include "runtime/hooks.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE  512	       /* bytes of output at a time */
#define PIPE_HOLDS (64 * 1024) /* pipe(7) */

static const char *const kinds[] = { "prestart",       "createRuntime", "createContainer",
				     "startContainer", "poststart",	"poststop" };
_Static_assert(G_N_ELEMENTS(kinds) == SPEC_HOOK_COUNT, "a name for each kind");

/*
 * setns(2) joins the user namespace first, and the others with the rights that it gives. In it,
 * too, is the copy of the host's mounts made; unless another container runs in that user namespace,
 * which could find the copy (Linux 6.12, NS_MNT_GET_NEXT) and enter it: then before.
 */
static int enter_namespaces(int pidfd, bool shared)
{
	int to = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

#ifdef MUTANT_HOOK_FOUND
	shared = false;
#endif
	if ((shared && unshare(CLONE_NEWNS) < 0) || setns(pidfd, to) < 0 ||
	    (!shared && unshare(CLONE_NEWNS) < 0) || setresgid(0, 0, 0) < 0 ||
	    setgroups(0, NULL) < 0 || setresuid(0, 0, 0) < 0)
		return -errno;
	return 0;
}

/*
 * The report goes at the exec; the rest is the runtime's and none of the hook's business.
 * Return: the number of the socket for confine(), or -1.
 */
static int arrange_fds(int in, int out, int *report, int sync)
{
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return -1;
	if (sync >= 0)
		sync = fcntl(sync, F_DUPFD_CLOEXEC, 5);
	if (*report != 3 && dup3(*report, 3, O_CLOEXEC) < 0)
		return -1;
	*report = 3;
	fd_set_cloexec(3, true);
	if (sync >= 0)
		sync = dup3(sync, 4, O_CLOEXEC);
	sys_close_range(sync >= 0 ? 5 : 4, ~0U, 0);
	return sync >= 0 ? sync : 3;
}

/* In the child: @in is the state to read, @out takes what it says. */
static void become_hook(const struct spec_hook *hook, int in, int out, int report,
			const struct hook_place *place)
{
	sigset_t none;
	int err, sync;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (place->namespaces_pidfd >= 0 &&
	    enter_namespaces(place->namespaces_pidfd, place->shared) < 0)
		goto failed;
	sync = arrange_fds(in, out, &report, place->confine ? place->sync : -1);
	if (sync < 0)
		goto failed;
	if (place->confine)
		place->confine(sync, place->arg);
	execve(hook->path, hook->args, hook->env);
failed:
	err = errno;
	if (write(report, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Keep the end of what the hook says. */
static bool read_output(int fd, struct hook_failure *f)
{
	char buf[READ_SIZE];
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t have = strlen(f->output), room = sizeof(f->output) - 1, take, drop;

	if (n <= 0)
		return false;
	take = (size_t)n < room ? (size_t)n : room;
	drop = have + take > room ? have + take - room : 0;
	memmove(f->output, f->output + drop, have - drop);
	memcpy(f->output + have - drop, buf + n - take, take);
	f->output[have - drop + take] = '\0';
	return true;
}

/* What is left in the pipe; no more than fits, for what the hook left behind may go on writing. */
static void read_rest(int fd, struct hook_failure *f)
{
	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int left = PIPE_HOLDS / READ_SIZE; left > 0 && read_output(fd, f); left--)
		;
}

/* Until the process ends or its time is up; what it leaves behind may keep the pipe for ever. */
static int wait_hook(int pidfd, int out, int timeout_s, struct hook_failure *f)
{
	int64_t end = timeout_s > 0 ? now_ms() + timeout_s * 1000LL : 0;
	struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = out, .events = POLLIN } };

	for (;;) {
		int64_t left = end ? end - now_ms() : -1;

		if (end && left <= 0)
			return -ETIMEDOUT;
		if (poll(p, 2, end ? (int)MIN(left, 60000) : -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents && !read_output(out, f))
			p[1].fd = -1;
		if (p[0].revents & POLLIN) {
			read_rest(p[1].fd, f);
			return 0;
		}
	}
}

static int feed(int fd, const char *state)
{
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = fd_write_all(fd, state, strlen(state));
	return r == -EPIPE ? 0 : r; /* a hook need not read it */
}

static int run_one(const struct spec_hook *hook, const char *state, const struct hook_place *place,
		   struct hook_failure *f)
{
	int in[2], out[2], report[2], pidfd = -1, r, err = 0;
	pid_t pid;

	f->output[0] = '\0';
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	autofd in_r = in[0], in_w = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	autofd out_r = out[0], out_w = out[1];
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	autofd report_r = report[0], report_w = report[1];

	/* The state is smaller than a pipe unless it is huge: then the hook has to read it. */
	fcntl(in_w, F_SETPIPE_SZ, 1 << 20);
	pid = sys_clone3(0, SIGCHLD, &pidfd, -1);
	if (pid == 0)
		become_hook(hook, in_r, out_w, report_w, place);
	if (pid < 0)
		return pid;
	fd_close(fd_steal(&in_r));
	fd_close(fd_steal(&out_w));
	fd_close(fd_steal(&report_w));
	fcntl(in_w, F_SETFL, O_NONBLOCK);
	feed(in_w, state);
	fd_close(fd_steal(&in_w));
	r = wait_hook(pidfd, out_r, hook->timeout, f);
	if (r < 0) {
		kill(-pid, SIGKILL);
		sys_pidfd_send_signal(pidfd, SIGKILL);
	}
	waitpid(pid, &f->status, __WALL);
	close(pidfd);
	if (r == 0 && read(report_r, &err, sizeof(err)) == sizeof(err))
		r = -err;
	return r;
}

/**
 * hooks_run_list() - run @hooks in order until one fails
 * @state: the container's state as JSON
 *
 * Uses no memory allocation: PID 1 calls it too.
 *
 * Return: 0, or -1 with *@failure filled in.
 */
int hooks_run_list(const GPtrArray *hooks, const char *state, const struct hook_place *place,
		   struct hook_failure *failure)
{
	for (guint i = 0; hooks && i < hooks->len; i++) {
		*failure = (struct hook_failure){ .index = i };
		failure->err = -run_one(hooks->pdata[i], state, place, failure);
		if (failure->err || failure->status)
			return -1;
	}
	return 0;
}

/**
 * hooks_describe() - one line about a failed hook
 */
void hooks_describe(enum spec_hook_kind kind, const struct spec_hook *hook,
		    const struct hook_failure *f, char *buf, size_t size)
{
	int n = snprintf(buf, size, "hooks.%s[%d] \"%s\": ", kinds[kind], f->index, hook->path);
	size_t at = n < (int)size ? (size_t)n : size - 1;

	if (f->err == ETIMEDOUT)
		n = snprintf(buf + at, size - at, "did not end within %d s", hook->timeout);
	else if (f->err)
		n = snprintf(buf + at, size - at, "%s", strerror(f->err));
	else if (WIFSIGNALED(f->status))
		n = snprintf(buf + at, size - at, "ended by signal %d", WTERMSIG(f->status));
	else
		n = snprintf(buf + at, size - at, "exit status %d", WEXITSTATUS(f->status));
	at = at + n < size ? at + n : size - 1;
	if (f->output[0])
		snprintf(buf + at, size - at, ": %s", f->output);
	for (char *p = buf; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ' ' : '\0';
}

/**
 * hooks_run() - run the hooks of one kind on the runtime's side
 * @namespaces_pidfd: process whose namespaces they enter, or -1
 * @shared: its user namespace is that of another container too
 */
bool hooks_run(const struct spec *spec, enum spec_hook_kind kind, const char *state,
	       int namespaces_pidfd, bool shared, GError **error)
{
	const struct hook_place place = { .namespaces_pidfd = namespaces_pidfd, .shared = shared };
	const GPtrArray *hooks = spec->hooks[kind];
	struct hook_failure f;
	char text[768];

	if (hooks_run_list(hooks, state, &place, &f) == 0)
		return true;
	hooks_describe(kind, hooks->pdata[f.index], &f, text, sizeof(text));
	return error_set(error, "%s", text);
}

/**
 * hooks_run_all() - run all of one kind, also after one has failed; *@error is the last failure
 */
bool hooks_run_all(const struct spec *spec, enum spec_hook_kind kind, const char *state,
		   GError **error)
{
	const struct hook_place here = { .namespaces_pidfd = -1 };
	const GPtrArray *hooks = spec->hooks[kind];
	bool ok = true;

	for (guint i = 0; hooks && i < hooks->len; i++) {
		GPtrArray one = { .pdata = hooks->pdata + i, .len = 1 };
		struct hook_failure f;
		char text[768];

		if (hooks_run_list(&one, state, &here, &f) == 0)
			continue;
		f.index = i;
		hooks_describe(kind, hooks->pdata[i], &f, text, sizeof(text));
		g_clear_error(error);
		ok = error_set(error, "%s", text);
	}
	return ok;
}
