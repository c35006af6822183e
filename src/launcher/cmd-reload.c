/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister reload`: containers that run get the helpers that are installed now.
 *
 * The warden first, which is told to execute the installed program (warden/handover.c); its
 * notifier follows. Then the server is told to end, and the warden starts the installed program on
 * the same connection, as after a crash: readers inside wait for some milliseconds. A program that
 * does not start, or does not know what its predecessor left, is replaced by the one that ran
 * before.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/known.h"
#include "lib/fd.h"
#include "lib/rundir.h"
#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/wardenlink.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RELOAD_MS 12000
#define POLL_MS	  2

/**
 * reload_is_installed() - whether process @pid runs the program @name that is installed now
 */
bool reload_is_installed(const char *name, pid_t pid)
{
	g_autofree char *path = wardenlink_program(name);
	g_autofree char *exe = g_strdup_printf("/proc/%d/exe", (int)pid);
	struct stat a, b;

	return stat(path, &a) == 0 && stat(exe, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool is_same(const struct proc_id *a, const struct proc_id *b)
{
	return a->pid == b->pid && a->start == b->start;
}

/*
 * Waits until the warden has made another twin than that of @old, which is its last step; or, if it
 * died of what it became, until the twin has one. Return: who is the warden; pid 0: nobody.
 */
static struct proc_id wait_for_warden(int dir_fd, const struct rundir_helpers *old)
{
	struct rundir_helpers h;

	for (int ms = 0; ms < RELOAD_MS; ms += POLL_MS) {
		if (rundir_read_helpers(dir_fd, &h) == 0 && h.twin.pid > 0 &&
		    !is_same(&h.twin, &old->twin) && proc_alive(&h.twin))
			return h.warden;
		g_usleep(POLL_MS * 1000);
	}
	return (struct proc_id){ 0 };
}

static bool reload_warden(const char *id, int dir_fd, GError **error)
{
	struct rundir_helpers old;
	struct proc_id now;

	if (rundir_read_helpers(dir_fd, &old) < 0 || !proc_alive(&old.warden) ||
	    !proc_alive(&old.twin) || proc_kill(&old.warden, SIGHUP) < 0)
		return error_set(error,
				 "container \"%s\": its warden or the twin of it has just died; "
				 "try again",
				 id);
	now = wait_for_warden(dir_fd, &old);
	if (!now.pid) { /* it hangs: the twin takes over, with the program from before */
		proc_kill(&old.warden, SIGKILL);
		now = wait_for_warden(dir_fd, &old);
	}
	return reload_is_installed("cloister-warden", now.pid) ||
	       error_set(error,
			 "container \"%s\": the installed cloister-warden did not start; the one "
			 "from before goes on",
			 id);
}

/* Waits until the warden has written down another server than @old. */
static bool wait_for_next(int dir_fd, const struct proc_id *old, struct proc_id *next)
{
	struct rundir_helpers h;

	for (int ms = 0; ms < RELOAD_MS; ms += POLL_MS) {
		if (rundir_read_helpers(dir_fd, &h) == 0 && h.server.pid > 0 &&
		    (h.server.pid != old->pid || h.server.start != old->start) &&
		    proc_alive(&h.server)) {
			*next = h.server;
			return true;
		}
		g_usleep(POLL_MS * 1000);
	}
	return false;
}

static bool reload(const char *id, struct proc_id *next, GError **error)
{
	struct rundir_helpers h = { 0 };
	struct known k;
	bool ok = known_open(&k, id, false, error);

	if (ok && (rundir_read_helpers(k.dir_fd, &h) < 0 || !proc_alive(&h.server)))
		ok = error_set(error, "container \"%s\" has no server that could be replaced", id);
	if (ok && !proc_alive(&h.warden) && !proc_alive(&h.twin))
		ok = error_set(error, "container \"%s\" has no warden that could start a server",
			       id);
	if (ok)
		ok = reload_warden(id, k.dir_fd, error);
	if (ok && (rundir_read_helpers(k.dir_fd, &h) < 0 || proc_kill(&h.server, SIGTERM) < 0))
		ok = error_set(error, "end the server of \"%s\"", id);
	if (ok && !wait_for_next(k.dir_fd, &h.server, next))
		ok = error_set(error,
			       "container \"%s\": no server started; its emulated files answer "
			       "errors now",
			       id);
	if (ok && !reload_is_installed("cloister-fs", next->pid))
		ok = error_set(error,
			       "container \"%s\": the installed cloister-fs did not start; the one "
			       "from before serves on",
			       id);
	known_close(&k);
	return ok;
}

struct report {
	json_t *rows; /* or NULL: a table is printed */
	int status;
};

static void reload_one(const char *id, struct report *report)
{
	g_autoptr(GError) error = NULL;
	struct proc_id next = { 0 };
	bool ok = reload(id, &next, &error);

	if (!ok)
		report->status = launcher_fail(error);
	if (report->rows)
		json_array_append_new(report->rows,
				      json_pack("{s:s, s:b, s:i, s:s}", "id", id, "reloaded", ok,
						"pid", (int)next.pid, "error",
						error ? error->message : ""));
	else if (ok)
		printf("%-24s %d\n", id, (int)next.pid);
}

static void reload_all(struct report *report)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) names = known_matching(".*", &error);

	if (!names) {
		report->status = launcher_fail(error);
		return;
	}
	for (char **name = names; *name; name++) {
		struct rundir_helpers h = { 0 };
		struct known k;

		/* what has stopped, or is being made, has nothing to reload */
		if (known_open(&k, *name, false, NULL) && rundir_read_helpers(k.dir_fd, &h) == 0 &&
		    proc_alive(&h.server))
			reload_one(*name, report);
		known_close(&k);
	}
}

static int print(struct report *report)
{
	if (!report->rows)
		return report->status;
	json_dumpf(report->rows, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(report->rows);
	return report->status;
}

/**
 * cmd_reload() - `cloister reload`
 */
int cmd_reload(int argc, char **argv)
{
	static const struct option options[] = { { "all", no_argument, NULL, 'a' },
						 { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	static const char help[] =
		"Usage: cloister reload [--json] NAME…\n"
		"       cloister reload [--json] --all\n\n"
		"Have the helpers of containers that run be the programs that are installed now:\n"
		"cloister-warden and cloister-fs. Nothing is mounted anew and nobody inside "
		"notices.\n\n"
		"  --all   all containers of this state root\n"
		"  --json  print an array of {id, reloaded, pid, error}\n"
		"  --help  show this text\n";
	struct report report = { 0 };
	bool all = false, json = false;
	int c;

	while ((c = flags_getopt(argc, argv, "h", options)) != -1) {
		if (c == 'a')
			all = !optarg;
		else if (c == 'j')
			json = !optarg;
		else if (c != 'h')
			return launcher_bad_option("reload", argv);
		else
			return fputs(help, stdout) < 0;
	}
	if (all == (optind < argc))
		return launcher_usage_error("reload", "give names of containers, or --all");
	report.rows = json ? json_array() : NULL;
	if (all)
		reload_all(&report);
	for (int i = optind; i < argc; i++)
		reload_one(argv[i], &report);
	return print(&report);
}
