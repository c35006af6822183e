/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: connecting to it, and asking which of its runtimes is Cloister.
 */
#include "config.h"
#include "sockproxy/back.h"

#include "lib/fd.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define INFO_MAX       (1024 * 1024)
#define INFO_TIMEOUT_S 5

/**
 * engine_connect() - a connection to the engine's socket
 * @name: in the current directory, which is the one the socket was in when the container was made:
 *	an engine that restarts makes a new socket there
 *
 * Return: a descriptor or -errno
 */
int engine_connect(const char *name, bool block)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (block ? 0 : SOCK_NONBLOCK), 0);

	if (fd < 0)
		return -errno;
	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", name) >=
	    (int)sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	return connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : fd_steal(&fd);
}

/**
 * engine_pid() - who made the engine's socket: the engine, or who starts it for the first client
 * Return: 0 if nobody answers
 */
pid_t engine_pid(const char *name)
{
	autofd fd = engine_connect(name, false);
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ?: "";
}

/**
 * runtime_is_ours() - is what the engine calls a runtime Cloister?
 * @runtime: one of "Runtimes" in its /info; or NULL
 */
bool runtime_is_ours(json_t *runtime)
{
	const char *path = json_string_value(json_object_get(runtime, "path"));

	return strcmp(base_name(path), "cloister") == 0;
}

/* The default runtime if it is ours, else any that is. */
static void choose(json_t *info, struct proxy_msg *answer)
{
	json_t *runtimes = json_object_get(info, "Runtimes"), *runtime;
	const char *preset = json_string_value(json_object_get(info, "DefaultRuntime")) ?: "";
	const char *name;

	json_object_foreach(runtimes, name, runtime)
	{
		if (!runtime_is_ours(runtime) || strlen(name) >= PROXY_RUNTIME_MAX)
			continue;
		answer->builds |= strcmp(name, preset) == 0;
		if (!answer->runtime[0] || strcmp(name, preset) == 0)
			snprintf(answer->runtime, PROXY_RUNTIME_MAX, "%s", name);
	}
}

static size_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && (n = recv(fd, buf + len, size - len, 0)) > 0)
		len += n;
	return len;
}

/**
 * engine_runtime() - ask the engine which of its runtimes is Cloister
 * @answer: ->runtime is "" if there is none, or the engine does not say in time
 */
void engine_runtime(const char *name, struct proxy_msg *answer)
{
	static const char request[] = "GET /info HTTP/1.0\r\nHost: docker\r\n\r\n";
	static char text[INFO_MAX];
	struct timeval limit = { .tv_sec = INFO_TIMEOUT_S };
	autofd fd = engine_connect(name, true);
	const char *body;
	json_t *info;
	size_t len;

	answer->runtime[0] = '\0';
	answer->builds = false;
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return;
	len = read_all(fd, text, sizeof(text));
	body = memmem(text, len, "\r\n\r\n", 4);
	info = body ? json_loadb(body + 4, text + len - body - 4, 0, NULL) : NULL;
	if (info)
		choose(info, answer);
	json_decref(info);
}
