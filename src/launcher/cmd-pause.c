/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister pause` and `cloister resume`.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/target.h"
#include "runtime/error.h"

#include <errno.h>
#include <stdio.h>

/* All or none: what could not be stopped in time is not left half stopped. */
static bool freeze(const char *id, const struct target *t, GError **error)
{
	int r = cgroup_freeze(&t->cgroups, true);

	if (r == 0)
		return true;
	if (r != -ENODEV)
		cgroup_freeze(&t->cgroups, false);
	if (r == -ETIMEDOUT)
		return error_set(error,
				 "pause \"%s\": a process did not stop in time (in an "
				 "uninterruptible sleep?); it runs on, try again later",
				 id);
	return error_set_errno(error, r, "pause \"%s\"; is the cgroup controller freezer mounted?",
			       id);
}

static bool change(const char *id, bool frozen, GError **error)
{
	struct target t;
	bool ok = target_open_running(id, &t, error);
	int r;

	if (ok && cgroup_is_frozen(&t.cgroups) == frozen)
		ok = error_set(error, "container %s: \"%s\"",
			       frozen ? "already paused" : "not paused", id);
	else if (ok && frozen)
		ok = freeze(id, &t, error);
	else if (ok) {
		r = cgroup_freeze(&t.cgroups, false);
		ok = r == 0 || error_set_errno(error, r, "resume \"%s\"", id);
	}
	target_close(&t);
	return ok;
}

static int run(int argc, char **argv, bool frozen, const char *help)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	const char *command = frozen ? "pause" : "resume";
	g_autoptr(GError) error = NULL;
	int c;

	while ((c = flags_getopt(argc, argv, "h", options)) != -1) {
		if (c != 'h')
			return launcher_bad_option(command, argv);
		fputs(help, stdout);
		return 0;
	}
	if (argc - optind != 1)
		return launcher_usage_error(command, "give the name of one container");
	return change(argv[optind], frozen, &error) ? 0 : launcher_fail(error);
}

/**
 * cmd_pause() - `cloister pause`
 */
int cmd_pause(int argc, char **argv)
{
	static const char help[] = "Usage: cloister pause NAME\n\n"
				   "Stop all processes of container NAME, until `cloister resume`; "
				   "its helpers go on.\n\n"
				   "  --help  show this text\n";

	return run(argc, argv, true, help);
}

/**
 * cmd_resume() - `cloister resume`
 */
int cmd_resume(int argc, char **argv)
{
	static const char help[] = "Usage: cloister resume NAME\n\n"
				   "Let the processes of a paused container go on.\n\n"
				   "  --help  show this text\n";

	return run(argc, argv, false, help);
}
