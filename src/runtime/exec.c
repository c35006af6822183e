/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another process in a container that runs: all its namespaces (time too), its cgroups, and the
 * same capabilities, filter and views as PID 1.
 *
 * Theory of operation. Here, unlike at the start, hostile processes are already inside. A first
 * child joins the namespaces: it stays outside the container's pid namespace itself and so is
 * invisible. Its own child is born inside, as a sibling (CLONE_PARENT), and is visible from its
 * first moment: it is non-dumpable, and holds nothing but the standard descriptors and the socket
 * on which it reports. What it opens inside (a pty) it looks at before it sends it, and the
 * launcher before use.
 */
#include "config.h"
#include "runtime/exec.h"

#include "lib/fd.h"
#include "lib/rundir.h"
#include "lib/sys.h"
#include "runtime/console.h"
#include "runtime/container.h"
#include "runtime/error.h"
#include "runtime/init.h"
#include "runtime/limits.h"
#include "runtime/lsm.h"
#include "runtime/mediation.h"
#include "runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long what was killed may take to end. */
#define ABORT_MS 1000

static const int namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
			      CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWTIME;

/*
 * Only the socket, the standard descriptors and what the command inherits come along: PID 1 could
 * otherwise reach the rest. They follow the inherited ones, without a gap.
 */
static void keep_only(struct child_common *c)
{
	int fds[3], next = 3 + c->preserve_fds;

	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(c->pty[i] ? c->null : c->stdio[i], F_DUPFD_CLOEXEC, 100);
	c->sync = fcntl(c->sync, F_DUPFD_CLOEXEC, 100);
	for (int i = 0; i < 3; i++)
		c->stdio[i] = fds[i] < 0 ? i : dup3(fds[i], next + i, O_CLOEXEC);
	c->sync = dup3(c->sync, next + 3, O_CLOEXEC);
	sys_close_range(next + 4, ~0U, 0);
	/* Where the pty will be, not even the number of the host's terminal stays open. */
	for (int i = 0; i < 3; i++)
		dup2(c->stdio[i], i);
}

static void process_inside(struct child_common *c)
{
	int slave = -1;

	child_hide();
	/* Until the launcher knows our pid: what we send must not overtake the joiner's word. */
	child_wait(c->sync, CHILD_GO_TREE, NULL);
	if (setsid() < 0)
		child_fail(c->sync, EXIT_USAGE, errno, "start a session");
	sys_keyctl_new_session("container");
	child_open_pty(c, &slave);
	child_send(c->sync, CHILD_READY, 0, -1);
	child_wait(c->sync, CHILD_GO_START, NULL);
	child_become(c, slave);
}

/*
 * Out of the caller's session keyring while we still have the host root's quota: inside, the
 * container decides how much is left of its own, and what fails there would leave the caller's keys
 * in reach.
 */
static void leave_keyring(int sync)
{
	int r = sys_keyctl_new_session("container");

	if (r < 0 && r != -ENOSYS)
		child_fail(sync, EXIT_USAGE, -r, "make a session keyring");
}

/* The process proper, which is forked from here, inherits it. */
static void take_profile(int sync, const struct lsm *lsm)
{
	autofd proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = proc < 0 ? -errno : lsm_apply(lsm, proc);

	if (r < 0)
		child_fail(sync, EXIT_USAGE, -r, "take the AppArmor profile or SELinux label");
}

/*
 * The cgroups of PID 1 as they are now: in v1 as descriptors through which the joiner moves itself,
 * in v2 as the directory in which it is born (where PID 1 has gone since, if the container divided
 * its own cgroup: v2 takes no process into a cgroup that is divided).
 */
struct exec_cgroups {
	struct cgroups all;
	int v2;
	int tasks[CGROUP_MAX_HIERARCHIES];
	int n_tasks;
};

