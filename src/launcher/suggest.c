/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which command somebody may have meant who typed one that there is not: one of a letter more, less
 * or exchanged, or what other tools of the kind call it; and what to do without their options.
 */
#include "config.h"
#include "launcher/launcher.h"

#include <glib.h>
#include <string.h>

#define WORD_MAX 24

static const struct {
	const char *word, *command;
} elsewhere[] = {
	{ "ls", "list" },	 { "rm", "delete" },
	{ "remove", "delete" },	 { "stop", "kill" },
	{ "signal", "kill" },	 { "inspect", "status" },
	{ "info", "status" },	 { "top", "ps" },
	{ "unpause", "resume" }, { "stats", "events" },
	{ "enter", "exec" },	 { "shell", "exec" },
	{ "attach", "exec" },	 { "version", "--version" },
};

/* Options of `docker run` and its like that launch has not. */
static const struct {
	const char *option, *instead;
} not_of_launch[] = {
	{ "-p", "without an engine there is no network but loopback" },
	{ "--publish", "without an engine there is no network but loopback" },
	{ "--image", "there are no images: --rootfs takes a directory tree" },
	{ "--entrypoint", "there are no images: COMMAND is all that is run" },
	{ "--init", "COMMAND is the first process; `sh -c` around it collects orphans" },
	{ "--mount", "use --volume and --tmpfs" },
	{ "--device",
	  "--privileged has fuse and net/tun; more is of a bundle, see `cloister spec`" },
	{ "--ulimit", "limits of processes are of a bundle, see `cloister spec`" },
	{ "--security-opt", "a filter of your own is of a bundle, see `cloister spec`" },
	{ "--pid", "each container has its own; `cloister exec` joins one" },
	{ "--ipc", "each container has its own; `cloister exec` joins one" },
	{ "--uts", "each container has its own; `cloister exec` joins one" },
	{ "--userns", "each container has a range of user ids of its own" },
	{ "--cpuset-cpus", "use --cpuset" },
	{ "--pids-limit", "use --pids" },
	{ "--bind", "use --volume" },
	{ "--directory", "use --rootfs" },
	{ "--machine", "use --name" },
	{ "--chdir", "use --workdir" },
	{ "--setenv", "use --env" },
};

/**
 * suggest_option() - what to do in the place of the option @word that @command has not, or NULL
 */
const char *suggest_option(const char *command, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < G_N_ELEMENTS(not_of_launch); i++)
		if (command && strcmp(command, "launch") == 0 &&
		    strlen(not_of_launch[i].option) == len &&
		    strncmp(word, not_of_launch[i].option, len) == 0)
			return not_of_launch[i].instead;
	return NULL;
}

/* Letters to insert, remove, replace or exchange with their neighbour to make @b of @a. */
static size_t distance(const char *a, const char *b)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1], n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			size_t least = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			least = MIN(least, MIN(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				least = MIN(least, d[i - 2][j - 2] + 1);
			d[i][j] = least;
		}
	}
	return d[n][m];
}

/**
 * suggest_command() - the command that @word may stand for, or NULL
 * @name: the commands' names by index; NULL after the last
 */
const char *suggest_command(const char *word, const char *(*name)(size_t i))
{
	const char *best = NULL;
	size_t least = strlen(word) > 4 ? 3 : 2; /* and so at most two letters, or one */

	for (size_t i = 0; i < G_N_ELEMENTS(elsewhere); i++)
		if (strcmp(word, elsewhere[i].word) == 0)
			return elsewhere[i].command;
	for (size_t i = 0; name(i); i++) {
		size_t d = distance(word, name(i));

		if (d < least) {
			least = d;
			best = name(i);
		}
	}
	return best;
}
