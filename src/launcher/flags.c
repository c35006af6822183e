/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that are on or off, as the programs have them in whose place we are called: theirs are
 * written in Go, where --force, --force=true and --force=false are all right.
 */
#include "config.h"
#include "launcher/flags.h"

#include <glib.h>
#include <string.h>

static bool one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (g_ascii_strcasecmp(word, *words) == 0)
			return true;
	return false;
}

/* What strconv.ParseBool() takes, and "yes" and "no" as well, which crun has for --tty. */
static bool parse(const char *word, bool *on)
{
	static const char *const yes[] = { "true", "t", "1", "yes", NULL };
	static const char *const no[] = { "false", "f", "0", "no", NULL };

	*on = one_of(word, yes);
	return *on || one_of(word, no);
}

/* With `optional_argument` only what follows a "=" is the value, never the next word. */
static struct option *with_values(const struct option *options)
{
	size_t n = 0;
	struct option *copy;

	while (options[n].name)
		n++;
	copy = g_memdup2(options, (n + 1) * sizeof(*options));
	for (size_t i = 0; i < n; i++)
		if (copy[i].has_arg == no_argument)
			copy[i].has_arg = optional_argument;
	return copy;
}

/**
 * flags_getopt() - getopt_long(3), for @options of which those without argument take true or false
 *
 * Return: as getopt_long(3); for such an option `optarg` is NULL if it is on, and something if not.
 */
int flags_getopt(int argc, char **argv, const char *letters, const struct option *options)
{
	static char off[] = "false";
	g_autofree struct option *known = with_values(options);
	int index = -1, c = getopt_long(argc, argv, letters, known, &index);
	bool on;

	if (c == '?' || c == -1 || index < 0 || options[index].has_arg == required_argument ||
	    !optarg)
		return c;
	if (!parse(optarg, &on)) {
		optopt = c; /* as getopt_long(3) has it of a value that is none */
		return '?';
	}
	optarg = on ? NULL : off;
	return c;
}