/* Where process @pid is in the hierarchy @h of v2. Return: a descriptor, or -1. */
static int open_place_of(const struct cgroup_hierarchy *h, pid_t pid)
{
	static char text[CGROUP_MAX_HIERARCHIES * PATH_MAX];
	g_autofree char *below = NULL;
	char path[64];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (fd_read_file_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -1;
	line = g_str_has_prefix(text, "0::/") ? text : strstr(text, "\n0::/");
	if (!line)
		return -1;
	line = strchr(line, '/') + 1;
	below = g_strndup(line, strcspn(line, "\n"));
	return openat(h->mount_fd, *below ? below : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * The container decides where its PID 1 is, and so whether we find that place: the kernel tells
 * nobody of a path that is longer than PATH_MAX. Then it is the cgroup that the launcher made for
 * it; where we are ourselves no limit of the container holds.
 * @ret: receives a descriptor, or -1: the container has no cgroup of v2
 */
static int open_v2_of(const struct cgroups *cg, pid_t pid, int *ret)
{
	*ret = -1;
	for (int i = 0; i < cg->n; i++) {
		const struct cgroup_hierarchy *h = &cg->h[i];

		if (!h->v2)
			continue;
		*ret = open_place_of(h, pid);
#ifndef MUTANT_EXEC_UNLIMITED
		if (*ret < 0 && h->dir_fd >= 0) {
			*ret = fcntl(h->dir_fd, F_DUPFD_CLOEXEC, 0);
			return *ret < 0 ? -errno : 0;
		}
#endif
	}
	return 0;
}

static bool open_cgroups(struct exec_cgroups *c, const struct rundir_record *record, GError **error)
{
	int r = cgroup_detect(&c->all);

	c->v2 = -1;
	if (r == 0)
		r = cgroup_open(&c->all, record->cgroup);
	if (r >= 0)
		r = c->n_tasks = cgroup_tasks_fds(&c->all, c->tasks);
	if (r >= 0)
		r = open_v2_of(&c->all, record->init.pid, &c->v2);
	return r >= 0 || error_set_errno(error, r, "open the container's cgroups");
}

static void close_cgroups(struct exec_cgroups *c)
{
	for (int i = 0; i < c->n_tasks; i++)
		close(c->tasks[i]);
	if (c->v2 >= 0)
		close(c->v2);
	cgroup_free(&c->all);
}

/* The first child: joins, and has the process proper born inside. */
static void join(struct child_common *c, const struct exec_cgroups *cgroups, int init_pidfd,
		 const struct lsm *lsm)
{
	pid_t pid;
	int r;

	child_reset_inherited();
	r = cgroup_enter_self(cgroups->tasks, cgroups->n_tasks);
	child_hide();
	if (sys_leave_session() < 0)
		child_fail(c->sync, EXIT_USAGE, errno, "start a session");
	if (r < 0)
		child_fail(c->sync, EXIT_USAGE, -r, "enter the container's cgroups");
	leave_keyring(c->sync);
	take_profile(c->sync, lsm);
	child_wait(c->sync, CHILD_GO_MAPS, NULL);
	if (setns(init_pidfd, namespaces) < 0)
		child_fail(c->sync, EXIT_USAGE, errno, "join the container's namespaces");
	keep_only(c);
	if (setresgid(0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresuid(0, 0, 0) < 0)
		child_fail(c->sync, EXIT_USAGE, errno, "become root in the user namespace");
	child_hide();
	pid = sys_clone3(CLONE_PARENT, 0, NULL, -1);
	if (pid == 0)
		process_inside(c);
	if (pid < 0)
		child_fail(c->sync, EXIT_USAGE, -pid, "clone the process");
	child_send(c->sync, CHILD_PID, pid, -1);
	_exit(0);
}

static bool open_init(struct exec *e, int dir, struct rundir_record *record, int *pidfd,
		      GError **error)
{
	if (dir < 0 || rundir_read_record(dir, record) < 0)
		return error_set(
			error,
			"container \"%s\" does not exist; `cloister list` shows those that do",
			e->id);
	*pidfd = proc_open(&record->init);
	return *pidfd >= 0 || error_set(error, "container \"%s\" is not running", e->id);
}

static bool talk(struct exec *e, int sync, pid_t joiner, GError **error)
{
	if (!e->keep_limits)
		limits_reset(joiner);
	if (write(sync, &(char){ CHILD_GO_MAPS }, 1) != 1)
		return error_set_errno(error, -errno, "talk to the process");
	if (!container_receive(sync, &e->console, &e->pid, CHILD_PID, error))
		return false;
	e->pidfd = sys_pidfd_open(e->pid);
	if (write(sync, &(char){ CHILD_GO_TREE }, 1) != 1)
		return error_set_errno(error, -errno, "talk to the process");
	if (!container_receive(sync, &e->console, NULL, CHILD_READY, error))
		return false;
	if (e->console >= 0 && !console_check(e->console, error))
		return false;
	console_set_size(e->console, &e->spec->process);
	/* Now that it has opened all that it needs: few descriptors are the command's affair. */
	if (!limits_set(e->pid, &e->spec->process, error) ||
	    !limits_schedule(e->pid, &e->spec->process,
			     e->spec->process.cpu_affinity_final
				     ?: e->spec->process.cpu_affinity_initial,
			     error))
		return false;
	if (write(sync, &(char){ CHILD_GO_START }, 1) != 1)
		return error_set_errno(error, -errno, "talk to the process");
	return true;
}

static bool wait_exec(const struct exec *e, int dir, int sync, const struct rundir_record *record,
		      const struct seccomp *seccomp, GError **error)
{
	const struct seccomp_process who = { .id = e->id,
					     .bundle = e->spec->bundle ?: "",
					     .status = "running",
					     .init = record->init.pid,
					     .pid = e->pid,
					     .annotations = e->spec->annotations,
					     .dir_fd = dir,
					     .pidfd = -1 };

	return container_wait_exec(sync, seccomp, &who, error);
}

static bool run(struct exec *e, const struct seccomp *seccomp, const struct lsm *lsm,
		GError **error)
{
	struct exec_cgroups cgroups = { 0 };
	autofd dir = rundir_enter(e->root_fd, e->id);
	struct rundir_record record;
	autofd init = -1;
	int pair[2];
	pid_t joiner;
	bool ok;

	if (!open_init(e, dir, &record, &init, error) || !open_cgroups(&cgroups, &record, error))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set_errno(error, -errno, "make a socket pair");
	autofd ours = pair[0];
	autofd theirs = pair[1];

#ifndef MUTANT_EXEC_DEAF
	/* Where a process inside has ours wait, signals end us: see container_receive(). */
	fcntl(ours, F_SETFL, O_NONBLOCK);
#endif
	joiner = sys_clone3(0, SIGCHLD, NULL, cgroups.v2);
	if (joiner == 0) {
		struct child_common c = { .sync = theirs,
					  .process = &e->spec->process,
					  .preserve_fds = e->preserve_fds,
					  .personality = e->spec->personality,
					  .seccomp = seccomp };

		c.null = open("/dev/null", O_RDWR | O_CLOEXEC);
		memcpy(c.stdio, e->stdio, sizeof(c.stdio));
		memcpy(c.pty, e->pty, sizeof(c.pty));
		close(ours);
		join(&c, &cgroups, init, lsm);
	}
	close_cgroups(&cgroups);
	fd_close(fd_steal(&theirs));
	if (joiner < 0)
		return error_set_errno(error, joiner, "clone");
	ok = talk(e, ours, joiner, error);
	/* One that still waits for a word hears that there will be none. */
	if (!ok)
		shutdown(ours, SHUT_RDWR);
	/* It is in the container's cgroup, which the container may have frozen before it could end.
	 */
	kill(joiner, SIGKILL);
	waitpid(joiner, NULL, __WALL);
	ok = ok && wait_exec(e, dir, ours, &record, seccomp, error);
	if (!ok && e->pidfd >= 0)
		exec_abort(e);
	return ok;
}

/**
 * exec_start() - start spec->process in the container
 *
 * On success the process runs and is our child (wait with __WALL).
 */
bool exec_start(struct exec *e, GError **error)
{
	struct seccomp seccomp = { 0 };
	struct lsm lsm = { 0 };
	bool ok;

	e->pidfd = e->console = -1;
	ok = limits_cap_realtime(&e->spec->process, e->inside.rtprio, error) &&
	     lsm_prepare(&e->spec->process, &lsm, error) &&
	     seccomp_prepare(e->spec->seccomp, e->root_fd, &seccomp, error);
	if (ok) {
		mediation_prepare(&e->inside, &seccomp);
		ok = run(e, &seccomp, &lsm, error);
	}
	lsm_clear(&lsm);
	seccomp_clear(&seccomp);
	return ok;
}

/**
 * exec_abort() - end what exec_start() started
 *
 * If it waits for a file system of the container's, or is frozen, it ends with the container.
 */
void exec_abort(struct exec *e)
{
	struct pollfd end = { .fd = e->pidfd, .events = POLLIN };

	sys_pidfd_send_signal(e->pidfd, SIGKILL);
#ifdef MUTANT_ABORT_ENDLESS
	poll(&end, 1, -1);
#endif
	if (poll(&end, 1, ABORT_MS) == 1)
		waitpid(e->pid, NULL, __WALL);
}
