/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test driver that stands in for the launcher: mounts a FUSE file system as it does, starts
 * shiftfs for it, waits until it answers, attaches the mount, and prints the server's pid. As root.
 *
 *   shift-mount [--userns PID] SOURCE TARGET SERVER [SERVER'S OPTIONS]...
 *	[--next SOURCE TARGET [SERVER'S OPTIONS]...]...
 *
 * With "--mode a" among the options the superblock belongs to the user namespace of PID; with
 * "--mode c" the mount is ID-mapped by it. The mount is attached here in each case.
 */
#include "config.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "shift-mount: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int open_ns(pid_t pid, const char *ns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static int make_mount(int fuse)
{
	char fd[16];
	int mnt, ctx = sys_fsopen("fuse");

	if (ctx < 0)
		die("fsopen");
	snprintf(fd, sizeof(fd), "%d", fuse);
	if (sys_fsconfig_string(ctx, "source", "shift") || sys_fsconfig_string(ctx, "fd", fd) ||
	    sys_fsconfig_string(ctx, "rootmode", "40755") ||
	    sys_fsconfig_string(ctx, "user_id", "0") || sys_fsconfig_string(ctx, "group_id", "0") ||
	    sys_fsconfig_string(ctx, "subtype", "shiftfs") ||
	    sys_fsconfig_flag(ctx, "allow_other") ||
	    sys_fsconfig_flag(ctx, "default_permissions") || sys_fsconfig_create(ctx))
		die("configure the file system");
	mnt = sys_fsmount(ctx, 0);
	if (mnt < 0)
		die("mount");
	close(ctx);
	return mnt;
}

/*
 * In a child: a FUSE connection is of the user namespace in which /dev/fuse was opened. The child
 * says which descriptors it has got, and waits until they were taken.
 */
static void make_in_userns(int userns, int out)
{
	int path = open("/dev/fuse", O_PATH | O_CLOEXEC), fds[2];
	char name[64];

	if (setns(userns, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0)
		die("enter the user namespace");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", path);
	fds[0] = open(name, O_RDWR | O_CLOEXEC);
	if (fds[0] < 0)
		die("/dev/fuse");
	fds[1] = make_mount(fds[0]);
	if (write(out, fds, sizeof(fds)) != sizeof(fds))
		die("write");
	pause();
}

static int mount_in_userns(int userns, int *fuse)
{
	int fds[2], p[2], pidfd, mnt;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid == 0)
		make_in_userns(userns, p[1]);
	close(p[1]);
	if (read(p[0], fds, sizeof(fds)) != sizeof(fds))
		exit(125);
	pidfd = sys_pidfd_open(pid);
	*fuse = syscall(SYS_pidfd_getfd, pidfd, fds[0], 0);
	mnt = syscall(SYS_pidfd_getfd, pidfd, fds[1], 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (*fuse < 0 || mnt < 0)
		die("take the descriptors");
	return mnt;
}

static int idmapped(int mnt, int userns)
{
	int clone = sys_open_tree(mnt, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int r = sys_mount_setattr(clone, false, MOUNT_ATTR_IDMAP, 0, userns);

	errno = -r;
	if (clone < 0 || r < 0)
		die("ID-map the mount");
	return clone;
}

static char mode_of(int argc, char **argv)
{
	for (int i = 0; i + 1 < argc; i++)
		if (!strcmp(argv[i], "--mode"))
			return argv[i + 1][0];
	return 'b';
}

static char *number(int fd)
{
	char *text = malloc(16);

	fd_set_cloexec(fd, false);
	snprintf(text, 16, "%d", fd);
	return text;
}

/* A further mount that the same server is to serve. */
struct more {
	int source, fuse, mnt;
	const char *target;
};

static struct more more[8];
static int n_more;

static int open_source(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

static void make_more(int argc, char **argv)
{
	for (int i = 0; i + 2 < argc && n_more < 8; i++) {
		struct more *m = &more[n_more];

		if (strcmp(argv[i], "--next"))
			continue;
		m->source = open_source(argv[i + 1]);
		m->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
		m->mnt = make_mount(m->fuse);
		m->target = argv[i + 2];
		n_more++;
	}
}

static void exec_server(char **server, int n, int source, int fuse, int ready)
{
	char *argv[64] = { server[0],	 (char *)"--source-fd", number(source), (char *)"--fuse-fd",
			   number(fuse), (char *)"--ready-fd",	number(ready) };
	const struct more *m = more;
	int to = 7;

	for (int i = 1; i < n && to < 58; i++) {
		argv[to++] = server[i];
		if (strcmp(server[i], "--next"))
			continue;
		argv[to++] = (char *)"--source-fd";
		argv[to++] = number(m->source);
		argv[to++] = (char *)"--fuse-fd";
		argv[to++] = number(m++->fuse);
		i += 2;
	}
	setsid();
	/* who reads the pid from our standard output shall not wait for the server's end */
	if (dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 0) < 0 || dup2(0, 1) < 0)
		_exit(126);
	execv(server[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), source, mnt, userns = -1, ready[2];
	char c, mode = mode_of(argc, argv);
	pid_t pid;

	if (argc > 2 && !strcmp(argv[1], "--userns")) {
		userns = open_ns(atoi(argv[2]), "user");
		argc -= 2;
		argv += 2;
	}
	if (argc < 4 || fuse < 0 || pipe2(ready, O_CLOEXEC))
		die("usage: shift-mount SOURCE TARGET SERVER [OPTION]...");
	source = open_source(argv[1]);
	make_more(argc, argv);
	mnt = mode == 'a' ? mount_in_userns(userns, &fuse) : make_mount(fuse);
	pid = fork();
	if (pid == 0)
		exec_server(argv + 3, argc - 3, source, fuse, ready[1]);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("the server did not get ready");
	if (mode == 'c')
		mnt = idmapped(mnt, userns);
	if (sys_move_mount(mnt, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die(argv[2]);
	for (int i = 0; i < n_more; i++)
		if (sys_move_mount(more[i].mnt, "", AT_FDCWD, more[i].target,
				   MOVE_MOUNT_F_EMPTY_PATH) < 0)
			die(more[i].target);
	printf("%d\n", pid);
	return 0;
}
