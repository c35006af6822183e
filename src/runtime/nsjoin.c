/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces that a specification names by path.
 *
 * Each is opened once; what counts from then on is the descriptor, and the user namespace that owns
 * what it stands for. Pid, ipc, uts (and network) namespaces of another Cloister container: the new
 * one joins that one's user namespace, since only there it has power over them. A network namespace
 * that the host's user namespace owns was made by an engine (Podman, CNI): the container runs in it
 * without power over it. Anything else of the host's is refused.
 */
#include "config.h"
#include "runtime/nsjoin.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUSED                                                                                    \
	"error in the container spec: invalid or unsupported container spec: cloister containers " \
	"can't share "
#define BECAUSE "the host (because they use the linux user-namespace for isolation)"

static const struct {
	const char *name; /* in /proc/self/ns */
	const char *oci;
	int type;
} kinds[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = { "user", "user", CLONE_NEWUSER },
	[SPEC_NS_MOUNT] = { "mnt", "mount", CLONE_NEWNS },
	[SPEC_NS_PID] = { "pid", "pid", CLONE_NEWPID },
	[SPEC_NS_NETWORK] = { "net", "network", CLONE_NEWNET },
	[SPEC_NS_IPC] = { "ipc", "ipc", CLONE_NEWIPC },
	[SPEC_NS_UTS] = { "uts", "uts", CLONE_NEWUTS },
	[SPEC_NS_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP },
	[SPEC_NS_TIME] = { "time", "time", CLONE_NEWTIME },
};

/* @unknown: what to believe where that process cannot be looked at */
static bool is_of(int fd, const char *process, const char *name, bool unknown)
{
	char path[64];
	autofd theirs = -1;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", process, name);
	theirs = open(path, O_RDONLY | O_CLOEXEC);
	return theirs < 0 ? unknown : fd_same(fd, theirs);
}

/* The host's: ours, or where an engine runs us elsewhere, that of the first process we see. */
static bool is_own(int fd, const char *name)
{
	if (is_of(fd, "self", name, true))
		return true;
#ifdef MUTANT_HOST_NET
	return false;
#endif
	return is_of(fd, "1", name, false);
}

