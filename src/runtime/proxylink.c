/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets that a container gets in the place of an engine's: each lies in the container's state
 * directory, which nobody but root may enter, and a cloister-sockproxy listens on it. Its file, and
 * no other, is mounted under the path that was asked for, with the engine's socket's mode, owner
 * and group, in the container's ids.
 *
 * policy/proxy.h has what the program is told. It is in the helpers' cgroup, which is killed at the
 * container's end.
 */
#include "config.h"
#include "runtime/proxylink.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "policy/proxy.h"
#include "runtime/error.h"
#include "runtime/wardenlink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

/* Return: the listening socket @name in the container's directory, or -errno. */
static int make_socket(const struct container *c, const struct plan_proxy *p, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", c->dir_fd, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    fchownat(c->dir_fd, name, c->claim.base + p->uid, c->claim.base + p->gid,
		     AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(c->dir_fd, name, p->mode, 0) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return fd_steal(&fd);
}

static bool spawn(const struct container *c, const struct plan_proxy *p, int listening,
		  GError **error)
{
	g_autofree char *path = wardenlink_program(PROXY_PROGRAM);
	g_autofree char *name = g_strdup_printf("--engine-socket=%s", p->name);
	g_autofree char *list = g_strdup_printf("--commands=%s", p->commands);
	g_autofree char *image = g_strdup_printf("--image=%s", p->image);
	g_autofree char *id = g_strdup_printf("--id=%s", c->id);
	char *argv[] = { (char *)PROXY_PROGRAM,
			 (char *)"--listen-fd=" G_STRINGIFY(PROXY_LISTEN_FD),
			 (char *)"--engine-dir-fd=" G_STRINGIFY(PROXY_ENGINE_FD),
			 name,
			 list,
			 image,
			 id,
			 NULL };
	const int fds[] = { listening, p->dir_fd };
	pid_t pid;

	if (access(path, X_OK) < 0)
		return error_set(
			error,
			"the container's image may have the engine's socket, but \"%s\", which "
			"only lets the listed commands through, is not there; the bare socket "
			"is not given",
			path);
	pid = wardenlink_spawn_helper(c, path, argv, fds, G_N_ELEMENTS(fds));
	return pid > 0 || error_set_errno(error, pid, "start \"%s\"", path);
}

static bool start_one(struct container *c, struct plan_step *step, int index, GError **error)
{
	struct plan_proxy *p = step->proxy;
	g_autofree char *name = g_strdup_printf("proxy.%d", index);
	autofd listening = -1;
	int tree;

	if (p->uid >= c->claim.count || p->gid >= c->claim.count)
		return error_set(error, "engine's socket \"%s\": its owner %u:%u is none inside",
				 p->name, p->uid, p->gid);
	listening = make_socket(c, p, name);
	if (listening < 0)
		return error_set_errno(error, listening, "make a socket for \"%s\"",
				       step->mount->destination);
	if (!spawn(c, p, listening, error))
		return false;
	tree = mnt_clone(c->dir_fd, name, false);
	if (tree < 0)
		return error_set_errno(error, tree, "socket of \"%s\"", step->mount->destination);
	fd_close(step->tree_fd);
	step->tree_fd = tree;
	step->recursive = false;
	mnt_make_private_fd(tree);
	return true;
}

/**
 * proxylink_start() - put the sockets of proxies in the place of those of engines
 *
 * Before the tree is built: until then such a step has the engine's own.
 */
bool proxylink_start(struct container *c, GError **error)
{
#ifdef MUTANT_PROXY_BYPASSED
	return true;
#endif
	for (guint i = 0; i < c->plan.steps->len; i++) {
		struct plan_step *step = &g_array_index(c->plan.steps, struct plan_step, i);

		if (step->proxy && !start_one(c, step, i, error))
			return false;
	}
	return true;
}
