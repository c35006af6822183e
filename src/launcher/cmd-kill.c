/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister kill` and `cloister delete`.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/options.h"
#include "lib/fd.h"
#include "lib/reap.h"
#include "lib/rundir.h"
#include "runtime/error.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static bool find(const char *id, int *root_fd, struct rundir_record *record, GError **error)
{
	autofd dir = -1;

	*root_fd = launcher_open_root(error);
	if (*root_fd < 0)
		return false;
	{
		autofd lock = rundir_lock(*root_fd);

		reap_sweep(*root_fd);
	}
	dir = rundir_enter(*root_fd, id);
	if (dir >= 0 && rundir_read_record(dir, record) == 0)
		return true;
	return error_set(
		error, "container \"%s\" does not exist; `cloister list` shows those that do", id);
}

/*
 * A signal that ends a process ends PID 1 too: the kernel would drop it, for want of a handler,
 * and the caller would wait for nothing.
 */
static int effective_signal(const struct rundir_record *record, int sig)
{
	return proc_would_drop(record->init.pid, sig) ? SIGKILL : sig;
}

static int do_kill(const char *id, const char *signal_name)
{
	g_autoptr(GError) error = NULL;
	struct rundir_record record;
	int sig = SIGTERM, r;
	autofd root = -1;

	if (signal_name && !option_signal(signal_name, &sig, &error))
		return launcher_fail(error);
	if (!find(id, &root, &record, &error))
		return launcher_fail(error);
	r = proc_kill(&record.init, effective_signal(&record, sig));
	if (r < 0) {
		error_set(&error, "container \"%s\" is not running", id);
		return launcher_fail(error);
	}
	return 0;
}

/**
 * cmd_kill() - `cloister kill`
 */
int cmd_kill(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c != 'h')
			return launcher_bad_option("kill", argv);
		printf("Usage: cloister kill NAME [SIGNAL]\n\n"
		       "Send SIGNAL (default TERM; a name or a number) to the first process of "
		       "container\n"
		       "NAME. One that would end a process, and that PID 1 has no handler for, "
		       "ends it.\n\n"
		       "  --help  show this text\n");
		return 0;
	}
	if (argc - optind < 1 || argc - optind > 2)
		return launcher_usage_error("kill", "give the name of a container");
	return do_kill(argv[optind], argv[optind + 1]);
}

static int do_delete(const char *id, bool force)
{
	g_autoptr(GError) error = NULL;
	struct rundir_record record;
	autofd root = -1;
	int r;

	if (!find(id, &root, &record, &error)) {
		autofd lock = root >= 0 ? rundir_lock(root) : -1;

		return force && root >= 0 && rundir_valid_id(id) ? reap_container(root, id) < 0
								 : launcher_fail(error);
	}
	if (!force && proc_alive(&record.init)) {
		error_set(&error,
			  "container \"%s\" is running; `cloister delete --force %s` ends it", id,
			  id);
		return launcher_fail(error);
	}
	{
		autofd lock = rundir_lock(root);

		r = reap_container(root, id);
	}
	if (r < 0) {
		error_set_errno(&error, r, "remove container \"%s\"", id);
		return launcher_fail(error);
	}
	return 0;
}

/**
 * cmd_delete() - `cloister delete`
 */
int cmd_delete(int argc, char **argv)
{
	static const struct option options[] = { { "force", no_argument, NULL, 'f' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	bool force = false;
	int c, status = 0;

	while ((c = getopt_long(argc, argv, "fh", options, NULL)) != -1) {
		if (c == 'f') {
			force = true;
			continue;
		}
		if (c != 'h')
			return launcher_bad_option("delete", argv);
		printf("Usage: cloister delete [--force] NAME…\n\n"
		       "Remove containers and everything of them.\n\n"
		       "  -f, --force  end a container that runs; one that does not exist is no "
		       "error\n"
		       "  --help       show this text\n");
		return 0;
	}
	if (optind == argc)
		return launcher_usage_error("delete", "give the name of a container");
	for (; optind < argc; optind++)
		status = do_delete(argv[optind], force) ?: status;
	return status;
}
