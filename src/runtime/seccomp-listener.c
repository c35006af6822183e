/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCMP_ACT_NOTIFY: handing the listener of a filter to the agent behind "listenerPath", as the
 * specification's "Container Process State" describes.
 */
#include "config.h"
#include "runtime/seccomp.h"

#include "lib/fd.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define SPEC_VERSION "1.3.0"

/* An agent that does not accept in this time gets no container. */
#define AGENT_TIMEOUT_S 10

static char *describe(const struct seccomp *s, const struct seccomp_process *who)
{
	json_t *state = json_pack("{s:s, s:s, s:s, s:i, s:s}", "ociVersion", SPEC_VERSION, "id",
				  who->id, "status", who->status, "pid", (int)who->init, "bundle",
				  who->bundle);
	json_t *json = json_pack("{s:s, s:[s], s:i, s:o}", "ociVersion", SPEC_VERSION, "fds",
				 "seccompFd", "pid", (int)who->pid, "state", state);
	char *text;

	if (json && who->annotations)
		json_object_set(state, "annotations", who->annotations);
	if (json && s->listener_metadata)
		json_object_set_new(json, "metadata", json_string(s->listener_metadata));
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

/* A path may be longer than a socket's address: then it goes by its directory's descriptor. */
static int connect_to(int sock, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_autofree char *parent = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	autofd dir = -1;
	int n;

	if (strlen(path) < sizeof(address.sun_path)) {
		n = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	} else {
		dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return -errno;
		n = snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir,
			     name);
	}
	if (n >= (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	return connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

/* All descriptors go with the first message; a stream may take less than all of its bytes. */
static int send_with_fd(int sock, const char *text, int fd)
{
	size_t len = strlen(text);
	size_t first = MIN(len, 4096);
	int r = fd_send(sock, text, first, &fd, 1);

	while (r == 0 && first < len) {
		ssize_t n = send(sock, text + first, len - first, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			r = -errno;
		first += MAX(n, 0);
	}
	return r;
}

/**
 * seccomp_deliver_listener() - send the listener @fd (borrowed) to the agent, with who it is of
 *
 * To be called in the host's mount namespace, while the process waits: after it nothing else tells
 * the agent that there is somebody to answer.
 */
bool seccomp_deliver_listener(const struct seccomp *s, const struct seccomp_process *who, int fd,
			      GError **error)
{
	const struct timeval limit = { .tv_sec = AGENT_TIMEOUT_S };
	autofd sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *text;
	int r;

	if (!s->listener_path)
		return error_set(error, "linux.seccomp: a listener that nobody asked for");
	if (sock < 0)
		return error_set_errno(error, -errno, "make a socket");
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	r = connect_to(sock, s->listener_path);
	if (r < 0)
		return error_set_errno(
			error, r,
			"linux.seccomp: connect to listenerPath \"%s\"; is the agent "
			"running?",
			s->listener_path);
	text = describe(s, who);
	r = text ? send_with_fd(sock, text, fd) : -EINVAL;
	free(text);
	return r == 0 || error_set_errno(error, r, "linux.seccomp: send to listenerPath \"%s\"",
					 s->listener_path);
}
