/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `cloister start`, a process of its own, reaches a PID 1 that was created and waits.
 *
 * `create` makes the socket in the state directory (mode 0700: nobody else gets there), PID 1
 * inherits it, listens and waits for the word CHILD_GO_START on a connection, which then is its
 * way to report failure and, being close-on-exec, success. A connection that ends without the word
 * was somebody who only looked, or was killed: PID 1 waits for the next.
 */
#include "config.h"
#include "runtime/startlink.h"

#include "lib/dirsock.h"
#include "lib/fd.h"
#include "runtime/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_NAME "start"

/**
 * startlink_listen() - make the socket in @dir_fd; Return: what PID 1 listens on, or -errno
 */
int startlink_listen(int dir_fd)
{
	return dirsock_listen(dir_fd, SOCKET_NAME);
}

/**
 * startlink_connect() - Return: a connection to PID 1; -ENOENT or -ECONNREFUSED if none waits
 */
int startlink_connect(int dir_fd)
{
	return dirsock_connect(dir_fd, SOCKET_NAME, 0);
}

/**
 * startlink_waits() - has the container been created and not started?
 *
 * Does not wait itself: a PID 1 that is frozen, or stopped by a container that shares its pid
 * namespace, takes no connections, and the queue of them is full some day (-EAGAIN).
 */
bool startlink_waits(int dir_fd)
{
	struct stat st;
	autofd fd = -1;

	if (fstatat(dir_fd, SOCKET_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
#ifdef MUTANT_STATE_WAITS
	fd = dirsock_connect(dir_fd, SOCKET_NAME, 0);
#else
	fd = dirsock_connect(dir_fd, SOCKET_NAME, SOCK_NONBLOCK);
#endif
	return fd >= 0 || fd == -EAGAIN;
}

/**
 * startlink_remove() - the container was started
 */
void startlink_remove(int dir_fd)
{
	unlinkat(dir_fd, SOCKET_NAME, 0);
}

/**
 * startlink_accept() - in PID 1: wait for the word to start; Return: the connection, or -errno
 */
int startlink_accept(int listen_fd)
{
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		char word = 0;

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return -errno;
		if (fd < 0)
			continue;
		if (recv(fd, &word, 1, 0) == 1 && word == CHILD_GO_START)
			return fd;
		close(fd);
	}
}