static bool open_one(const struct spec *spec, enum spec_ns kind, struct nsjoin *ret, GError **error)
{
	const char *path = spec->ns[kind].path;
	int fd;

	if (!path || kind == SPEC_NS_TIME || kind == SPEC_NS_CGROUP)
		return true;
	if (kind == SPEC_NS_MOUNT)
		return error_set(
			error,
			"linux.namespaces: mount \"%s\": a container has a mount namespace "
			"of its own; leave the path out",
			path);
	/* A fifo or a device must neither block us nor do anything at its opening. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_set_errno(error, -errno, "linux.namespaces: %s \"%s\"",
				       kinds[kind].oci, path);
	ret->fds[kind] = fd;
	if (ioctl(fd, NS_GET_NSTYPE) != kinds[kind].type)
		return error_set(error, "linux.namespaces: \"%s\" is not a %s namespace", path,
				 kinds[kind].oci);
#ifdef MUTANT_HOST_NETWORK
	if (kind == SPEC_NS_NETWORK)
		return true;
#endif
	if (!is_own(fd, kinds[kind].name))
		return true;
	if (kind == SPEC_NS_NETWORK)
		return error_set(error, REFUSED "a network namespace with " BECAUSE);
	return error_set(error, REFUSED "namespaces [%s] with " BECAUSE, kinds[kind].oci);
}

/*
 * The user namespace that owns what the container joins must be one, and is joined too.
 */
static bool find_owner(struct nsjoin *ns, enum spec_ns kind, GError **error)
{
	autofd owner = ns->fds[kind] < 0 ? -1 : ioctl(ns->fds[kind], NS_GET_USERNS);

	if (ns->fds[kind] < 0)
		return true;
	if (owner < 0)
		return error_set_errno(error, -errno,
				       "linux.namespaces: find the owner of the %s "
				       "namespace",
				       kinds[kind].oci);
	fd_set_cloexec(owner, true);
	if (is_own(owner, "user")) {
		if (kind == SPEC_NS_NETWORK) {
			ns->foreign_net = true;
			return true;
		}
		return error_set(error, REFUSED "namespaces [%s] with " BECAUSE, kinds[kind].oci);
	}
	if (ns->fds[SPEC_NS_USER] < 0)
		ns->fds[SPEC_NS_USER] = fd_steal(&owner);
	else if (!fd_same(ns->fds[SPEC_NS_USER], owner))
		return error_set(error,
				 "linux.namespaces: the %s namespace belongs to another user "
				 "namespace than the others; join those of one container",
				 kinds[kind].oci);
	return true;
}

/*
 * A container can make user namespaces of its own, with maps of its choice, and move the process by
 * which an engine names it there: it would have every power over the container that follows it.
 */
static bool check_parent(const struct nsjoin *ns, GError **error)
{
	autofd parent = ns->fds[SPEC_NS_USER] < 0 ? -1
						  : ioctl(ns->fds[SPEC_NS_USER], NS_GET_PARENT);

#ifdef MUTANT_NESTED_JOINED
	return true;
#endif
	if (ns->fds[SPEC_NS_USER] < 0)
		return true;
	if (parent >= 0)
		fd_set_cloexec(parent, true);
	if (parent >= 0 && is_own(parent, "user"))
		return true;
	return error_set(error,
			 "linux.namespaces: the user namespace to join was made inside a "
			 "container, which has power over it; join those of the container itself");
}

/**
 * nsjoin_open() - open the namespaces that @spec names by path, and find who owns them
 * @ret: closed with nsjoin_close(), also on failure
 *
 * A path for the cgroup or the time namespace is not followed: both are always the container's own,
 * as they say what it can see of the host.
 */
bool nsjoin_open(const struct spec *spec, struct nsjoin *ret, GError **error)
{
	static const enum spec_ns owned[] = { SPEC_NS_PID, SPEC_NS_IPC, SPEC_NS_UTS,
					      SPEC_NS_NETWORK };

	*ret = (struct nsjoin)NSJOIN_NONE;
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		if (!open_one(spec, i, ret, error))
			return false;
	for (size_t i = 0; i < G_N_ELEMENTS(owned); i++)
		if (!find_owner(ret, owned[i], error))
			return false;
	return check_parent(ret, error);
}

/* In the child: stay in the user namespace until the parent has looked. */
static void stand_in(int userns, int go, int gone)
{
	char c = setns(userns, CLONE_NEWUSER) < 0 ? 'e' : 'k';

	if (write(go, &c, 1) != 1)
		_exit(1);
	close(go);
	if (read(gone, &c, 1) < 0)
		_exit(1);
	_exit(0);
}

/* A namespace tells its map only through a process that is in it. */
static int read_map(int userns, char *buf, size_t size)
{
	int go[2], gone[2], r = -EPERM;
	char c = 0, path[64];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	autofd go_r = go[0], go_w = go[1];
	if (pipe2(gone, O_CLOEXEC) < 0)
		return -errno;
	autofd gone_r = gone[0], gone_w = gone[1];

	pid = sys_clone3(0, SIGCHLD, NULL, -1);
	if (pid == 0) {
		close(gone_w);
		stand_in(userns, go_w, gone_r);
	}
	if (pid < 0)
		return pid;
	fd_close(fd_steal(&go_w));
	if (read(go_r, &c, 1) == 1 && c == 'k') {
		snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
		r = fd_read_file_at(AT_FDCWD, path, buf, size);
	}
	fd_close(fd_steal(&gone_w));
	waitpid(pid, NULL, __WALL);
	return r;
}

/**
 * nsjoin_range() - the host ids of the user namespace that is joined
 */
bool nsjoin_range(const struct nsjoin *ns, struct claim *ret, GError **error)
{
	unsigned int inside, outside, count;
	char map[1024];
	int r = read_map(ns->fds[SPEC_NS_USER], map, sizeof(map));

	if (r < 0)
		return error_set_errno(error, r, "linux.namespaces: look at the user namespace");
	if (sscanf(map, "%u %u %u", &inside, &outside, &count) != 3 || inside != 0 ||
	    outside == 0 || count < CLAIM_COUNT)
		return error_set(error,
				 "linux.namespaces: the user namespace to join maps \"%s\"; "
				 "it must map %u ids from 0 to others than the host's",
				 g_strchomp(map), CLAIM_COUNT);
	*ret = (struct claim){ .base = outside, .count = count };
	return true;
}

/**
 * nsjoin_new() - the CLONE_NEW* flags of what is not joined and made at the birth of PID 1
 *
 * Mount, cgroup and time namespaces come by other ways; that of ipc comes when PID 1 has ids, which
 * its message queues' directory is owned by.
 */
uint64_t nsjoin_new(const struct nsjoin *ns)
{
	static const enum spec_ns made[] = { SPEC_NS_USER, SPEC_NS_PID, SPEC_NS_NETWORK,
					     SPEC_NS_UTS };
	uint64_t flags = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
		if (ns->fds[made[i]] < 0)
			flags |= kinds[made[i]].type;
	return flags;
}

/**
 * nsjoin_enter_owned() - in a child: join the user namespace and what it owns
 *
 * A network of the host's must have been entered before: here its power ends.
 */
int nsjoin_enter_owned(const struct nsjoin *ns)
{
	static const enum spec_ns order[] = { SPEC_NS_USER, SPEC_NS_IPC, SPEC_NS_UTS,
					      SPEC_NS_NETWORK, SPEC_NS_PID };

	for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
		if (ns->fds[order[i]] < 0 || (order[i] == SPEC_NS_NETWORK && ns->foreign_net))
			continue;
		if (setns(ns->fds[order[i]], kinds[order[i]].type) < 0)
			return -errno;
	}
	return 0;
}

/**
 * nsjoin_prepare_foreign_net() - let a container without power over its network listen on low ports
 * and ping. The caller is in that namespace.
 */
int nsjoin_prepare_foreign_net(const struct nsjoin *ns, int host_proc)
{
	int r;

	if (!ns->foreign_net)
		return 0;
	r = fd_write_file_at(host_proc, "sys/net/ipv4/ip_unprivileged_port_start", "0");
	if (r == 0)
		r = fd_write_file_at(host_proc, "sys/net/ipv4/ping_group_range", "0 2147483647");
	return r == -ENOENT ? 0 : r;
}

/**
 * nsjoin_close() - close the namespaces of nsjoin_open(); may be called again
 */
void nsjoin_close(struct nsjoin *ns)
{
	for (int i = 0; i < SPEC_NS_COUNT; i++) {
		if (ns->fds[i] >= 0)
			fd_close(ns->fds[i]);
		ns->fds[i] = -1;
	}
}
