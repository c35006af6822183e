/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `create`, `run` and `exec` share: descriptors that are passed on and handed out, the pid
 * file.
 */
#include "config.h"
#include "launcher/bundle.h"

#include "lib/fd.h"
#include "runtime/error.h"
#include "runtime/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENER_WAIT_S 10

/**
 * bundle_number() - the value of @option as a number from 0 to @max
 */
bool bundle_number(const char *option, const char *text, int max, int *ret, GError **error)
{
	char *end = NULL;
	long n = strtol(text, &end, 10);

	if (!g_ascii_isdigit(text[0]) || *end || n > max)
		return error_set(error, "%s \"%s\": give a number from 0 to %d", option, text, max);
	*ret = n;
	return true;
}

/*
 * Only what was inherited: one of our own in its place would be passed into the container.
 */
static bool is_inherited(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/**
 * bundle_check_fds() - are the descriptors that are to be passed on there?
 *
 * Those of the systemd protocol ($LISTEN_FDS) come on top. Called before anything else is opened.
 */
bool bundle_check_fds(int *preserve_fds, GError **error)
{
	const char *listen = getenv("LISTEN_FDS");
	int extra = 0;

	if (listen && !bundle_number("$LISTEN_FDS", listen, INIT_PRESERVE_MAX, &extra, error))
		return false;
	*preserve_fds += extra;
	if (*preserve_fds > INIT_PRESERVE_MAX)
		return error_set(error, "--preserve-fds: at most %d", INIT_PRESERVE_MAX);
	for (int fd = 3; fd < 3 + *preserve_fds; fd++)
		if (!is_inherited(fd))
			return error_set(error, "--preserve-fds: descriptor %d is not open", fd);
	return true;
}

/* Where others are in line already and nobody takes them, connecting would never end. */
static int connect_to(const char *path)
{
	const struct timeval limit = { .tv_sec = LISTENER_WAIT_S };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	if (fd < 0)
		return -errno;
#ifndef MUTANT_SOCKET_ENDLESS
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
#endif
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return fd_steal(&fd);
}

/**
 * bundle_hand_over() - send @fd to who listens on the socket @path; no path: nothing
 * @word: what comes with it, as runc has it
 */
bool bundle_hand_over(const char *option, const char *path, const char *word, int fd,
		      GError **error)
{
	autofd sock = path ? connect_to(path) : -1;
	int r = sock < 0 ? sock : fd_send(sock, word, strlen(word), &fd, 1);

	return !path || r == 0 || error_set_errno(error, r, "%s \"%s\"", option, path);
}

/**
 * bundle_write_pid() - write @pid to the file @path, whole or not at all; no path: nothing
 */
bool bundle_write_pid(const char *path, pid_t pid, GError **error)
{
	g_autofree char *dir = path ? g_path_get_dirname(path) : NULL;
	g_autofree char *name = path ? g_path_get_basename(path) : NULL;
	autofd fd = path ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	char text[16];
	int r = fd < 0 ? -errno : 0;

	if (!path)
		return true;
	g_snprintf(text, sizeof(text), "%d", (int)pid);
	if (r == 0)
		r = fd_replace_file_at(fd, name, text, strlen(text), 0644);
	return r == 0 || error_set_errno(error, r, "--pid-file \"%s\"", path);
}

/**
 * bundle_give_stdio() - the command gets our standard descriptors, or a terminal of its own
 */
void bundle_give_stdio(bool terminal, int stdio[3], bool pty[3])
{
	for (int i = 0; i < 3; i++) {
		stdio[i] = i;
		pty[i] = terminal;
	}
}
