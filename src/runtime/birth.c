/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The birth of a container's first process.
 *
 * Where everything is new one clone does it. A user namespace that exists already can only be
 * joined, and what is joined with it only from there: a first child does that, outside the pid
 * namespace and so invisible in it, and has the process proper born as its sibling (CLONE_PARENT).
 */
#include "config.h"
#include "runtime/birth.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/init.h"
#include "runtime/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Enter the network that the engine made, and come back: for the clone and what it needs first. */
static int in_foreign_net(const struct nsjoin *join, int host_proc, int *ret_own)
{
	int own, r;

	*ret_own = -1;
	if (!join->foreign_net)
		return 0;
	own = openat(host_proc, "self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(join->fds[SPEC_NS_NETWORK], CLONE_NEWNET) < 0)
		return -errno;
	*ret_own = own;
	r = nsjoin_prepare_foreign_net(join, host_proc);
	return r;
}

static void leave_foreign_net(int own)
{
	if (own < 0)
		return;
	/* In the wrong network nothing that follows would mean what it says. */
	if (setns(own, CLONE_NEWNET) < 0)
		_exit(EXIT_USAGE);
	close(own);
}

/* The first child: joins, has PID 1 born there, says its pid. */
static void be_joiner(struct init_args *args, const struct nsjoin *join)
{
	uint64_t new = nsjoin_new(join);
	int sync = args->common.sync;
	int r = cgroup_enter_self(args->tasks_fds, args->n_tasks_fds);
	pid_t pid;

	child_hide();
	if (r < 0)
		child_fail(sync, EXIT_USAGE, -r, "enter the container's cgroups");
	r = nsjoin_enter_owned(join);
	if (r < 0)
		child_fail(sync, EXIT_USAGE, -r, "join the other container's namespaces");
	child_hide();
	if (unshare(new & ~(uint64_t)(CLONE_NEWPID | CLONE_NEWUSER)) < 0)
		child_fail(sync, EXIT_USAGE, errno, "make namespaces");
	args->n_tasks_fds = 0; /* inherited from us */
	pid = sys_clone3(CLONE_PARENT | (new &CLONE_NEWPID), 0, NULL, -1);
	if (pid == 0)
		init_main(args);
	if (pid < 0)
		child_fail(sync, EXIT_USAGE, -pid, "clone the container's first process");
	child_send(sync, CHILD_PID, pid, -1);
	_exit(0);
}

static bool learn_pid(struct container *c, pid_t joiner, GError **error)
{
	bool ok = container_receive(c->sync, NULL, &c->pid, CHILD_PID, error);

	waitpid(joiner, NULL, __WALL);
	if (!ok)
		return false;
	c->pidfd = sys_pidfd_open(c->pid);
	return c->pidfd >= 0 ||
	       error_set_errno(error, c->pidfd, "find the container's first process");
}

/* Its user namespace is to be its own root's: see owner.c. */
static pid_t clone_owned(struct container *c)
{
	struct owner_before before;
	int r;
	pid_t pid;

#ifndef MUTANT_OWNED_BY_ROOT
	r = owner_become(c->claim.base, &before);
#else
	r = owner_become(0, &before);
#endif
	if (r < 0)
		return r;
	pid = sys_clone3(nsjoin_new(&c->join), SIGCHLD, &c->pidfd, cgroup_v2_fd(&c->cgroups));
	if (pid != 0)
		owner_leave(&before);
	return pid;
}

static bool born_new(struct container *c, struct init_args *args, int our_end, GError **error)
{
	c->pid = clone_owned(c);
	if (c->pid == 0) {
		/* Our end in the child: were it open, the child would not see us die. */
		close(our_end);
		init_main(args);
	}
	return c->pid > 0 || error_set_errno(error, c->pid, "clone the container's first process");
}

static bool born_joined(struct container *c, struct init_args *args, int our_end, GError **error)
{
	pid_t joiner = sys_clone3(0, SIGCHLD, NULL, cgroup_v2_fd(&c->cgroups));

	if (joiner == 0) {
		close(our_end);
		be_joiner(args, &c->join);
	}
	close(args->common.sync);
	args->common.sync = -1;
	if (joiner < 0)
		return error_set_errno(error, joiner, "clone");
	return learn_pid(c, joiner, error);
}

static bool give_birth(struct container *c, struct init_args *args, int our_end, int host_proc,
		       GError **error)
{
	int own_net, r = in_foreign_net(&c->join, host_proc, &own_net);
	bool ok = r < 0 ? error_set_errno(error, r, "enter the network namespace")
		  : c->join.fds[SPEC_NS_USER] >= 0 ? born_joined(c, args, our_end, error)
						   : born_new(c, args, our_end, error);

	leave_foreign_net(own_net);
	return ok;
}

/**
 * birth_clone() - make PID 1, in all namespaces but the mount one (it is in the workshop's) and the
 * cgroup one. It waits for CHILD_GO_MAPS.
 */
bool birth_clone(struct container *c, const struct workshop *shop, GError **error)
{
	int tasks[CGROUP_MAX_HIERARCHIES], pair[2];
	int n_tasks = cgroup_tasks_fds(&c->cgroups, tasks);
	struct init_args args = {
		.common = { .process = &c->spec->process,
			    .console = true,
			    .preserve_fds = c->preserve_fds,
			    .personality = c->spec->personality,
			    .null = c->null_fd,
			    .seccomp = &c->seccomp },
		.spec = c->spec,
		.plan = &c->plan,
		.cgroups = &c->cgroups,
		.tasks_fds = tasks,
		.n_tasks_fds = n_tasks,
		.lsm = &c->lsm,
		.host_proc = shop->host_proc,
		.base_fd = shop->base,
		.start_fd = c->start_fd,
		.state = c->state_inside,
		.new_ipc = c->join.fds[SPEC_NS_IPC] < 0,
		.new_net = c->join.fds[SPEC_NS_NETWORK] < 0,
		.new_uts = c->join.fds[SPEC_NS_UTS] < 0,
		.rw_root_fd = -1,
	};
	bool ok;

	if (n_tasks < 0)
		return error_set_errno(error, n_tasks, "open the container's cgroups");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set_errno(error, -errno, "make a socket pair");
	args.common.sync = pair[1];
	memcpy(args.common.stdio, c->stdio, sizeof(c->stdio));
	memcpy(args.common.pty, c->pty, sizeof(c->pty));
	c->sync = pair[0];
	ok = give_birth(c, &args, pair[0], shop->host_proc, error);
	for (int i = 0; i < n_tasks; i++)
		close(tasks[i]);
	if (args.common.sync >= 0)
		close(args.common.sync);
	return ok;
}

/**
 * birth_tell() - a byte of the protocol. If PID 1 is gone it has left word of why.
 */
bool birth_tell(struct container *c, char what, int fd, GError **error)
{
	int r = fd_send(c->sync, &what, 1, &fd, fd >= 0);

	if (r == 0)
		return true;
	container_receive(c->sync, NULL, NULL, 0, error);
	return error && *error ? false
			       : error_set_errno(error, r, "talk to the container's process");
}

static bool write_map(struct container *c, int host_proc, const char *file, GError **error)
{
	char path[64], map[64];
	int r;

	g_snprintf(path, sizeof(path), "%d/%s", (int)c->pid, file);
	g_snprintf(map, sizeof(map), "0 %u %u", c->claim.base, c->claim.count);
	r = fd_write_file_at(host_proc, path, map);
	return r == 0 || error_set_errno(error, r, "write %s", file);
}

/**
 * birth_map_ids() - give a new user namespace its range of ids
 */
bool birth_map_ids(struct container *c, int host_proc, GError **error)
{
	if (c->join.fds[SPEC_NS_USER] >= 0)
		return true;
	return write_map(c, host_proc, "uid_map", error) &&
	       write_map(c, host_proc, "gid_map", error);
}
