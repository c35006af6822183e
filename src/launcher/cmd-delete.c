/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister delete`.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/known.h"
#include "launcher/log.h"
#include "lib/claims.h"
#include "lib/fd.h"
#include "lib/fuseconn.h"
#include "lib/reap.h"
#include "lib/rundir.h"
#include "runtime/error.h"
#include "runtime/hooks.h"
#include "runtime/startlink.h"
#include "runtime/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is to be run when it is gone; read before it goes. */
static struct spec *poststop_spec(const char *id, int root_fd)
{
	autofd dir = rundir_enter(root_fd, id);
	json_t *config = dir < 0 ? NULL : state_load_json(dir, "config.json");
	json_t *state = dir < 0 ? NULL : state_load_json(dir, "state.json");
	struct spec *spec = NULL;

	if (json_object_get(json_object_get(config, "hooks"), "poststop"))
		spec = spec_from_json(json_incref(config),
				      json_string_value(json_object_get(state, "bundle")) ?: "/",
				      NULL);
	json_decref(config);
	json_decref(state);
	return spec;
}

static void run_poststop(const struct spec *spec, const char *id)
{
	g_autofree char *state = state_text(spec, id, "stopped", 0);
	g_autoptr(GError) error = NULL;

	if (!hooks_run_all(spec, SPEC_HOOK_POSTSTOP, state, &error))
		log_warning("%s", error->message);
}

static bool may_delete(int root_fd, const char *id, bool force, GError **error)
{
	autofd dir = rundir_enter(root_fd, id);
	struct rundir_record record;

	if (dir < 0 && force && rundir_valid_id(id))
		return true;
	if (dir < 0)
		return error_set(
			error,
			"container \"%s\" does not exist; `cloister list` shows those that "
			"do",
			id);
	if (force || rundir_read_record(dir, &record) < 0 || !proc_alive(&record.init) ||
	    startlink_waits(dir))
		return true;
	return error_set(
		error,
		"cannot delete container \"%s\", which is running; `cloister delete --force "
		"%s` ends it",
		id, id);
}

struct waited {
	const char *self;
	uint32_t uids[64];
	int n;
	GString *names;
};

static int add_owner(const char *id, const struct claim *claim, void *arg)
{
	struct waited *w = arg;
	g_autofree char *name = g_strndup(id, strcspn(id, "@")); /* and of which state root */

	for (int i = 0; i < w->n; i++) {
		if (w->uids[i] - claim->base >= claim->count || strcmp(name, w->self) == 0)
			continue;
		g_string_append_printf(w->names, "%s%s", w->names->len ? ", " : "", name);
		break;
	}
	return 0;
}

/*
 * What it may wait for: a file that another container handed to it, or a lock in a volume which
 * that one holds, waiting for a FUSE server of its own. To abort the connection would be the
 * other's harm, and whether it is that one cannot be known. Return: "" if there is none such.
 */
static char *suspects(int root_fd, const char *id)
{
	struct waited w = { .self = id, .names = g_string_new(NULL) };

	w.n = fuseconn_waited(w.uids, G_N_ELEMENTS(w.uids));
	if (w.n > 0)
		claim_each(root_fd, add_owner, &w);
	return g_string_free(w.names, false);
}

static bool fail_busy(int root_fd, const char *id, GError **error)
{
	g_autofree char *others = suspects(root_fd, id);

	if (*others)
		return error_set(error,
				 "container \"%s\": a process of it cannot be ended now; it may "
				 "wait for a FUSE file system of %s: end that first, and delete it "
				 "again; its ids stay taken",
				 id, others);
	return error_set(error,
			 "container \"%s\": a process of it cannot be ended now (in an "
			 "uninterruptible sleep?); its ids stay taken, delete it again later",
			 id);
}

static bool reap(int root_fd, const char *id, GError **error)
{
	int r = reap_container(root_fd, id);

	if (r == -EBUSY)
		return fail_busy(root_fd, id, error);
	return r == 0 || error_set_errno(error, r, "remove container \"%s\"", id);
}

static int do_delete(const char *id, bool force)
{
	g_autoptr(GError) error = NULL;
	autofd root = launcher_open_root(&error);
	autospec spec = NULL;

	if (root < 0)
		return launcher_fail(error);
	{
		autofd lock = rundir_lock(root);

		reap_sweep(root);
	}
	if (!may_delete(root, id, force, &error))
		return launcher_fail(error);
	spec = poststop_spec(id, root);
	if (!reap(root, id, &error))
		return launcher_fail(error);
	if (spec)
		run_poststop(spec, id);
	return 0;
}

static int delete_matching(const char *regex, bool force)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) names = known_matching(regex, &error);
	int status = names ? 0 : launcher_fail(error);

	for (char **n = names; n && *n; n++)
		status = do_delete(*n, force) ?: status;
	return status;
}

/**
 * cmd_delete() - `cloister delete`
 */
int cmd_delete(int argc, char **argv)
{
	static const struct option options[] = { { "force", no_argument, NULL, 'f' },
						 { "regex", required_argument, NULL, 'r' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *regex = NULL;
	bool force = false;
	int c, status = 0;

	while ((c = flags_getopt(argc, argv, "fr:h", options)) != -1) {
		if (c == '?')
			return launcher_bad_option("delete", argv);
		force = c == 'f' ? !optarg : force;
		regex = c == 'r' ? optarg : regex;
		if (c != 'h')
			continue;
		printf("Usage: cloister delete [--force] NAME…\n"
		       "       cloister delete [--force] --regex PATTERN\n\n"
		       "Remove containers and everything of them.\n\n"
		       "  -f, --force          end a container that runs; one that does not exist "
		       "is "
		       "no error\n"
		       "  -r, --regex PATTERN  every container whose name matches PATTERN\n"
		       "  --help               show this text\n");
		return 0;
	}
	if (regex && optind == argc)
		return delete_matching(regex, force);
	if (optind == argc)
		return launcher_usage_error("delete", "give the name of a container");
	for (; optind < argc; optind++)
		status = do_delete(argv[optind], force) ?: status;
	return status;
}
