/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors: scoped ownership, whole reads and writes, passing them over a socket.
 * Machine code: 0 (or a length) on success, -errno on failure.
 */
#include "config.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/**
 * fd_close() - close @fd without touching errno
 */
void fd_close(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

/**
 * fd_replace() - close *@fd, if it is a descriptor, and have @other in its place; -1: none
 */
void fd_replace(int *fd, int other)
{
	fd_cleanup(fd);
	*fd = other;
}

/**
 * fd_same() - are the two of one inode, or of one namespace? Not if either cannot be looked at
 */
bool fd_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/**
 * fd_read_file_at() - read a small text file below @dirfd
 * @buf: receives at most @size - 1 bytes and a terminating NUL; one trailing newline is cut off
 *
 * Return: number of bytes in @buf, or -errno; -EFBIG if the file does not fit.
 */
int fd_read_file_at(int dirfd, const char *path, char *buf, size_t size)
{
	autofd fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += n;
	}
	if (len == size)
		return -EFBIG;
	if (len > 0 && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return len;
}

/**
 * fd_write_file_at() - write @text to an existing file (procfs, cgroupfs) with one write(2)
 *
 * Return: 0, also if the file took a part of it only; or -errno.
 */
int fd_write_file_at(int dirfd, const char *path, const char *text)
{
	autofd fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = write(fd, text, strlen(text));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int create(int dirfd, const char *name, mode_t mode)
{
#ifdef MUTANT_TMP_TAKEN
	return openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
#endif
	return openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
}

/*
 * A file that nobody else has open or owns, whoever may write to the directory. What is there was
 * left by one who died and had our pid, or put there for us.
 */
static int create_anew(int dirfd, const char *name, mode_t mode)
{
	int fd = create(dirfd, name, mode);

	if (fd < 0 && errno == EEXIST && unlinkat(dirfd, name, 0) == 0)
		fd = create(dirfd, name, mode);
	return fd < 0 ? -errno : fd;
}

/**
 * fd_replace_file_at() - put @data in place of @dirfd/@name, all or nothing (tmp + rename)
 * @name: in @dirfd itself, at most 240 bytes
 * @mode: of the new file, less the umask
 *
 * Return: 0, or -errno: then what was there is there still. Nothing is synchronised to a disk.
 */
int fd_replace_file_at(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	char tmp[256];
	int r;

	if (snprintf(tmp, sizeof(tmp), ".%s.%d", name, (int)getpid()) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	{
		autofd fd = create_anew(dirfd, tmp, mode);

		if (fd < 0)
			return fd;
		r = fd_write_all(fd, data, len);
	}
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	return r;
}

/**
 * fd_write_all() - write all @len bytes
 *
 * Return: 0, or -errno: then some may have been written. -EAGAIN if @fd does not block.
 */
int fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return 0;
}

/**
 * fd_read_all() - read exactly @len bytes
 *
 * Return: 0; -EPIPE if the stream ends before; or another -errno. Some may have been read then.
 */
int fd_read_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len > 0) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EPIPE;
		p += n;
		len -= n;
	}
	return 0;
}

/**
 * fd_send() - send one message with up to FD_PASS_MAX descriptors (borrowed, not closed)
 *
 * No SIGPIPE is raised.
 *
 * Return: 0; -EPIPE if nobody receives any more; -EMSGSIZE if not all was taken; or another -errno.
 */
int fd_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (n_fds > FD_PASS_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		struct cmsghdr *cmsg = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
	}
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

/**
 * fd_recv() - receive one message and the descriptors that came with it (close-on-exec)
 * @n_fds: set to the number stored in @fds; what exceeds @max_fds is closed and the call fails
 *
 * Return: bytes received, 0 at end of stream, or -errno; -EMSGSIZE if anything was cut off.
 */
ssize_t fd_recv(int sock, void *data, size_t size, int *fds, size_t max_fds, size_t *n_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	size_t got = 0;
	bool overflow = false;
	ssize_t n;

	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (got < max_fds) {
				fds[got++] = fd;
			} else {
				close(fd);
				overflow = true;
			}
		}
	}
	if (n_fds)
		*n_fds = got;
	if (overflow || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		while (got > 0)
			close(fds[--got]);
		if (n_fds)
			*n_fds = 0;
		return -EMSGSIZE;
	}
	return n;
}

/**
 * fd_set_cloexec() - does @fd end with an exec?
 *
 * Return: 0 or -errno.
 */
int fd_set_cloexec(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -errno;
	flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
	return fcntl(fd, F_SETFD, flags) < 0 ? -errno : 0;
}

/**
 * fd_close_all_but() - close every descriptor that is not in @keep (which is sorted on return)
 *
 * Safe between clone() and exec.
 */
int fd_close_all_but(int *keep, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && keep[k - 1] > keep[k]; k--) {
			int swap = keep[k];

			keep[k] = keep[k - 1];
			keep[k - 1] = swap;
		}
	for (size_t i = 0; i <= n; i++) {
		unsigned int first = i ? keep[i - 1] + 1 : 0,
			     last = i < n ? (unsigned int)keep[i] - 1 : ~0U;

		if (i < n && keep[i] <= (i ? keep[i - 1] : -1) + 1)
			continue; /* nothing between them */
		if (syscall(SYS_close_range, first, last, 0) < 0)
			return -errno;
	}
	return 0;
}

/**
 * fd_lock_file_at() - make @name in the directory @dirfd if it is not there, and lock it
 *
 * Waits for whoever has the lock, which lasts until the result is closed.
 *
 * Return: a descriptor or -errno.
 */
int fd_lock_file_at(int dirfd, const char *name)
{
	autofd fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return fd_steal(&fd);
}
