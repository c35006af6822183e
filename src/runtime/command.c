/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command of a specification: finding it in the container as execvp(3) would, and executing it.
 */
#include "config.h"
#include "runtime/init.h"

#include "runtime/error.h"
#include "runtime/home.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The environment with $HOME; the specification's own array stays as it is. */
static char **with_home(const struct spec_process *p)
{
	static char home[4096] = "HOME=";
	size_t n = 0;
	char **env;

	for (; p->env && p->env[n]; n++)
		if (strncmp(p->env[n], "HOME=", 5) == 0)
			return p->env;
	env = g_new0(char *, n + 2);
	if (n)
		memcpy(env, p->env, n * sizeof(*env));
	home_find(p->uid, home + 5, sizeof(home) - 5);
	env[n] = home;
	return env;
}

static const char *env_path(char **env)
{
	for (; env && *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Engines tell these cases apart by the words at the end. */
static G_GNUC_NORETURN void fail_command(int sync, const char *name, int err)
{
	if (err == ENOENT || err == ENOTDIR)
		child_fail(sync, EXIT_NOT_FOUND, 0,
			   "command \"%s\": not found in the container: %s", name,
			   strchr(name, '/') ? "no such file or directory"
					     : "executable file not found in $PATH");
	if (err == EACCES)
		child_fail(sync, EXIT_NOT_EXECUTABLE, 0, "command \"%s\": permission denied", name);
	child_fail(sync, EXIT_NOT_EXECUTABLE, err, "command \"%s\"", name);
}

static int try_exec(const char *path, const struct spec_process *p, char **env)
{
	execve(path, p->args, env);
	return errno;
}

static int try_access(const char *path, const struct spec_process *p, char **env)
{
	struct stat st;

	(void)p;
	(void)env;
	if (stat(path, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return access(path, X_OK) < 0 ? errno : 0;
}

/* Try @name, or @name in each directory of $PATH. Return: 0, or the errno that says most. */
static int each_candidate(const struct spec_process *p, char **env,
			  int (*try)(const char *, const struct spec_process *, char **))
{
	const char *name = p->args[0], *path = env_path(p->env);
	int err = ENOENT, e;
	char buf[4096];

	if (!name || !*name)
		return ENOENT;
	if (strchr(name, '/'))
		return try(name, p, env);
	for (; *path; path += strcspn(path, ":"), path += *path == ':') {
		size_t len = strcspn(path, ":");

		if (len + strlen(name) + 2 > sizeof(buf))
			continue;
		memcpy(buf, path, len);
		buf[len] = '/';
		strcpy(buf + len + 1, name);
		e = try(buf, p, env);
		if (e == 0)
			return 0;
		/* What is found but cannot be run is the better answer than "not found". */
		if (e != ENOENT && e != ENOTDIR)
			err = e;
	}
	return err;
}

/**
 * child_check_command() - say so now if the command is not there, to who creates the container
 *
 * Only a courtesy: what counts is the exec. Relative names are relative to the working directory,
 * and wait for that.
 */
void child_check_command(const struct child_common *c)
{
	const char *name = c->process->args[0];
	int err;

	if (strchr(name, '/') && name[0] != '/')
		return;
	err = each_candidate(c->process, NULL, try_access);
	if (err)
		fail_command(c->sync, name, err);
}

/**
 * child_exec_command() - execute it, or tell the launcher why that cannot be
 * @sync: close-on-exec, so that its end tells that it could be
 */
void child_exec_command(int sync, const struct spec_process *p)
{
	int err = each_candidate(p, with_home(p), try_exec);

	fail_command(sync, p->args[0], err);
}
