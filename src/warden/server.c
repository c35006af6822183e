/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting cloister-fs: with open descriptors for everything, and nothing else.
 */
#include "config.h"
#include "warden/warden.h"

#include "lib/facts.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER_START_MS 8000
#define SERVER_TRY_MS	1500 /* where there is another one to start */
#define FIRST_FD	10   /* where the inherited descriptors are put in the child */
#define MAX_ARGS	(32 + 2 * FACT_MAX_FDS)

/* The command line, in one piece of memory that is only used between fork and exec. */
struct command {
	char *argv[MAX_ARGS];
	int argc;
	char text[MAX_ARGS * 40];
	size_t used;
};

static void add_arg(struct command *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_arg(struct command *cmd, const char *format, ...)
{
	size_t left = sizeof(cmd->text) - cmd->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(cmd->text + cmd->used, left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= left || cmd->argc + 1 >= MAX_ARGS)
		_exit(1);
	cmd->argv[cmd->argc++] = cmd->text + cmd->used;
	cmd->argv[cmd->argc] = NULL;
	cmd->used += n + 1;
}

/* Put @fd where the program will find it and say so; the numbers count up from FIRST_FD. */
static int place_fd(int fd, int *next)
{
	if (dup3(fd, *next, 0) < 0)
		_exit(1);
	return (*next)++;
}

static void build_command(struct command *cmd, const struct warden *w, int *program, int ready,
			  bool resume, const struct fact_fd *facts, int n_facts)
{
	int next = FIRST_FD;

	add_arg(cmd, "cloister-fs");
	add_arg(cmd, "--fuse-fd");
	add_arg(cmd, "%d", place_fd(w->fuse_fd, &next));
	add_arg(cmd, "--values-fd");
	add_arg(cmd, "%d", place_fd(w->values_fd, &next));
	add_arg(cmd, "--ask-fd");
	add_arg(cmd, "%d", place_fd(w->ask_server_fd, &next));
	add_arg(cmd, "--init-fd");
	add_arg(cmd, "%d", place_fd(w->init_fd, &next));
	add_arg(cmd, "--ready-fd");
	add_arg(cmd, "%d", place_fd(ready, &next));
	add_arg(cmd, "--owner");
	add_arg(cmd, "%u:%u", w->hello.uid, w->hello.gid);
	add_arg(cmd, "--boot-offset");
	add_arg(cmd, "%" PRId64, w->hello.boot_offset);
	add_arg(cmd, "--name");
	add_arg(cmd, "%s", w->hello.id);
	if (resume)
		add_arg(cmd, "--resume");
	for (int i = 0; i < n_facts; i++) {
		add_arg(cmd, "--source");
		add_arg(cmd, "%s:%d", facts[i].name, place_fd(facts[i].fd, &next));
	}
	*program = dup3(*program, next++, O_CLOEXEC);
	sys_close_range(next, ~0U, 0);
	sys_close_range(3, FIRST_FD - 1, 0);
}

/* No user, no groups, no capability, and no way to get one. */
static void drop_privileges(void)
{
#ifndef MUTANT_FS_CAPABLE
	if (sys_drop_privileges() < 0)
		_exit(1);
#endif
}

static void exec_server(struct warden *w, int program, int ready, bool resume,
			const struct fact_fd *facts, int n_facts)
{
	static struct command cmd;
	char *envp[] = { NULL };
	sigset_t none;
	int high = FIRST_FD + FACT_MAX_FDS + 16;
	struct fact_fd moved[FACT_MAX_FDS];

	/* Known to the twin from the first moment, even if the warden dies before it could say so.
	 */
	proc_identify(getpid(), &w->shared->server);
	/* Out of the way of the numbers that are handed out. */
	for (int i = 0; i < n_facts; i++) {
		moved[i] = facts[i];
		moved[i].fd = fcntl(facts[i].fd, F_DUPFD_CLOEXEC, high);
	}
	w->fuse_fd = fcntl(w->fuse_fd, F_DUPFD_CLOEXEC, high);
	w->values_fd = fcntl(w->values_fd, F_DUPFD_CLOEXEC, high);
	w->ask_server_fd = fcntl(w->ask_server_fd, F_DUPFD_CLOEXEC, high);
	w->init_fd = fcntl(w->init_fd, F_DUPFD_CLOEXEC, high);
	ready = fcntl(ready, F_DUPFD_CLOEXEC, high);
	program = fcntl(program, F_DUPFD_CLOEXEC, high);
	build_command(&cmd, w, &program, ready, resume, moved, n_facts);
	drop_privileges();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Not by its path: that may be below a directory of somebody's own, as a home is. */
	fexecve(program, cmd.argv, envp);
	_exit(127);
}

static int controller_dir(const char *controller, void *arg)
{
	bool v2 = false;
	int fd = cgroup_controller_fd(arg, controller, &v2);

	return fd >= 0 && v2 == (controller[0] == '\0') ? fd : -1;
}

/* The procfs of the container, or a socket over which server_send_pids() will send it. */
static int pids_source(struct warden *w)
{
	int pair[2];

	if (w->pids_fd >= 0)
		return fcntl(w->pids_fd, F_DUPFD_CLOEXEC, 3);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	if (w->pids_link >= 0)
		close(w->pids_link);
	w->pids_link = pair[0];
	return pair[1];
}

/**
 * server_send_pids() - the container's procfs is there: @fds, which the warden keeps
 * @n: 2 if its /proc/net/dev comes along, else 1
 */
void server_send_pids(struct warden *w, const int *fds, size_t n)
{
	w->pids_fd = fds[0];
	w->devices_fd = n > 1 ? fds[1] : -1;
	if (w->pids_link < 0)
		return;
	fd_send(w->pids_link, "1", 1, fds, n > 1 ? 2 : 1);
	close(w->pids_link);
	w->pids_link = -1;
}

/* Where the container's limit of swap is, if it is to be switched, and nobody else's. */
static void open_swap(struct warden *w, const struct cgroups *cg)
{
	struct notify *n = &w->notify;
	int dir;

	if (n->swap_state < 0 || n->swap_dir >= 0 || !w->hello.record.cgroup_own)
		return;
	dir = cgroup_controller_fd(cg, "memory", &n->swap_v2);
	n->swap_dir = dir < 0 ? -1 : fcntl(dir, F_DUPFD_CLOEXEC, 3);
}

/* Where sysctls_confine() will need it: before the container begins, and if it has no other guests.
 */
static void open_sysctls_group(struct warden *w, const struct cgroups *cg)
{
	int dir = w->natives_map >= 0 && w->hello.record.cgroup_own ? cgroup_v2_fd(cg) : -1;

	if (dir >= 0)
		w->sysctls_group = fcntl(dir, F_DUPFD_CLOEXEC, 3);
}

static int open_facts(struct warden *w, struct fact_fd *fds)
{
	struct cgroups cg = { 0 };
	autofd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int n = 0;

	if (w->hierarchies)
		cg = *w->hierarchies;
	else
		n = cgroup_detect(&cg);
	w->hierarchies = NULL;
	if (n == 0)
		n = cgroup_open(&cg, w->hello.record.cgroup);
	if (n >= 0)
		n = facts_open_all(root, controller_dir, &cg, fds, FACT_MAX_FDS - 3);
	if (n >= 0)
		open_swap(w, &cg);
	if (n >= 0)
		open_sysctls_group(w, &cg);
	cgroup_free(&cg);
	if (n >= 0 && (fds[n].fd = pids_source(w)) >= 0)
		fds[n++].name = fact_sources[FACT_PIDS].name;
	if (n >= 0 && w->devices_fd >= 0 &&
	    (fds[n].fd = fcntl(w->devices_fd, F_DUPFD_CLOEXEC, 3)) >= 0)
		fds[n++].name = fact_sources[FACT_NET_DEV].name;
	/* That it is there says it all. */
	if (n >= 0 && w->notify.swap_dir >= 0 &&
	    (fds[n].fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		fds[n++].name = fact_sources[FACT_SWAP].name;
	return n;
}

static int wait_ready(int ready, int timeout_ms)
{
	struct pollfd p = { .fd = ready, .events = POLLIN };
	char c;
	int r;

	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return -ETIMEDOUT;
	return read(ready, &c, 1) == 1 ? 0 : -EIO;
}

/* Starts @program and waits until it answers. */
static int start_program(struct warden *w, int program, int timeout_ms, bool resume,
			 const struct fact_fd *facts, int n_facts)
{
	int pipefd[2], looked = -1, r;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return -errno;
	pid = sys_clone3(0, SIGCHLD, &w->server_pidfd, -1);
	if (pid == 0)
		exec_server(w, program, pipefd[1], resume, facts, n_facts);
	close(pipefd[1]);
	/* While it loads. */
	if (pid > 0 && !resume)
		looked = lookup_start(w->notify.views_fd);
	r = pid < 0 ? pid : wait_ready(pipefd[0], timeout_ms);
	close(pipefd[0]);
	if (looked >= 0)
		lookup_wait(looked, w->server_pidfd);
	if (pid > 0)
		fcntl(w->server_pidfd, F_SETFD, FD_CLOEXEC);
	return r;
}

static void end_failed(struct warden *w)
{
	siginfo_t info;

	if (w->server_pidfd < 0)
		return;
	sys_pidfd_send_signal(w->server_pidfd, SIGKILL);
	waitid(P_PIDFD, w->server_pidfd, &info, WEXITED);
	close(w->server_pidfd);
	w->server_pidfd = -1;
}

/**
 * server_start() - start cloister-fs and wait until it answers
 * @resume: it takes over a mount that another one served
 *
 * What is installed now is started, so a restart is also an upgrade; if that fails, the program
 * that ran before, which is kept open.
 */
int server_start(struct warden *w, bool resume)
{
	struct fact_fd facts[FACT_MAX_FDS];
	int n_facts = open_facts(w, facts), r;
	autofd installed = open(w->hello.server, O_PATH | O_CLOEXEC);

	if (n_facts < 0)
		return n_facts;
	w->server_pidfd = -1;
	if (installed < 0)
		r = -errno;
	else
		r = start_program(w, installed, w->program_fd < 0 ? SERVER_START_MS : SERVER_TRY_MS,
				  resume, facts, n_facts);
	if (r < 0 && w->program_fd >= 0) {
		end_failed(w);
		r = start_program(w, w->program_fd, SERVER_START_MS, resume, facts, n_facts);
	} else if (r == 0) {
		if (w->program_fd >= 0)
			close(w->program_fd);
		w->program_fd = fd_steal(&installed);
	}
	facts_close_all(facts, n_facts);
	return r;
}
