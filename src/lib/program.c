/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own programs: where they are, and running one to its end.
 */
#include "config.h"
#include "lib/program.h"

#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS 16

/**
 * program_path() - path of one of our own programs
 *
 * Beside this program (also in the build tree), else where it is installed.
 * Return: 0 or -ENAMETOOLONG
 */
int program_path(const char *name, char *buf, size_t size)
{
	static const char *const places[] = { "", "../fusefs/", "../shiftfs-fallback/", "../src/" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = NULL;
	int len;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
	}
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		len = snprintf(buf, size, "%s/%s%s", self, places[i], name);
		if (len < (int)size && access(buf, X_OK) == 0)
			return 0;
	}
	len = snprintf(buf, size, "%s/%s", PKGLIBEXECDIR, name);
	return len < (int)size ? 0 : -ENAMETOOLONG;
}

/* Of the caller's environment only where the system bus is, as scope_start() hands it on. */
static void make_env(char *path, char *bus, size_t size, char *env[3])
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	env[0] = path;
	env[1] = env[2] = NULL;
	if (address && snprintf(bus, size, "DBUS_SYSTEM_BUS_ADDRESS=%s", address) < (int)size)
		env[1] = bus;
}

static void become(const char *path, const char *name, const char *const *args)
{
	char *argv[MAX_ARGS + 2] = { (char *)name };
	char path_env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", bus_env[1024], *env[3];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; args[i] && i < MAX_ARGS; i++)
		argv[i + 1] = (char *)args[i];
	make_env(path_env, bus_env, sizeof(bus_env), env);
	sys_leave_session();
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	sys_close_range(3, ~0U, 0);
	execve(path, argv, env);
	_exit(127);
}

/**
 * program_run() - run one of our own programs, silently, and wait for its end
 * @args: without the program's name, at most 16, ended by NULL
 *
 * Return: its exit status, or -errno; -EINTR if a signal ended it
 */
int program_run(const char *name, const char *const *args)
{
	char path[PATH_MAX];
	int status, r = program_path(name, path, sizeof(path));
	pid_t pid;

	if (r < 0)
		return r;
	pid = sys_clone3(0, SIGCHLD, NULL, -1);
	if (pid == 0)
		become(path, name, args);
	if (pid < 0)
		return pid;
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}
