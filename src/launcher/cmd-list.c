/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister list` and `cloister status`: what is, asked of the kernel where it can be.
 */
#include "config.h"
#include "launcher/flags.h"
#include "launcher/hostmounts.h"
#include "launcher/launcher.h"
#include "launcher/plain.h"

#include "lib/fd.h"
#include "lib/reap.h"
#include "policy/policy.h"
#include "lib/rundir.h"
#include "lib/views.h"
#include "runtime/error.h"
#include "runtime/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct collect {
	int root_fd;
	json_t *array;
	bool details;
};

static void add_details(json_t *json, int dir, const struct rundir_record *record)
{
	struct rundir_helpers h = { 0 };
	json_t *files = json_array();

	rundir_read_helpers(dir, &h);
	json_object_set_new(json, "helpers", helpers_json(&h, record->helpers_cgroup));
	for (int i = 0; i < views_count; i++)
		json_array_append_new(files, json_sprintf("/%s", views[i].path));
	json_object_set_new(json, "emulated", files);
	json_object_set_new(
		json, "emulation",
		json_string(proc_alive(&h.server)
				    ? "served"
				    : "dead: they answer an error, never a value of the host"));
}

/* Seconds since its creation, and that as RFC 3339, as other runtimes have it. */
static void set_times(json_t *json)
{
	gint64 created = json_integer_value(json_object_get(json, "created"));
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(created);
	g_autofree char *text = when ? g_date_time_format(when, "%Y-%m-%dT%H:%M:%SZ") : NULL;

	json_object_set_new(json, "age", json_integer(time(NULL) - created));
	json_object_set_new(json, "created", json_string(text ?: ""));
}

static int collect_one(const char *id, void *arg)
{
	struct collect *c = arg;
	struct rundir_record record = { 0 };
	autofd dir = rundir_enter(c->root_fd, id);
	json_t *json = state_load(c->root_fd, id, NULL);

	if (!json || dir < 0 || rundir_read_record(dir, &record) < 0) {
		json_decref(json);
		return 0; /* being created, or just gone */
	}
	json_object_set_new(json, "ociVersion", json_string(STATE_OCI_VERSION));
	json_object_set_new(json, "owner", json_string("root"));
	json_object_set_new(json, "status", json_string(state_status(dir, &record)));
	if (!proc_alive(&record.init))
		json_object_set_new(json, "pid", json_integer(0));
	set_times(json);
	if (c->details)
		add_details(json, dir, &record);
	json_array_append_new(c->array, json);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;

	return strcmp(json_string_value(json_object_get(*x, "id")),
		      json_string_value(json_object_get(*y, "id")));
}

/* readdir's order is nobody's: sort by name. */
static void sort(json_t *array)
{
	size_t n = json_array_size(array);
	g_autofree json_t **items = g_new(json_t *, n + 1);

	for (size_t i = 0; i < n; i++)
		items[i] = json_incref(json_array_get(array, i));
	qsort(items, n, sizeof(*items), by_id);
	json_array_clear(array);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, items[i]);
}

static json_t *collect(const char *only, bool details, GError **error)
{
	struct collect c = { .root_fd = launcher_open_root(error), .details = details };
	autofd root = c.root_fd;

	if (c.root_fd < 0)
		return NULL;
	{
		autofd lock = rundir_lock(root);

		reap_sweep(root);
	}
	c.array = json_array();
	if (only)
		collect_one(only, &c);
	else
		rundir_each(root, collect_one, &c);
	if (only && json_array_size(c.array) == 0) {
		json_decref(c.array);
		error_set(error,
			  "container \"%s\" does not exist; `cloister list` shows those that do",
			  only);
		return NULL;
	}
	sort(c.array);
	return c.array;
}

static void print_json(json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2));

	puts(text ?: "[]");
	free(text);
}

static const char *text_of(json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key)) ?: "";
}

static char *ids_of(json_t *json)
{
	json_t *ids = json_object_get(json, "ids");

	return g_strdup_printf("0 %lld %lld",
			       (long long)json_integer_value(json_object_get(ids, "base")),
			       (long long)json_integer_value(json_object_get(ids, "count")));
}

static char *command_of(json_t *json)
{
	GString *text = g_string_new(NULL);
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json, "command"), i, item)
		g_string_append_printf(text, "%s%s", i ? " " : "", json_string_value(item));
	return g_string_free(text, false);
}

/* As wide as the longest; names and bundles of engines are. */
static int width_of(json_t *array, const char *key)
{
	size_t i, width = 20;
	json_t *json;

	json_array_foreach(array, i, json) width = MAX(width, strlen(text_of(json, key)));
	return (int)width;
}

/* The columns of other runtimes first, in their order: scripts cut them out. */
static void print_list(json_t *array)
{
	int id = width_of(array, "id"), bundle = width_of(array, "bundle");
	json_t *json;
	size_t i;

	printf("%-*s %-8s %-8s %-*s %-20s %-6s %-16s %s\n", id, "ID", "PID", "STATUS", bundle,
	       "BUNDLE", "CREATED", "OWNER", "IDS", "COMMAND");
	json_array_foreach(array, i, json)
	{
		g_autofree char *ids = ids_of(json);
		g_autofree char *command = command_of(json);

		printf("%-*s %-8lld %-8s %-*s %-20s %-6s %-16s %s\n", id, text_of(json, "id"),
		       (long long)json_integer_value(json_object_get(json, "pid")),
		       text_of(json, "status"), bundle, text_of(json, "bundle"),
		       text_of(json, "created"), text_of(json, "owner"), ids, command);
	}
}

static const char *version_of(json_t *helper)
{
	return json_is_true(json_object_get(helper, "installed"))
		       ? text_of(helper, "version")
		       : "(not the one that is installed: `cloister reload`)";
}

static void print_served(json_t *helper)
{
	json_t *mount;
	size_t i;

	json_array_foreach(json_object_get(helper, "mounts"), i, mount)
		printf("%s %s", i ? "," : " serves", json_string_value(mount));
	putchar('\n');
}

static void print_helpers(json_t *json)
{
	json_t *helper;
	size_t i;

	printf("  helpers:\n");
	json_array_foreach(json_object_get(json, "helpers"), i, helper)
	{
		bool alive = json_is_true(json_object_get(helper, "alive"));

		printf("    %-15s pid %-8lld %s", text_of(helper, "name"),
		       (long long)json_integer_value(json_object_get(helper, "pid")),
		       alive ? "" : "dead\n");
		if (!alive)
			continue;
		printf("%s memory %lld KiB (dirty %lld KiB)", version_of(helper),
		       (long long)json_integer_value(json_object_get(helper, "pss_kib")),
		       (long long)json_integer_value(json_object_get(helper, "pss_dirty_kib")));
		print_served(helper);
	}
}

static void print_status(json_t *json)
{
	g_autofree char *ids = ids_of(json);
	g_autofree char *age = launcher_age(json_integer_value(json_object_get(json, "age")));
	json_t *item;
	size_t i;

	printf("%s: %s, pid %lld, for %s\n", text_of(json, "id"), text_of(json, "status"),
	       (long long)json_integer_value(json_object_get(json, "pid")), age);
	printf("  ids (inside, host, count): %s\n  cgroup: %s\n  mounts:\n", ids,
	       text_of(json, "cgroup"));
	json_array_foreach(json_object_get(json, "mounts"), i, item)
		printf("    %-22s %-9s %s  (%s)\n", text_of(item, "destination"),
		       text_of(item, "shift"), text_of(item, "source"), text_of(item, "why"));
	if (strcmp(text_of(json, "network"), "of the engine") == 0)
		printf("  network: made by the engine and owned by the host: the container cannot "
		       "change it\n           (user namespaces of the engine give it power: "
		       "--userns=auto, hostUsers: false)\n");
	else
		printf("  network: %s\n", text_of(json, "network"));
	printf("  system calls: %s\n", strcmp(text_of(json, "mediation"), "own") == 0
					       ? "mediated by the warden"
					       : text_of(json, "mediation"));
	json_array_foreach(json_object_get(json, "policy"), i, item)
		printf("  policy: %s\n", json_string_value(item));
	printf("  emulated files: %s\n", text_of(json, "emulation"));
	json_array_foreach(json_object_get(json, "emulated"), i, item)
		printf("    %s\n", json_string_value(item));
	printf("    sysctls: `cloister status --sysctl %s`\n", text_of(json, "id"));
	print_helpers(json);
}

/* What the policy refused lately; of @only, or of all. */
static void print_refused(const char *only)
{
	autofd root = launcher_open_root(NULL);
	g_auto(GStrv) lines = root < 0 ? NULL : policy_refused_read(root);
	bool any = false;

	for (char **line = lines; line && *line; line++) {
		g_autofree char *plain = NULL;
		const char *name = strchr(*line, ' ');
		size_t n = only ? strlen(only) : 0;

		if (!name || (only && (strncmp(name + 1, only, n) != 0 || name[n + 1] != ':')))
			continue;
		if (!any)
			printf("policy, lately:\n");
		any = true;
		plain = plain_text(*line);
		printf("  %s\n", plain);
	}
}

static int show(const char *only, bool details, bool as_json)
{
	g_autoptr(GError) error = NULL;
	json_t *array = collect(only, details, &error);
	json_t *item;
	size_t i;

	if (!array)
		return launcher_fail(error);
	if (!as_json)
		plain_json(array);
	if (as_json && only)
		print_json(json_array_get(array, 0));
	else if (as_json)
		print_json(array);
	else if (!details)
		print_list(array);
	else
		json_array_foreach(array, i, item) print_status(item);
	/* Not to be taken for what there is. */
	if (json_array_size(array) == 0 && details && !as_json)
		fprintf(stderr,
			"no container in %s; each engine has a --root of its own, such as "
			"/run/docker/runtime-runc/moby\n",
			launcher_root);
	if (details && !as_json)
		print_refused(only);
	if (details && !only && !as_json)
		hostmounts_print();
	json_decref(array);
	return 0;
}

/* Options of both commands; @quiet, @sysctl: NULL if the command has no such option. */
static int parse(int argc, char **argv, const char *help, bool *as_json, bool *quiet, bool *sysctl)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },  { "format", required_argument, NULL, 'f' },
		{ "quiet", no_argument, NULL, 'q' }, { "sysctl", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },  { 0 }
	};
	int c;

	while ((c = flags_getopt(argc, argv, "f:qh", options)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (c == '?' || (c == 'q' && !quiet) || (c == 's' && !sysctl))
			return launcher_bad_option(argv[0], argv);
		if (c == 'q')
			*quiet = !optarg;
		if (c == 's')
			*sysctl = !optarg;
		if (c == 'f' && strcmp(optarg, "json") != 0 && strcmp(optarg, "table") != 0)
			return launcher_usage_error(argv[0], "--format \"%s\": give table or json",
						    optarg);
		if (c == 'j')
			*as_json = !optarg;
		else if (c == 'f')
			*as_json = strcmp(optarg, "json") == 0;
	}
	return -1;
}

static int print_names(void)
{
	g_autoptr(GError) error = NULL;
	json_t *array = collect(NULL, false, &error);
	json_t *item;
	size_t i;

	if (!array)
		return launcher_fail(error);
	json_array_foreach(array, i, item) puts(text_of(item, "id"));
	json_decref(array);
	return 0;
}

/**
 * cmd_list() - `cloister list`
 */
int cmd_list(int argc, char **argv)
{
	static const char help[] = "Usage: cloister list [OPTION]…\n\n"
				   "Show the containers.\n\n"
				   "  -f, --format FORMAT  table or json\n"
				   "  --json               as JSON\n"
				   "  -q, --quiet          only their names\n"
				   "  --help               show this text\n";
	bool as_json = false, quiet = false;
	int r = parse(argc, argv, help, &as_json, &quiet, NULL);

	if (r >= 0)
		return r;
	if (optind != argc)
		return launcher_usage_error("list", "takes no argument");
	return quiet ? print_names() : show(NULL, false, as_json);
}

/**
 * cmd_status() - `cloister status`
 */
int cmd_status(int argc, char **argv)
{
	static const char help[] = "Usage: cloister status [--json] [--sysctl] [NAME]\n\n"
				   "Show how a container (or each) is isolated: its range of ids, "
				   "how the owners in each\n"
				   "mount are shifted and why, its emulated files, and its helpers "
				   "with their memory.\n\n"
				   "  -f, --format FORMAT  table or json\n"
				   "  --json               as JSON\n"
				   "  --sysctl             what becomes of each sysctl, and why\n"
				   "  --help               show this text\n";
	bool as_json = false, sysctl = false;
	int r = parse(argc, argv, help, &as_json, NULL, &sysctl);

	if (r >= 0)
		return r;
	if (argc - optind > 1)
		return launcher_usage_error("status", "give one name or none");
	return sysctl ? status_sysctl(argv[optind], as_json) : show(argv[optind], true, as_json);
}
