/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister check [--json]`: what this kernel and host can do, and what Cloister does where
 * something lacks.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "runtime/hostcheck.h"

#include <stdio.h>

static const char usage[] =
	"Usage: cloister check [--json]\n"
	"\n"
	"Try what this kernel and host can do, and say what Cloister does instead where\n"
	"something lacks. Exit status: 0 if containers can run here, 1 if not.\n"
	"\n"
	"  --json  print an object {\"kernel\", \"can_run\", \"checks\": [{\"name\", \"status\",\n"
	"          \"required\", \"detail\", \"consequence\"}]}; status is ok, limited or missing\n"
	"  --help  print this help\n";

/**
 * cmd_check() - the command; @argv[0] is its name
 *
 * Return: the exit status: 0 if containers can run, 1 if not, 125 for a wrong command line.
 */
int cmd_check(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	g_autofree char *text = NULL;
	struct hostcheck *hc;
	bool json = false, can_run;
	int c;

	while ((c = flags_getopt(argc, argv, "h", options)) != -1) {
		if (c == '?')
			return launcher_bad_option("check", argv);
		if (c == 'h')
			return fputs(usage, stdout) < 0;
		json = !optarg;
	}
	if (optind < argc)
		return launcher_usage_error("check", "takes no arguments");
	hc = hostcheck_run();
	can_run = hostcheck_can_run(hc);
	text = json ? hostcheck_to_json(hc) : hostcheck_to_text(hc);
	hostcheck_free(hc);
	fputs(text, stdout); /* main() looks whether it arrives */
	return can_run ? 0 : 1;
}
