/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for the requests of a FUSE connection.
 *
 * A server looks for the next one for a moment before it sleeps (look.c).
 *
 * One thread of a process looks at a time; the others have no reason to hope for the next request.
 */
#include "config.h"
#include "lib/devfuse.h"

#include "lib/look.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

/**
 * devfuse_prepare() - make devfuse_read() of @fd possible
 *
 * The flag belongs to what was opened: it stays for whoever else holds the connection.
 *
 * Return: 0, or -errno.
 */
int devfuse_prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

/* Return: as read(2), with EAGAIN where it is time to sleep. */
static ssize_t look(int fd, void *buf, size_t len, struct look *l)
{
	static atomic_flag looking = ATOMIC_FLAG_INIT;
	ssize_t n = read(fd, buf, len);
	bool more;

	if (n >= 0 || errno != EAGAIN || atomic_flag_test_and_set(&looking))
		return n;
	l->now = l->start;
	do {
		more = look_on(l);
		n = read(fd, buf, len);
	} while (n < 0 && errno == EAGAIN && more);
	atomic_flag_clear(&looking);
	return n;
}

/**
 * devfuse_read() - wait for the next request
 * @waited_ns: receives how long that took
 *
 * Return: its length, or -errno of the connection: -ENODEV means unmounted.
 */
ssize_t devfuse_read(int fd, void *buf, size_t len, uint64_t *waited_ns)
{
	struct look l;
	ssize_t n;

	look_begin(&l);
	for (;;) {
		n = look(fd, buf, len, &l);
		if (n >= 0)
			break;
		if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
		else if (errno != EINTR && errno != ENOENT) /* ENOENT: interrupted, and gone */
			return -errno;
	}
	*waited_ns = look_clock() - l.start;
	return n;
}
