/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister ps`: the processes of a container, as the host numbers them.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/target.h"
#include "runtime/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel takes no longer argument than 128 KiB. */
#define LIST_MAX 100000

static void print_json(const pid_t *pids, size_t n)
{
	printf("[");
	for (size_t i = 0; i < n; i++)
		printf("%s%d", i ? "," : "", (int)pids[i]);
	printf("]\n");
}

/* Which column of ps(1)'s header is called PID; -1 if none. */
static int pid_column(const char *header)
{
	g_auto(GStrv) words = g_strsplit_set(header, " \t", -1);
	int column = 0;

	for (char **word = words; *word; word++) {
		if (!**word)
			continue;
		if (strcmp(*word, "PID") == 0)
			return column;
		column++;
	}
	return -1;
}

static pid_t pid_of_line(const char *line, int column)
{
	for (;; column--) {
		line += strspn(line, " \t");
		if (column == 0)
			return strtol(line, NULL, 10);
		line += strcspn(line, " \t");
	}
}

static bool contains(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/*
 * What ps(1) shall show: all of the machine, of which the container's lines are taken. With options
 * of the caller's own the container's processes by number too, since without -e ps leaves out those
 * of other users than ours, and the container's are other users.
 */
static char **ps_command(const pid_t *pids, size_t n, char **options)
{
	g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
	g_autoptr(GString) list = g_string_new("-p");

	g_strv_builder_add(argv, "ps");
	if (!*options)
		g_strv_builder_add(argv, "-ef");
	for (char **option = options; *option; option++)
		g_strv_builder_add(argv, *option);
	for (size_t i = 0; i < n && list->len < LIST_MAX; i++)
		g_string_append_printf(list, "%s%d", i ? "," : "", (int)pids[i]);
	if (*options && n)
		g_strv_builder_add(argv, list->str);
	return g_strv_builder_end(argv);
}

static bool print_table(const pid_t *pids, size_t n, char **options, GError **error)
{
	g_auto(GStrv) argv = ps_command(pids, n, options);
	g_autofree char *out = NULL;
	g_auto(GStrv) lines = NULL;
	int status, column;

	if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN,
			  NULL, NULL, &out, NULL, &status, error) ||
	    !g_spawn_check_wait_status(status, error)) {
		g_prefix_error(error, "run ps: ");
		return false;
	}
	lines = g_strsplit(out, "\n", -1);
	column = lines[0] ? pid_column(lines[0]) : -1;
	if (column < 0)
		return error_set(error, "ps: no column PID among what these options show");
	puts(lines[0]);
	for (char **line = lines + 1; *line; line++)
		if (**line && contains(pids, n, pid_of_line(*line, column)))
			puts(*line);
	return true;
}

static bool show(const char *id, bool json, char **options, GError **error)
{
	struct target t;
	bool ok = target_open(id, &t, error);
	pid_t *pids = NULL;
	size_t n = 0;

	/* A container that has ended may have no cgroup any more, and has no processes then. */
	if (ok)
		cgroup_pids(&t.cgroups, &pids, &n);
	if (ok && json)
		print_json(pids, n);
	else if (ok)
		ok = print_table(pids, n, options, error);
	free(pids);
	target_close(&t);
	return ok;
}

/**
 * cmd_ps() - `cloister ps`
 */
int cmd_ps(int argc, char **argv)
{
	static const struct option options[] = { { "format", required_argument, NULL, 'f' },
						 { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	g_autoptr(GError) error = NULL;
	bool json = false;
	int c;

	while ((c = flags_getopt(argc, argv, "+f:h", options)) != -1) {
		if (c == 'f' && (strcmp(optarg, "json") == 0 || strcmp(optarg, "table") == 0)) {
			json = optarg[0] == 'j';
			continue;
		}
		if (c == 'j') {
			json = !optarg;
			continue;
		}
		if (c == 'f')
			return launcher_usage_error("ps", "--format \"%s\": give table or json",
						    optarg);
		if (c != 'h')
			return launcher_bad_option("ps", argv);
		printf("Usage: cloister ps [--format FORMAT] NAME [PS-OPTION]…\n\n"
		       "Show the processes of container NAME, in cgroups below its own too, by "
		       "their "
		       "pids on the\n"
		       "host.\n\n"
		       "  -f, --format FORMAT  table: what `ps PS-OPTION…` (default -ef) shows of "
		       "them;\n"
		       "                       json: an array of pids\n"
		       "  --json               the same as --format json\n"
		       "  --help               show this text\n");
		return 0;
	}
	if (optind == argc)
		return launcher_usage_error("ps", "give the name of a container");
	return show(argv[optind], json, argv + optind + 1, &error) ? 0 : launcher_fail(error);
}
