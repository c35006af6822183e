/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * File descriptors: scoped ownership, whole reads and writes, passing them over a socket.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

void fd_close(int fd);

static inline void fd_cleanup(int *fd)
{
	if (*fd >= 0)
		fd_close(*fd);
}

/* Closes at the end of the scope and keeps errno. Initialise to -1; hand over with fd_steal(). */
#define autofd __attribute__((cleanup(fd_cleanup), unused)) int

static inline int fd_steal(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

void fd_replace(int *fd, int other);
bool fd_same(int a, int b);
int fd_read_file_at(int dirfd, const char *path, char *buf, size_t size);
int fd_write_file_at(int dirfd, const char *path, const char *text);
int fd_replace_file_at(int dirfd, const char *name, const void *data, size_t len, mode_t mode);
int fd_write_all(int fd, const void *data, size_t len);
int fd_read_all(int fd, void *data, size_t len);

#define FD_PASS_MAX 64
int fd_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds);
ssize_t fd_recv(int sock, void *data, size_t size, int *fds, size_t max_fds, size_t *n_fds);
int fd_close_all_but(int *keep, size_t n);
int fd_set_cloexec(int fd, bool on);
int fd_lock_file_at(int dirfd, const char *name);
