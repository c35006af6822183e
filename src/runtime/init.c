/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's first process from its birth to its exec.
 *
 * Theory of operation. It is cloned inside the workshop (workshop.c) into all its namespaces but
 * the mount and cgroup ones, which it makes itself once it has ids. It is non-dumpable throughout:
 * the container's root could otherwise attach to it, through an `exec` or a shared pid namespace,
 * and use what it still holds. It shares no memory with any helper, and right before the exec has
 * no descriptor but the standard ones and the close-on-exec socket on which it reports failure.
 *
 *   launcher                        PID 1
 *   writes the id maps        'm'   enters its cgroups, waits
 *   builds the parts          ...   becomes root inside, cgroup namespace, lo up, hostname
 *   tree is ready             't'   copies the tree (locked), joins it, opens the pty
 *                             <---  READY
 *   state is written          's'   drops what it must not have, execs
 */
#include "config.h"
#include "runtime/init.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/assemble.h"
#include "runtime/error.h"
#include "runtime/hooks.h"
#include "runtime/startlink.h"

#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/**
 * child_fail() - tell the launcher why and exit
 * @status: exit status for the launcher; @err: errno to put in words, or 0
 */
void child_fail(int sync, int status, int err, const char *format, ...)
{
	struct child_event e = { .type = CHILD_FAILED, .value = status };
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(e.text, sizeof(e.text), format, args);
	va_end(args);
	len = strlen(e.text);
	if (err)
		snprintf(e.text + len, sizeof(e.text) - len, ": %s", strerror(err));
	fd_send(sync, &e, sizeof(e), NULL, 0);
	_exit(status);
}

/**
 * child_send() - tell the launcher something
 * @value: what that is about, by @type
 * @fd: goes along, and stays ours; or -1
 *
 * If the launcher is gone, so are we.
 */
void child_send(int sync, enum child_event_type type, int value, int fd)
{
	struct child_event e = { .type = type, .value = value };

	if (fd_send(sync, &e, sizeof(e), &fd, fd >= 0 ? 1 : 0) < 0)
		_exit(EXIT_USAGE);
}

/**
 * child_wait() - wait for the launcher's word @what; if the launcher is gone, so are we
 */
void child_wait(int sync, char what, int *ret_fd)
{
	size_t n = 0;
	char c = 0;

	if (fd_recv(sync, &c, 1, ret_fd, ret_fd ? 1 : 0, &n) != 1 || c != what)
		_exit(EXIT_USAGE);
	if (ret_fd && n == 0)
		*ret_fd = -1;
}

static void loopback_up(int sync)
{
	autofd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		child_fail(sync, EXIT_USAGE, errno, "bring up the loopback device");
}

/*
 * Of the launcher's descriptors (the host's root, its mount namespace, the state, the lock that
 * says somebody looks after the container) keep only what we work with.
 */
static void close_inherited(const struct init_args *a)
{
	int keep[CGROUP_MAX_HIERARCHIES + 8 + INIT_PRESERVE_MAX] = { 0, 1, 2, a->base_fd,
								     a->common.sync };
	int n = 5;

	if (a->start_fd >= 0)
		keep[n++] = a->start_fd;
	for (int i = 0; i < a->common.preserve_fds; i++)
		keep[n++] = 3 + i;

	for (int i = 0; i < 3; i++)
		if (a->common.stdio[i] >= 0)
			keep[n++] = a->common.stdio[i];
	for (int i = 0; i < a->n_tasks_fds; i++)
		keep[n++] = a->tasks_fds[i];
	fd_close_all_but(keep, n);
}

/*
 * Where the container's terminal will be, nothing of the launcher's stays open: an engine waits for
 * the end of what the launcher writes to.
 */
static void leave_stdio(const struct child_common *c)
{
	for (int i = 0; i < 3; i++)
		if (c->pty[i] && dup2(c->null, i) < 0)
			child_fail(c->sync, EXIT_USAGE, errno, "standard descriptor %d", i);
}

