/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Having the kernel know the server's files before they are laid over its own.
 *
 * A look-up of each would be a request for each; one listing of the directory that has them all
 * makes them known. A process asks for it as soon as the server can answer, while the launcher has
 * other things to do. The warden itself must never wait for the server, which it is there to
 * replace; and if all helpers are killed the connection has to end with them, so who waits does
 * not hold /dev/fuse.
 */
#include "config.h"
#include "warden/warden.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "lib/sysctl.h"
#include "lib/views.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define ENTRIES_SIZE (64 * 1024)
#define WAIT_MS	     1000

/* A directory of the kernel's is shown in one of the server's: see covers-sysctls.c. */
static void look_up_net_dirs(int covers)
{
	char path[VIEW_COVER_MAX + sizeof("/" SYSCTL_NET_KERNEL)], name[VIEW_COVER_MAX];

	for (int i = 0; i < sysctl_net_dirs_count; i++) {
		if (!sysctl_net_dirs[i].devices && !sysctl_net_dirs[i].natives)
			continue;
		view_cover_name(sysctl_net_dirs[i].path, name);
		snprintf(path, sizeof(path), "%s/%s", name,
			 sysctl_net_dirs[i].devices ? SYSCTL_NET_KERNEL : SYSCTL_NF_LOG);
		if (faccessat(covers, path, F_OK, 0) < 0)
			return;
	}
}

/* What does not get known is asked for when it is needed. */
static void look_up(int tree)
{
	char entries[ENTRIES_SIZE];
	autofd covers = openat(tree, VIEW_COVERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (covers >= 0 && getdents64(covers, entries, sizeof(entries)) > 0)
		look_up_net_dirs(covers);
}

/**
 * lookup_start() - have a process look at the server's files as soon as the server answers
 *
 * Return: for lookup_wait(); or -errno, then nobody looks.
 */
int lookup_start(int views_fd)
{
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	pid = sys_clone3(0, SIGCHLD, NULL, -1);
	if (pid == 0) {
		if (dup2(views_fd, 0) == 0 && dup2(pair[1], 1) == 1 &&
		    sys_close_range(2, ~0U, 0) == 0)
			look_up(0);
		_exit(0);
	}
	close(pair[1]);
	if (pid > 0)
		return pair[0];
	close(pair[0]);
	return pid;
}

/**
 * lookup_wait() - wait until all is known, or the server has died: then it waits for the next one
 */
void lookup_wait(int fd, int server_pidfd)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN },
			      { .fd = server_pidfd, .events = POLLIN } };

	while (poll(p, 2, WAIT_MS) < 0 && errno == EINTR)
		;
	if (fd >= 0)
		close(fd);
}
