/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warden's part in the system calls of a container.
 *
 * Each process that starts in a container, PID 1 and what `exec` brings, loads a filter of its own
 * and its children inherit it; the listener goes to the warden over a socket in the container's
 * directory, which only root can enter. In a chain of filters there can be one listener only: a
 * specification that brings its own goes without the warden's.
 */
#include "config.h"
#include "runtime/mediation.h"

#include "lib/dirsock.h"
#include "lib/fd.h"
#include "lib/mediate.h"
#include "lib/wardenproto.h"
#include "runtime/error.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* While the warden is replaced by its twin a word may get lost, or nobody listens. */
#define TAKEOVER_MS   2000
#define RETRY_MS      10
#define WARDEN_WAIT_S 5

static unsigned int wanted(const struct settings_inside *inside)
{
	unsigned int calls = MEDIATE_BIT(MEDIATE_SYSINFO) | MEDIATE_BIT(MEDIATE_GETAFFINITY) |
			     MEDIATE_BIT(MEDIATE_MOUNT) | MEDIATE_BIT(MEDIATE_UMOUNT) |
			     MEDIATE_BIT(MEDIATE_OLDUMOUNT) | MEDIATE_BIT(MEDIATE_FSOPEN) |
			     MEDIATE_BIT(MEDIATE_FSMOUNT) | MEDIATE_BIT(MEDIATE_FSPICK) |
			     MEDIATE_BIT(MEDIATE_SETATTR) | MEDIATE_BIT(MEDIATE_MKNOD) |
			     MEDIATE_BIT(MEDIATE_MKNODAT) | MEDIATE_REFUSED;

	if (inside->setxattr)
		calls |= MEDIATE_BIT(MEDIATE_SETXATTR) | MEDIATE_BIT(MEDIATE_LSETXATTR) |
			 MEDIATE_BIT(MEDIATE_FSETXATTR) | MEDIATE_BIT(MEDIATE_SETXATTRAT);
	if (inside->swap)
		calls |= MEDIATE_BIT(MEDIATE_SWAPON) | MEDIATE_BIT(MEDIATE_SWAPOFF);
	return calls;
}

/**
 * mediation_prepare() - make the warden's filter for the processes of a container
 * @inside: what the container began with
 *
 * Return: why there is none, in words for `status`, or NULL.
 */
const char *mediation_prepare(const struct settings_inside *inside, struct seccomp *seccomp)
{
	struct sock_filter filter[MEDIATE_FILTER_MAX];
	size_t n = seccomp->listener
			   ? mediate_filter(filter, MEDIATE_UNHEARD, SECCOMP_RET_ERRNO | ENOSYS)
			   : mediate_filter(filter, wanted(inside), SECCOMP_RET_USER_NOTIF);

	seccomp->mediation.filter = g_memdup2(filter, n * sizeof(filter[0]));
	seccomp->mediation.len = n;
	seccomp->mediation_listens = !seccomp->listener;
	return seccomp->listener ? "the specification brings a seccomp listener of its own" : NULL;
}

static int deliver(int dir_fd, int listener)
{
	const struct timeval limit = { .tv_sec = WARDEN_WAIT_S };
	autofd sock = dirsock_connect(dir_fd, WARDEN_LISTENER_SOCKET, 0);
	int r, answer;
	ssize_t n;

	if (sock < 0)
		return sock;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	r = fd_send(sock, "l", 1, &listener, 1);
	if (r < 0)
		return r;
	n = recv(sock, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	return n == sizeof(answer) ? answer : -EPIPE;
}

static bool may_come_back(int r)
{
	return r == -EPIPE || r == -ECONNRESET || r == -ECONNREFUSED || r == -ENOENT;
}

/* Return: whether the process has ended within RETRY_MS */
static bool died(int end)
{
	struct pollfd p = { .fd = end, .events = POLLIN };

	return poll(&p, 1, RETRY_MS) == 1;
}

/**
 * mediation_deliver() - give the warden the listener of a process's filter (borrowed)
 * @end: what can be read when the process has ended: a pidfd, or the socket to it if it waits for
 * our word
 */
bool mediation_deliver(int dir_fd, int end, int listener, GError **error)
{
	int r = deliver(dir_fd, listener);

	for (int ms = 0; may_come_back(r) && ms < TAKEOVER_MS; ms += RETRY_MS) {
		/* `delete` ends the warden together with the processes. */
		if (died(end))
			return error_set(error, "the process was killed before it could start");
		r = deliver(dir_fd, listener);
	}
	if (r == -ENOSPC)
		return error_set(error, "too many processes were started in this container by "
					"`exec` and still run");
	return r == 0 || error_set_errno(error, r, "give the seccomp listener to cloister-warden");
}
