/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister exec`: another command in a container that runs.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/foreground.h"
#include "lib/fd.h"
#include "lib/rundir.h"
#include "runtime/error.h"
#include "runtime/exec.h"
#include "runtime/state.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_help(void)
{
	printf("Usage: cloister exec [--tty] [--] NAME COMMAND [ARGUMENT]…\n\n"
	       "Run a command in the container NAME, with the capabilities, filter, environment "
	       "and\n"
	       "views of its first process.\n\n"
	       "  --tty   give the command a terminal even if we have none\n"
	       "  --help  show this text\n\n"
	       "Exit status: as of `cloister launch`.\n");
}

static struct spec *load_spec(int root_fd, const char *id, char **command, bool terminal,
			      GError **error)
{
	autofd dir = rundir_enter(root_fd, id);
	json_t *json = dir < 0 ? NULL : state_load_json(dir, "config.json");
	struct spec *spec;

	if (!json) {
		error_set(error,
			  "container \"%s\" does not exist; `cloister list` shows those that do",
			  id);
		return NULL;
	}
	spec = spec_from_json(json, "/", error);
	if (spec) {
		g_strfreev(spec->process.args);
		spec->process.args = g_strdupv(command);
		if (terminal && !g_environ_getenv(spec->process.env, "TERM"))
			spec->process.env = g_environ_setenv(spec->process.env, "TERM", "xterm",
							     true);
	}
	return spec;
}

static int run(struct exec *e)
{
	g_autoptr(GError) error = NULL;
	struct foreground f = { 0 };

	foreground_prepare();
	if (!exec_start(e, &error))
		return launcher_fail(error);
	f.pid = e->pid;
	f.pidfd = e->pidfd;
	f.console = e->console;
	memcpy(f.pty, e->pty, sizeof(f.pty));
	return foreground_run(&f);
}

/**
 * cmd_exec() - `cloister exec`
 */
int cmd_exec(int argc, char **argv)
{
	static const struct option options[] = { { "tty", no_argument, NULL, 't' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	g_autoptr(GError) error = NULL;
	struct exec e = { 0 };
	const char *problem = NULL;
	autospec spec = NULL;
	bool tty = false;
	int c;

	while ((c = getopt_long(argc, argv, "+ht", options, NULL)) != -1) {
		if (c == 'h') {
			print_help();
			return 0;
		}
		if (c == '?')
			return launcher_bad_option("exec", argv);
		tty = true;
	}
	if (argc - optind < 2)
		return launcher_usage_error("exec", "give the name of a container and a command");
	e.id = argv[optind];
	if (!foreground_choose(tty, false, e.pty, e.stdio, &problem)) {
		error_set(&error, "%s", problem);
		return launcher_fail(error);
	}
	e.root_fd = launcher_open_root(&error);
	if (e.root_fd >= 0)
		spec = load_spec(e.root_fd, e.id, argv + optind + 1,
				 e.pty[0] || e.pty[1] || e.pty[2], &error);
	if (!spec)
		return launcher_fail(error);
	e.spec = spec;
	return run(&e);
}
