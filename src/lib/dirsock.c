/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets with a name in a state directory.
 */
#include "config.h"
#include "lib/dirsock.h"

#include "lib/fd.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(int dir_fd, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	/* The directory's own path may be longer than a socket's may be. */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
	return a;
}

/**
 * dirsock_listen() - make the SOCK_SEQPACKET socket @dir_fd/@name and listen on it
 */
int dirsock_listen(int dir_fd, const char *name)
{
	struct sockaddr_un a = address(dir_fd, name);
	autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 16) < 0)
		return -errno;
	return fd_steal(&fd);
}

/**
 * dirsock_connect() - connect to @dir_fd/@name
 * @flags: SOCK_NONBLOCK, or 0 to wait while the queue is full
 */
int dirsock_connect(int dir_fd, const char *name, int flags)
{
	struct sockaddr_un a = address(dir_fd, name);
	autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return fd_steal(&fd);
}
