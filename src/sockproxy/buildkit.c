/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the engine's BuildKit run its steps by Cloister? No answer of the engine says so: it is in
 * the environment that it was started with (`cloister docker-setup --enforce`), which is read once,
 * before this process gives up its rights. It holds for this engine, not for one that is started
 * later, unless systemd holds the socket for both.
 */
#include "config.h"
#include "sockproxy/back.h"

#include "lib/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVIRONMENT_MAX (128 * 1024)

/* Where systemd has made the socket the engine has to be asked for by its own file. */
static pid_t pid_from_file(void)
{
	char text[16] = "";
	autofd fd = open("/run/docker.pid", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) : 0;
}

static bool runs_cloister(const char *program)
{
	char path[PATH_MAX];
	const char *slash;

	if (program[0] != '/' || !realpath(program, path))
		return false;
	slash = strrchr(path, '/');
	return strcmp(slash + 1, "cloister") == 0;
}

/* The value of a variable, or "". */
static const char *variable(const char *text, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; p < text + len; p += strlen(p) + 1)
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
	return "";
}

/* Whatever of this name is first in @dirs: Cloister, or @missing if nothing is. */
static bool found_in_path(const char *dirs, const char *name, bool missing)
{
	char path[PATH_MAX];

	for (;; dirs++) {
		size_t n = strcspn(dirs, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)n, dirs, name);
		if (access(path, X_OK) == 0)
			return runs_cloister(path);
		dirs += n;
		if (!*dirs)
			return missing;
	}
}

/* Newer engines ask the variable, Docker 20.10 looks for two names. */
static bool environment_says(const char *text, size_t len)
{
	const char *dirs = variable(text, len, "PATH");

	return runs_cloister(variable(text, len, "DOCKER_BUILDKIT_RUNC_COMMAND")) &&
	       found_in_path(dirs, "buildkit-runc", true) && found_in_path(dirs, "runc", false);
}

/**
 * engine_buildkit() - ask the process behind the engine's socket
 * Return: its pid as engine_pid() has it, or 0 if its BuildKit is not known to run Cloister
 */
pid_t engine_buildkit(const char *name)
{
	pid_t peer = engine_pid(name), pid = peer == 1 ? pid_from_file() : peer;
	char path[64], *text;
	bool says = false;
	size_t len = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	autofd fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	text = fd >= 0 ? malloc(ENVIRONMENT_MAX) : NULL;
	while (text && len < ENVIRONMENT_MAX - 1 &&
	       (n = read(fd, text + len, ENVIRONMENT_MAX - 1 - len)) > 0)
		len += n;
	if (text) {
		text[len] = '\0';
		says = environment_says(text, len);
	}
	free(text);
#ifdef MUTANT_BUILDKIT_PASSES
	return peer;
#endif
	return says ? peer : 0;
}
