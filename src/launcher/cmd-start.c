/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister start` and `cloister state`.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/known.h"
#include "lib/fd.h"
#include "runtime/container.h"
#include "runtime/error.h"
#include "runtime/hooks.h"
#include "runtime/state.h"

#include <stdio.h>
#include <stdlib.h>

/* The only argument of a command, after --help is dealt with; or NULL and the exit status. */
static const char *only_id(const char *command, const char *help, int argc, char **argv,
			   int *status)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	int c;

	*status = 0;
	while ((c = flags_getopt(argc, argv, "+h", options)) != -1) {
		if (c == 'h')
			printf("Usage: cloister %s ID\n\n%s\n\n  --help  show this text\n", command,
			       help);
		else
			*status = launcher_bad_option(command, argv);
		return NULL;
	}
	if (argc - optind == 1)
		return argv[optind];
	*status = launcher_usage_error(command, "give one container ID");
	return NULL;
}

/* The command runs; if a hook that wants to know of it fails, it must not go on. */
static bool poststart(struct known *k, GError **error)
{
	autospec spec = NULL;
	g_autofree char *state = NULL;

	if (!json_object_get(json_object_get(k->config, "hooks"), "poststart"))
		return true;
	spec = spec_from_json(json_incref(k->config), known_bundle(k), error);
	if (!spec)
		return false;
	state = state_text(spec, k->id, "running", k->record.init.pid);
	if (hooks_run(spec, SPEC_HOOK_POSTSTART, state, -1, false, error))
		return true;
	proc_kill(&k->record.init, SIGKILL);
	return false;
}

/**
 * cmd_start() - `cloister start`
 */
int cmd_start(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	struct known k;
	int status;
	const char *id = only_id("start", "Start what `cloister create` made.", argc, argv,
				 &status);

	if (!id)
		return status;
	if (!known_open(&k, id, true, &error) || !container_start_created(k.root_fd, id, &error) ||
	    !poststart(&k, &error))
		status = launcher_fail(error);
	known_close(&k);
	return status;
}

static void print_state(const struct known *k)
{
	const char *now = state_status(k->dir_fd, &k->record);
	json_t *json = state_oci(k->id, now, proc_alive(&k->record.init) ? k->record.init.pid : 0,
				 known_bundle(k),
				 json_string_value(json_object_get(k->state, "rootfs")),
				 json_object_get(k->state, "annotations"));
	char *text;

	json_object_set_new(json, "created", known_created(k));
	json_object_set_new(json, "owner", json_string(""));
	text = json_dumps(json, JSON_INDENT(2));
	puts(text);
	free(text);
	json_decref(json);
}

/**
 * cmd_state() - `cloister state`
 */
int cmd_state(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	struct known k;
	int status;
	const char *id = only_id("state", "Print a container's state as JSON.", argc, argv,
				 &status);

	if (!id)
		return status;
	if (known_open(&k, id, false, &error))
		print_state(&k);
	else
		status = launcher_fail(error);
	known_close(&k);
	return status;
}
