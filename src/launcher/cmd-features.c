/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister features`: for engines, which part of the runtime specification works here.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/log.h"
#include "runtime/features.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void print_help(void)
{
	printf("Usage: cloister features\n\n"
	       "Print which parts of the OCI runtime specification work, as JSON (its "
	       "\"features\"\n"
	       "document). Needs no privileges.\n\n"
	       "  --help  show this text\n");
}

/**
 * cmd_features() - `cloister features`
 */
int cmd_features(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	json_t *json;
	char *text;
	bool ok;
	int c;

	while ((c = flags_getopt(argc, argv, "h", options)) != -1) {
		if (c != 'h')
			return launcher_bad_option("features", argv);
		print_help();
		return 0;
	}
	if (optind < argc)
		return launcher_usage_error("features", "takes no arguments");
	json = features_json();
	text = json_dumps(json, JSON_INDENT(2));
	ok = text && puts(text) >= 0 && fflush(stdout) == 0;
	if (!ok)
		log_error("features: standard output: %s", g_strerror(errno));
	free(text);
	json_decref(json);
	return ok ? 0 : EXIT_FAILURE;
}
