/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister check [--json]`: what this kernel and host can do, and what Cloister does where
 * something lacks.
 */
#include "config.h"
#include "launcher/cmd-check.h"

#include <stdio.h>
#include <string.h>

#include "runtime/hostcheck.h"

/* As container tools have it: an error of the tool itself. */
#define EXIT_USAGE 125

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
	g_autofree char *text = NULL;
	struct hostcheck *hc;
	bool json = false, can_run;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return 0;
		} else {
			fprintf(stderr,
				"cloister: check: unknown argument \"%s\"; see cloister check "
				"--help\n",
				argv[i]);
			return EXIT_USAGE;
		}
	}
	hc = hostcheck_run();
	can_run = hostcheck_can_run(hc);
	text = json ? hostcheck_to_json(hc) : hostcheck_to_text(hc);
	hostcheck_free(hc);
	if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
		perror("cloister: check: standard output");
		return EXIT_USAGE;
	}
	return can_run ? 0 : 1;
}
