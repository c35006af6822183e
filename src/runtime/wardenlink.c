/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher's side of the warden: starting it, waiting for its server, leaving it in charge.
 */
#include "config.h"
#include "runtime/wardenlink.h"

#include "lib/fd.h"
#include "lib/program.h"
#include "lib/mnt.h"
#include "lib/sanitizer.h"
#include "lib/sys.h"
#include "lib/wardenproto.h"
#include "runtime/error.h"
#include "runtime/timens.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_START_MS 10000

/**
 * wardenlink_program() - path of one of our own programs; see program_path()
 */
char *wardenlink_program(const char *name)
{
	char path[PATH_MAX];

	return g_strdup(program_path(name, path, sizeof(path)) == 0 ? path : name);
}

static unsigned int grants_of(const struct settings_inside *inside)
{
	return (inside->mknod ? WARDEN_GRANT_MKNOD : 0) | (inside->fuse ? WARDEN_GRANT_FUSE : 0) |
	       (inside->tun ? WARDEN_GRANT_TUN : 0) |
	       (inside->setxattr ? WARDEN_GRANT_SETXATTR : 0) |
	       (inside->swap ? WARDEN_GRANT_SWAP : 0);
}

/*
 * The server's superblock belongs to the initial user namespace (one of the container's own would
 * answer EACCES to the launcher, which has to clone its files as covers), hence allow_other.
 */
