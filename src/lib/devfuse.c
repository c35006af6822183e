/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for the requests of a FUSE connection.
 *
 * A program that uses a file asks again within microseconds of an answer. Where the server's CPU
 * has gone to sleep by then, which in a virtual machine is a matter of the hypervisor's, waking it
 * takes longer than the request itself. So a server looks for about as long as a wake-up takes
 * before it sleeps (at most twice the work that would have been best, whatever comes), and lets
 * others have the CPU in between: the asking program may be waiting for this very one.
 *
 * One thread of a process looks at a time; the others have no reason to hope for the next request.
 */
#include "config.h"
#include "lib/devfuse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

/* A wake-up from a halted virtual CPU takes 30 to 45 us where it was measured, 5 on bare metal. */
#define LOOK_NS 50000
/* No system call alone takes so long. */
#define YIELDED_NS 5000

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

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

/* Lets another thread have the CPU. Return: whether there was one, so that it is not going to halt
 */
static bool yield(uint64_t *now)
{
	uint64_t start = *now;

	sched_yield();
	*now = now_ns();
	return *now - start > YIELDED_NS;
}

/* Return: as read(2), with EAGAIN where it is time to sleep. */
static ssize_t look(int fd, void *buf, size_t len, uint64_t start)
{
	static atomic_flag looking = ATOMIC_FLAG_INIT;
	ssize_t n = read(fd, buf, len);
	uint64_t now = start;
	bool wanted;

	if (n >= 0 || errno != EAGAIN || atomic_flag_test_and_set(&looking))
		return n;
	do {
		wanted = yield(&now);
		n = read(fd, buf, len);
	} while (n < 0 && errno == EAGAIN && !wanted && now - start < LOOK_NS);
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
	uint64_t start = now_ns();
	ssize_t n;

	for (;;) {
		n = look(fd, buf, len, start);
		if (n >= 0)
			break;
		if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
		else if (errno != EINTR && errno != ENOENT) /* ENOENT: interrupted, and gone */
			return -errno;
	}
	*waited_ns = now_ns() - start;
	return n;
}
