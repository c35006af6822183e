/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test driver that stands in for the launcher: mounts a FUSE file system as it does, starts
 * shiftfs for it, waits until it answers, attaches the mount, and prints the server's pid. As root.
 *
 *   shift-mount SOURCE TARGET SERVER [SERVER'S OPTIONS]...
 */
#include "config.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "shift-mount: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int make_mount(int fuse)
{
	char fd[16];
	int mnt, ctx = sys_fsopen("fuse");

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

static char *number(int fd)
{
	char *text = malloc(16);

	fd_set_cloexec(fd, false);
	snprintf(text, 16, "%d", fd);
	return text;
}

static void exec_server(char **server, int n, int source, int fuse, int ready)
{
	char *argv[64] = { server[0],	 (char *)"--source-fd", number(source), (char *)"--fuse-fd",
			   number(fuse), (char *)"--ready-fd",	number(ready) };

	for (int i = 1; i < n && i < 50; i++)
		argv[6 + i] = server[i];
	setsid();
	/* who reads the pid from our standard output shall not wait for the server's end */
	if (dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 0) < 0 || dup2(0, 1) < 0)
		_exit(126);
	execv(server[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), source, mnt, ready[2];
	pid_t pid;
	char c;

	if (argc < 4 || fuse < 0 || pipe2(ready, O_CLOEXEC))
		die("usage: shift-mount SOURCE TARGET SERVER [OPTION]...");
	source = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source < 0)
		die(argv[1]);
	mnt = make_mount(fuse);
	pid = fork();
	if (pid == 0)
		exec_server(argv + 3, argc - 3, source, fuse, ready[1]);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("the server did not get ready");
	if (sys_move_mount(mnt, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die(argv[2]);
	printf("%d\n", pid);
	return 0;
}