/* From here on we are uid 0 of our own user namespace, and nobody outside it. */
static void become_root_inside(int sync)
{
	if (setresgid(0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresuid(0, 0, 0) < 0)
		child_fail(sync, EXIT_USAGE, errno, "become root in the user namespace");
	child_hide();
}

/* A new namespace begins with the names of the one it was made in: the host's. */
static void set_names(const struct init_args *a)
{
	const char *host = a->spec->hostname ?: "localhost";
	const char *domain = a->spec->domainname ?: "(none)";

	if (sethostname(host, strlen(host)) < 0)
		child_fail(a->common.sync, EXIT_USAGE, errno, "set the hostname \"%s\"", host);
	if (setdomainname(domain, strlen(domain)) < 0)
		child_fail(a->common.sync, EXIT_USAGE, errno, "set the domain name \"%s\"", domain);
}

/* The launcher may be long gone: who starts us speaks on a connection of its own. */
static void wait_for_start(struct init_args *a)
{
	int fd;

	if (a->start_fd < 0) {
		child_wait(a->common.sync, CHILD_GO_START, NULL);
		return;
	}
	close(a->common.sync);
	fd = startlink_accept(a->start_fd);
	if (fd < 0)
		_exit(EXIT_USAGE);
	a->common.sync = fd;
	close(a->start_fd);
}

static void confine_hook(int sync, const void *arg)
{
	child_confine_hook(arg, sync);
}

static void run_start_hooks(const struct init_args *a)
{
	const GPtrArray *hooks = a->spec->hooks[SPEC_HOOK_START_CONTAINER];
	const struct hook_place place = {
		.namespaces_pidfd = -1,
#ifndef MUTANT_START_HOOK_FREE
		.confine = confine_hook,
#endif
		.arg = &a->common,
		.sync = a->common.sync,
	};
	struct hook_failure f;
	char text[480];

	if (!hooks || hooks_run_list(hooks, a->state, &place, &f) == 0)
		return;
	hooks_describe(SPEC_HOOK_START_CONTAINER, hooks->pdata[f.index], &f, text, sizeof(text));
	child_fail(a->common.sync, EXIT_USAGE, 0, "%s", text);
}

static void set_up_namespaces(const struct init_args *a)
{
	int sync = a->common.sync;
	int r;

	if (setsid() < 0)
		child_fail(sync, EXIT_USAGE, errno, "start a session");
	if (unshare(CLONE_NEWCGROUP | (a->new_ipc ? CLONE_NEWIPC : 0)) < 0)
		child_fail(sync, EXIT_USAGE, errno, "make cgroup and ipc namespaces");
	if (a->new_uts)
		set_names(a);
	if (a->new_net)
		loopback_up(sync);
#ifndef MUTANT_KEYRING_KEPT
	r = sys_keyctl_new_session("container");
	if (r < 0 && r != -ENOSYS && r != -EDQUOT)
		child_fail(sync, EXIT_USAGE, -r, "make a session keyring");
#endif
}

/**
 * init_main() - the whole life of PID 1 before the command
 *
 * Called in the child of clone3(2); the launcher's memory is a private copy.
 */
void init_main(struct init_args *a)
{
	int sync = a->common.sync;
	int slave = -1, r;

	child_hide();
	leave_stdio(&a->common);
	r = lsm_apply(a->lsm, a->host_proc);
	if (r < 0)
		child_fail(sync, EXIT_USAGE, -r, "take the AppArmor profile or SELinux label");
	close_inherited(a);
	child_reset_inherited();
#ifndef MUTANT_KEYRING_KEPT
	/*
	 * Out of the caller's session keyring while the quota is the host root's; one with the
	 * container's ids follows, but may fail if keys of a predecessor with the same ids still
	 * count.
	 */
	r = sys_keyctl_new_session("container");
	if (r < 0 && r != -ENOSYS)
		child_fail(sync, EXIT_USAGE, -r, "make a session keyring");
#endif
	r = cgroup_enter_self(a->tasks_fds, a->n_tasks_fds);
	if (r < 0)
		child_fail(sync, EXIT_USAGE, -r, "enter the container's cgroups");
	child_wait(sync, CHILD_GO_MAPS, NULL);
	become_root_inside(sync);
	set_up_namespaces(a);
	child_wait(sync, CHILD_GO_TREE, &a->rw_root_fd);
	assemble(a);
	if (a->start_fd >= 0 && a->spec->has_process)
		child_check_command(&a->common);
	child_open_pty(&a->common, &slave);
	child_send(sync, CHILD_READY, 0, -1);
	wait_for_start(a);
	if (!a->spec->has_process)
		child_fail(a->common.sync, EXIT_USAGE, 0,
			   "process: the specification has none to start");
	run_start_hooks(a);
	child_become(&a->common, slave);
}