static bool mount_fuse(int *fuse, int *fuse_mount, GError **error)
{
	autofd dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[256];

	if (dev < 0)
		return error_set_errno(error, -errno,
				       "open \"/dev/fuse\"; load the module with `modprobe fuse`");
	g_snprintf(options, sizeof(options),
		   "source=cloister-fs,subtype=cloister,fd=%d,rootmode=40000,user_id=0,group_id=0,"
		   "allow_other,default_permissions",
		   dev);
	*fuse_mount = mnt_new("fuse", options,
			      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (*fuse_mount < 0)
		return error_set_errno(error, *fuse_mount, "mount a FUSE file system");
	*fuse = fd_steal(&dev);
	return true;
}

/* In the child: no terminal, no standard descriptors, the helpers' cgroup, then the program. */
static void exec_warden(const char *path, int control, const int *tasks, int n_tasks)
{
	char *argv[] = { (char *)"cloister-warden", NULL };
	char *private_claims = getenv("CLOISTER_PRIVATE_CLAIMS")
				       ? (char *)"CLOISTER_PRIVATE_CLAIMS=1"
				       : NULL;
	char *envp[] = { private_claims, NULL };
	int null;

	if (sys_leave_session() < 0)
		_exit(EXIT_USAGE);
	sys_lift_limits();
	signal(SIGPIPE, SIG_IGN);
	if (cgroup_enter_self(tasks, n_tasks) < 0 || chdir("/") < 0)
		_exit(EXIT_USAGE);
	null = open("/dev/null", O_RDWR);
	control = fcntl(control, F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		if (dup2(i == STDERR_FILENO ? sanitizer_open_log(null) : null, i) < 0)
			_exit(EXIT_USAGE);
	if (dup2(control, WARDEN_CONTROL_FD) < 0 ||
	    sys_close_range(WARDEN_CONTROL_FD + 1, ~0U, 0) < 0)
		_exit(EXIT_USAGE);
	execve(path, argv, envp);
	_exit(EXIT_USAGE);
}

/*
 * Where helpers go: their own cgroup, and out of the caller's in every other v1 hierarchy.
 * @fds: receives descriptors for cgroup_enter_self(), CGROUP_MAX_HIERARCHIES at most
 */
static int helper_tasks(const struct container *c, int *fds)
{
	int n = cgroup_tasks_fds(&c->helpers, fds);

	for (int i = 0; n >= 0 && i < c->cgroups.n && n < CGROUP_MAX_HIERARCHIES; i++) {
		const struct cgroup_hierarchy *h = &c->cgroups.h[i];

		if (h->v2 || strstr(h->controllers, "memory") || g_strcmp0(h->own, "/") == 0)
			continue;
		fds[n] = openat(h->mount_fd, "tasks", O_WRONLY | O_CLOEXEC);
		n += fds[n] >= 0;
	}
	return n;
}

/* In the child: no terminal, no standard descriptors, the helpers' cgroup, then the program. */
static void exec_helper(const char *path, char **argv, const int *fds, int n_fds, const int *tasks,
			int n_tasks)
{
	char *envp[] = { NULL };
	int n = 3 + n_fds, *from = g_new(int, n);

	if (sys_leave_session() < 0 || cgroup_enter_self(tasks, n_tasks) < 0 || chdir("/") < 0)
		_exit(EXIT_USAGE);
	sys_lift_limits();
	from[0] = from[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
	from[2] = sanitizer_open_log(from[0]);
	for (int i = 3; i < n; i++)
		from[i] = fcntl(fds[i - 3], F_DUPFD_CLOEXEC, n);
	for (int i = 0; i < n; i++)
		if (dup2(from[i], i) < 0)
			_exit(EXIT_USAGE);
	if (sys_close_range(n, ~0U, 0) < 0)
		_exit(EXIT_USAGE);
	execve(path, argv, envp);
	_exit(EXIT_USAGE);
}

/**
 * wardenlink_spawn_helper() - start the program @path in the helpers' cgroup
 * @fds: become its descriptors from 3 on
 *
 * Return: its pid, or -errno.
 */
pid_t wardenlink_spawn_helper(const struct container *c, const char *path, char **argv,
			      const int *fds, int n_fds)
{
	int tasks[CGROUP_MAX_HIERARCHIES];
	int n_tasks = helper_tasks(c, tasks);
	pid_t pid = n_tasks < 0 ? n_tasks : sys_clone3(0, SIGCHLD, NULL, cgroup_v2_fd(&c->helpers));

	if (pid == 0)
		exec_helper(path, argv, fds, n_fds, tasks, n_tasks);
	for (int i = 0; i < n_tasks; i++)
		close(tasks[i]);
	return pid;
}

/**
 * wardenlink_spawn() - start the warden, in the helpers' cgroup; it waits for wardenlink_start()
 */
bool wardenlink_spawn(struct container *c, GError **error)
{
	g_autofree char *path = wardenlink_program("cloister-warden");
	int tasks[CGROUP_MAX_HIERARCHIES], pair[2];
	int n_tasks = helper_tasks(c, tasks);
	pid_t pid;

	if (n_tasks < 0)
		return error_set_errno(error, n_tasks, "open the helpers' cgroup");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set_errno(error, -errno, "make a socket pair");
	c->warden = pair[0];
	pid = sys_clone3(0, SIGCHLD, NULL, cgroup_v2_fd(&c->helpers));
	if (pid == 0)
		exec_warden(path, pair[1], tasks, n_tasks);
	for (int i = 0; i < n_tasks; i++)
		close(tasks[i]);
	close(pair[1]);
	return pid > 0 || error_set_errno(error, pid, "start \"%s\"", path);
}

/**
 * wardenlink_start() - mount the server's file system and have the warden start the server
 * @fuse_mount: receives the detached mount; it answers after wardenlink_wait_ready()
 */
bool wardenlink_start(struct container *c, int *fuse_mount, GError **error)
{
	struct warden_hello hello = { .record = c->record,
				      .uid = c->claim.base,
				      .gid = c->claim.base,
				      .grants = grants_of(&c->inside) };
	g_autofree char *server = wardenlink_program("cloister-fs");
	g_autofree char *warden = wardenlink_program("cloister-warden");
	int fds[WARDEN_N_FDS];
	autofd fuse = -1;
	int r;

	if (!mount_fuse(&fuse, fuse_mount, error))
		return false;
	c->boot_offset = timens_boottime();
	hello.boot_offset = c->boot_offset;
	g_strlcpy(hello.id, c->id, sizeof(hello.id));
	if (g_strlcpy(hello.server, server, sizeof(hello.server)) >= sizeof(hello.server))
		return error_set(error, "path \"%s\" is too long", server);
	if (g_strlcpy(hello.warden, warden, sizeof(hello.warden)) >= sizeof(hello.warden))
		return error_set(error, "path \"%s\" is too long", warden);
	fds[WARDEN_FD_ROOT] = c->root_fd;
	fds[WARDEN_FD_DIR] = c->dir_fd;
	fds[WARDEN_FD_ALIVE] = c->alive_fd;
	fds[WARDEN_FD_FUSE] = fuse;
	fds[WARDEN_FD_VIEWS] = *fuse_mount;
	r = fd_send(c->warden, &hello, sizeof(hello), fds, WARDEN_N_FDS);
	return r == 0 || error_set_errno(error, r, "talk to cloister-warden; is it installed?");
}

/**
 * wardenlink_wait_ready() - wait until the server answers
 */
bool wardenlink_wait_ready(struct container *c, GError **error)
{
	struct pollfd p = { .fd = c->warden, .events = POLLIN };
	struct warden_event e;
	int r;

	do {
		r = poll(&p, 1, SERVER_START_MS);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return error_set(error, "cloister-fs did not answer within %d s",
				 SERVER_START_MS / 1000);
	if (fd_recv(c->warden, &e, sizeof(e), NULL, 0, NULL) != sizeof(e))
		return error_set(error, "cloister-warden died at its start; is it installed?");
	e.text[sizeof(e.text) - 1] = '\0';
	return e.ready || error_set(error, "cloister-warden: %s", e.text);
}

/* The network devices of the container, as long as nobody but us has had PID 1 go anywhere. */
static int open_devices(pid_t pid)
{
	char path[64];

	g_snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/**
 * wardenlink_tell_init() - PID 1 exists: from now on its end is the warden's business too
 */
void wardenlink_tell_init(struct container *c)
{
	struct warden_order order = { .type = WARDEN_ORDER_PIDS, .init = c->record.init };
	int fds[] = { c->pidfd, c->workshop_ns };

	if (c->pids_fd >= 0) {
		autofd devices = open_devices(c->pid);
		int seen[] = { c->pids_fd, devices };

		fd_send(c->warden, &order, sizeof(order), seen, devices >= 0 ? 2 : 1);
		fd_close(fd_steal(&c->pids_fd));
	}
	order.type = WARDEN_ORDER_INIT;
	fd_send(c->warden, &order, sizeof(order), fds, 2);
	/* The warden is the last to let go of it, and waits for the kernel to take it down; not we.
	 */
	fd_close(fd_steal(&c->workshop_ns));
}

/**
 * wardenlink_tell_sysctls() - the container begins with values of its own
 */
void wardenlink_tell_sysctls(struct container *c)
{
	struct warden_order order = { .type = WARDEN_ORDER_SYSCTLS };

	fd_send(c->warden, &order, sizeof(order), NULL, 0);
}

/**
 * wardenlink_detach() - we leave, the container stays; a pty that nobody reads stays with the
 * warden
 */
void wardenlink_detach(struct container *c)
{
	struct warden_order order = { .type = WARDEN_ORDER_CONSOLE };

	if (c->console >= 0)
		fd_send(c->warden, &order, sizeof(order), &c->console, 1);
	order.type = WARDEN_ORDER_DETACH;
	fd_send(c->warden, &order, sizeof(order), NULL, 0);
}
