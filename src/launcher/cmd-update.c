/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister update`: other limits for a container that runs. Options and file become one
 * "linux.resources" object, so that one parser judges both.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/target.h"
#include "lib/swaplimit.h"
#include "runtime/error.h"
#include "runtime/resources.h"
#include "runtime/scope.h"
#include "runtime/spec.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { BYTES, NUMBER, TEXT, IGNORED, NO_RDT };

/* An option and where its value goes. */
static const struct setting {
	const char *option;
	const char *object, *key;
	enum kind kind;
	const char *argument, *help;
} settings[] = {
	{ "blkio-weight", "blockIO", "weight", NUMBER, "N", "share of block I/O, 10 to 1000" },
	{ "cpu-period", "cpu", "period", NUMBER, "US", "length of the period of --cpu-quota" },
	{ "cpu-quota", "cpu", "quota", NUMBER, "US", "CPU time in each period; -1: no limit" },
	{ "cpu-burst", "cpu", "burst", NUMBER, "US", "unused quota that may be saved up" },
	{ "cpu-share", "cpu", "shares", NUMBER, "N", "share of CPU time, 2 to 262144" },
	{ "cpu-rt-period", "cpu", "realtimePeriod", NUMBER, "US",
	  "period of --cpu-rt-runtime (v1)" },
	{ "cpu-rt-runtime", "cpu", "realtimeRuntime", NUMBER, "US", "real-time CPU time (v1)" },
	{ "cpu-idle", "cpu", "idle", NUMBER, "0|1", "1: runs only when nobody else wants to" },
	{ "cpuset-cpus", "cpu", "cpus", TEXT, "LIST", "CPUs to run on, like 0-2,5" },
	{ "cpuset-mems", "cpu", "mems", TEXT, "LIST", "memory nodes" },
	{ "memory", "memory", "limit", BYTES, "SIZE", "memory; like 512m; -1: no limit" },
	{ "memory-reservation", "memory", "reservation", BYTES, "SIZE",
	  "memory that is left alone" },
	{ "memory-swap", "memory", "swap", BYTES, "SIZE", "memory and swap together" },
	{ "kernel-memory", NULL, NULL, IGNORED, "SIZE", "ignored" },
	{ "kernel-memory-tcp", "memory", "kernelTCP", BYTES, "SIZE", "TCP buffers (v1)" },
	{ "pids-limit", "pids", "limit", NUMBER, "N", "processes and threads; -1: no limit" },
	{ "l3-cache-schema", NULL, NULL, NO_RDT, "TEXT", "refused: no resctrl here" },
	{ "mem-bw-schema", NULL, NULL, NO_RDT, "TEXT", "refused: no resctrl here" },
};

/* "512m", "-1"; binary units. */
static bool parse_number(const struct setting *s, const char *text, json_int_t *ret, GError **error)
{
	static const char units[] = "bkmgt";
	char *end;
	gint64 value = g_ascii_strtoll(text, &end, 10);
	const char *unit = *end ? strchr(units, g_ascii_tolower(*end)) : units;
	int shift = unit ? (int)(unit - units) * 10 : 0;

	if (end == text || !unit || (*end && (s->kind != BYTES || end[1])) ||
	    value > G_MAXINT64 >> shift || value < -1)
		return error_set(error, "--%s \"%s\": give a number%s", s->option, text,
				 s->kind == BYTES ? " with or without a unit, like 512m" : "");
	*ret = value < 0 ? value : value << shift;
	return true;
}

static bool add(json_t *resources, const struct setting *s, const char *text, GError **error)
{
	json_t *object, *value;
	json_int_t number = 0;

	if (s->kind == IGNORED)
		return true;
	if (s->kind == NO_RDT)
		return error_set(error, "--%s: the container has no resctrl group", s->option);
	if (s->kind != TEXT && !parse_number(s, text, &number, error))
		return false;
	value = s->kind == TEXT ? json_string(text) : json_integer(number);
	object = json_object_get(resources, s->object);
	if (!json_is_object(object)) {
		object = json_object();
		json_object_set_new(resources, s->object, object);
	}
	return json_object_set_new(object, s->key, value) == 0 ||
	       error_set(error, "--%s \"%s\": not valid UTF-8", s->option, text);
}

static json_t *read_file(const char *path, GError **error)
{
	g_autofree char *name = NULL;
	json_t *json;
	FILE *f;

	if (strcmp(path, "-") == 0)
		return spec_read_stream(stdin, "standard input", error);
	name = g_strdup_printf("--resources \"%s\"", path);
	f = fopen(path, "re");
	if (!f) {
		error_set_errno(error, -errno, "%s", name);
		return NULL;
	}
	json = spec_read_stream(f, name, error);
	fclose(f);
	return json;
}

static bool apply(const char *id, json_t *resources, GError **error)
{
	struct cgroup_limits limits;
	char what[CGROUP_WHAT_MAX] = "";
	struct target t = { .known = { .root_fd = -1, .dir_fd = -1 } };
	bool ok = resources_parse(resources, &limits, error) && target_open_running(id, &t, error);
	int r = 0;

	if (ok)
		r = swaplimit_set(t.known.dir_fd, &t.cgroups, &limits, what, sizeof(what));
	if (ok && r == 0 && limits.n_devices)
		r = cgroup_set_devices(&t.cgroups, limits.devices, limits.n_devices, what,
				       sizeof(what));
	if (r < 0)
		ok = error_set(error, "update \"%s\": %s", id, what);
	if (ok && t.known.record.scope[0])
		ok = scope_update(t.known.record.scope, &t.cgroups, &limits, error);
	cgroup_limits_clear(&limits);
	target_close(&t);
	return ok;
}

static int help(void)
{
	printf("Usage: cloister update [OPTION]… NAME\n\n"
	       "Change the limits of container NAME; what is not given stays. All of it is done or "
	       "nothing.\n\n"
	       "  -r, --resources FILE        an object \"linux.resources\" in JSON; -: standard "
	       "input\n");
	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
		g_autofree char *left = g_strdup_printf("--%s %s", settings[i].option,
							settings[i].argument);

		printf("  %-27s %s\n", left, settings[i].help);
	}
	printf("  --help                      show this text\n");
	return 0;
}

/* The object that options and file make; NULL and *@error, or NULL and *@status >= 0. */
static json_t *parse(int argc, char **argv, int *status, GError **error)
{
	struct option options[G_N_ELEMENTS(settings) + 3] = { 0 };
	const char *values[G_N_ELEMENTS(settings)] = { 0 };
	const char *file = NULL;
	json_t *resources;
	bool ok = true;
	int c;

	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
		options[i] = (struct option){ settings[i].option, required_argument, NULL,
					      256 + (int)i };
	options[G_N_ELEMENTS(settings)] = (struct option){ "resources", required_argument, NULL,
							   'r' };
	options[G_N_ELEMENTS(settings) + 1] = (struct option){ "help", no_argument, NULL, 'h' };
	*status = -1;
	while ((c = flags_getopt(argc, argv, "r:h", options)) != -1) {
		if (c >= 256)
			values[c - 256] = optarg;
		else if (c == 'r')
			file = optarg;
		else
			*status = c == 'h' ? help() : launcher_bad_option("update", argv);
		if (*status >= 0)
			return NULL;
	}
	if (argc - optind != 1) {
		*status = launcher_usage_error("update", "give the name of one container");
		return NULL;
	}
	resources = file ? read_file(file, error) : json_object();
	for (size_t i = 0; ok && resources && i < G_N_ELEMENTS(settings); i++)
		if (values[i])
			ok = add(resources, &settings[i], values[i], error);
	if (!ok)
		json_decref(resources);
	return ok ? resources : NULL;
}

/**
 * cmd_update() - `cloister update`
 */
int cmd_update(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	int status;
	json_t *resources = parse(argc, argv, &status, &error);

	if (!resources)
		return status >= 0 ? status : launcher_fail(error);
	status = apply(argv[optind], resources, &error) ? 0 : launcher_fail(error);
	json_decref(resources);
	return status;
}
