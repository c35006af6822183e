/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister kill`.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/known.h"
#include "launcher/options.h"
#include "lib/cgroup.h"
#include "lib/fd.h"
#include "lib/fuseconn.h"
#include "lib/proc.h"
#include "runtime/error.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* What has not ended by then waits for something. */
#define RELEASE_MS 500

/*
 * A signal that ends a process ends the first process of `launch` too: the kernel would drop it,
 * for want of a handler, and the caller would wait for nothing. Engines know how PID 1 is.
 */
static int effective_signal(const struct rundir_record *record, int sig)
{
	return sig && record->auto_remove && proc_would_drop(record->init.pid, sig) ? SIGKILL : sig;
}

/* To every process of the container; or, if it is frozen, so that it dies all the same. */
static int kill_all(const struct rundir_record *record, int sig)
{
	struct cgroups cg = { 0 };
	int r = cgroup_detect(&cg);

	if (r == 0)
		r = cgroup_open(&cg, record->cgroup);
	if (r >= 0)
		r = cgroup_signal_all(&cg, sig);
	cgroup_free(&cg);
	return r < 0 ? r : 0;
}

static void thaw(const struct rundir_record *record)
{
	struct cgroups cg = { 0 };

	if (cgroup_detect(&cg) == 0 && cgroup_open(&cg, record->cgroup) >= 0 &&
	    cgroup_is_frozen(&cg))
		cgroup_freeze(&cg, false);
	cgroup_free(&cg);
}

/*
 * Killed, a process still waits for FUSE servers when it closes its files; the kernel cannot end
 * one that waits for itself, and who sent the signal would see it run for ever.
 */
static void release(const struct rundir_record *record, int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0 && fuseconn_any(record->init.pid) && poll(&p, 1, RELEASE_MS) == 0)
		fuseconn_abort(record->init.pid, pidfd);
}

static bool send_signal(const struct known *k, int sig, bool all, GError **error)
{
	autofd init = sig == SIGKILL ? proc_open(&k->record.init) : -1;
	int r;

	if (all) {
		r = kill_all(&k->record, sig);
		release(&k->record, init);
		return r == 0 ||
		       error_set_errno(error, r, "send signal %d to all of container \"%s\"", sig,
				       k->id);
	}
	r = proc_kill(&k->record.init, effective_signal(&k->record, sig));
	if (r < 0)
		return error_set(error, "container \"%s\" is not running: container not running",
				 k->id);
	if (sig == SIGKILL)
		thaw(&k->record);
	release(&k->record, init);
	return true;
}

static int do_kill(const char *id, const char *signal_name, bool all)
{
	g_autoptr(GError) error = NULL;
	int sig = SIGTERM, status = 0;
	struct known k;

	if (signal_name && !option_signal(signal_name, &sig, &error))
		return launcher_fail(error);
	if (!known_open(&k, id, false, &error) || !send_signal(&k, sig, all, &error))
		status = launcher_fail(error);
	known_close(&k);
	return status;
}

static int kill_matching(const char *regex, const char *signal_name, bool all)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) names = known_matching(regex, &error);
	int status = names ? 0 : launcher_fail(error);

	for (char **n = names; n && *n; n++)
		status = do_kill(*n, signal_name, all) ?: status;
	return status;
}

/**
 * cmd_kill() - `cloister kill`
 */
int cmd_kill(int argc, char **argv)
{
	static const struct option options[] = { { "all", no_argument, NULL, 'a' },
						 { "regex", required_argument, NULL, 'r' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *regex = NULL;
	bool all = false;
	int c;

	while ((c = flags_getopt(argc, argv, "ar:h", options)) != -1) {
		if (c == '?')
			return launcher_bad_option("kill", argv);
		all = c == 'a' ? !optarg : all;
		regex = c == 'r' ? optarg : regex;
		if (c != 'h')
			continue;
		printf("Usage: cloister kill [--all] NAME [SIGNAL]\n"
		       "       cloister kill [--all] --regex PATTERN [SIGNAL]\n\n"
		       "Send SIGNAL (default TERM; a name or a number; 0 only asks) to the first "
		       "process of "
		       "container\n"
		       "NAME. With containers of `cloister launch`, one that would end a process, "
		       "and that\n"
		       "PID 1 has no handler for, ends it.\n\n"
		       "  -a, --all            send it to every process of the container\n"
		       "  -r, --regex PATTERN  of every container whose name matches PATTERN\n"
		       "  --help               show this text\n");
		return 0;
	}
	if (regex && argc - optind <= 1)
		return kill_matching(regex, argv[optind], all);
	if (argc - optind < 1 || argc - optind > 2)
		return launcher_usage_error("kill", "give the name of a container");
	return do_kill(argv[optind], argv[optind + 1], all);
}
