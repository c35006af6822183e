/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options: sizes, numbers of CPUs, users, volumes.
 */
#include "config.h"
#include "launcher/options.h"

#include "runtime/caps.h"
#include "runtime/error.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CPU_PERIOD_US 100000
#define SIZE_MIN      65536 /* bytes: below that nothing starts, and 0 would mean no limit */

/**
 * option_path() - make @path of the caller's absolute; freed with g_free()
 * @what: what it is, for the message
 *
 * In a directory that was removed, or that is not below our root, GLib would take it from "/".
 */
char *option_path(const char *what, const char *path, GError **error)
{
	g_autofree char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);

#ifndef MUTANT_CWD_OF_ROOT
	if (path[0] == '/' || (cwd && cwd[0] == '/'))
#endif
		return g_canonicalize_filename(path, NULL);
	error_set(error, "%s \"%s\": the current directory is gone; give an absolute path", what,
		  path);
	return NULL;
}

/**
 * option_size() - "512m", "2g", "1048576": bytes, at least 64 KiB; binary units b, k, m, g, t
 */
bool option_size(const char *text, int64_t *bytes, GError **error)
{
	static const char units[] = "bkmgt";
	char *end;
	double value = g_ascii_strtod(text, &end);
	const char *unit = *end ? strchr(units, g_ascii_tolower(*end)) : units;
	int shift = unit ? (int)(unit - units) * 10 : 0;
	/* Not ldexp(3): every command would load libm. */
	double size = value * (double)(1ULL << shift);

	if (end == text || !unit ||
	    (*end && end[1] && g_ascii_strcasecmp(end + 1, "b") != 0 &&
	     g_ascii_strcasecmp(end + 1, "ib") != 0) ||
	    !isfinite(value) || size < SIZE_MIN || size >= (double)(1ULL << 62))
		return error_set(error,
				 "memory size \"%s\": give a number and a unit, like 512m or 2g, "
				 "at least 64k",
				 text);
	*bytes = (int64_t)size;
	return true;
}

/**
 * option_cpus() - "1.5": quota in microseconds per 100 ms
 */
bool option_cpus(const char *text, int64_t *quota_us, GError **error)
{
	char *end;
	double value = g_ascii_strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value < 0.01 || value > 8192)
		return error_set(error, "--cpus \"%s\": give a number like 1.5, at least 0.01",
				 text);
	*quota_us = (int64_t)(value * CPU_PERIOD_US + 0.5);
	return true;
}

/**
 * option_cpuset() - is @text a list of CPUs like "0-2,5"? Whether they exist, the kernel knows.
 */
bool option_cpuset(const char *text, GError **error)
{
	const char *p = text;

	do {
		char *end;
		unsigned long from, to;

		if (!g_ascii_isdigit(*p))
			break;
		from = to = strtoul(p, &end, 10);
		if (*end == '-' && g_ascii_isdigit(end[1]))
			to = strtoul(end + 1, &end, 10);
		if (to < from || to > 8191)
			break;
		p = end;
		if (*p == '\0')
			return true;
	} while (*p++ == ',');
	return error_set(error, "--cpuset \"%s\": give numbers and ranges, like 0-2,5", text);
}

/**
 * option_number() - a number from @min to @max
 * @what: the option, for the error
 */
bool option_number(const char *what, const char *text, int64_t min, int64_t max, int64_t *value,
		   GError **error)
{
	char *end;

	errno = 0;
	*value = g_ascii_strtoll(text, &end, 10);
	if (!g_ascii_isdigit(*text) || *end || errno || *value < min || *value > max)
		return error_set(error,
				 "%s \"%s\": give a number from %" G_GINT64_FORMAT
				 " to %" G_GINT64_FORMAT,
				 what, text, min, max);
	return true;
}

/**
 * option_user() - "UID[:GID]"; without a group it has the number of the user
 */
bool option_user(const char *text, uint32_t *uid, uint32_t *gid, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 3);
	int64_t u = 0, g = 0;

	if (g_strv_length(parts) > 2 || !parts[0])
		return error_set(error, "--user \"%s\": give UID or UID:GID", text);
	if (!option_number("--user: user id", parts[0], 0, 65535, &u, error) ||
	    !option_number("--user: group id", parts[1] ?: parts[0], 0, 65535, &g, error))
		return false;
	*uid = u;
	*gid = g;
	return true;
}

/**
 * option_pair() - add "KEY=VALUE" to @list
 */
bool option_pair(GPtrArray *list, const char *option, const char *text, GError **error)
{
	const char *eq = strchr(text, '=');

	if (!eq || eq == text)
		return error_set(error, "%s \"%s\": give KEY=VALUE", option, text);
	g_ptr_array_add(list, g_strdup(text));
	return true;
}

/**
 * option_env() - add "KEY=VALUE" to @list, or for "KEY" what the caller has under that name, if it
 * has it
 */
bool option_env(GPtrArray *list, const char *text, GError **error)
{
	const char *value = strchr(text, '=') ? NULL : g_getenv(text);

	if (!*text || *text == '=')
		return error_set(
			error, "--env \"%s\": give KEY=VALUE, or KEY alone to pass yours on", text);
	if (strchr(text, '='))
		g_ptr_array_add(list, g_strdup(text));
	else if (value)
		g_ptr_array_add(list, g_strdup_printf("%s=%s", text, value));
	return true;
}

/**
 * option_env_file() - add each line of the file @path as option_env() does; not those that are
 * empty or begin with "#"
 *
 * As Docker reads such files: nothing is unquoted or expanded.
 */
bool option_env_file(GPtrArray *list, const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	g_autoptr(GError) why = NULL;

	if (!g_file_get_contents(path, &text, NULL, &why))
		return error_set(error, "--env-file: %s", why->message);
	lines = g_strsplit(text, "\n", -1);
	for (char **l = lines; *l; l++) {
		char *line = g_strchug(*l);
		size_t name = strcspn(line, "=");

		if (*line == '#' || line[strspn(line, " \t\r")] == '\0')
			continue;
		if (name == 0 || strcspn(line, " \t\r") < name)
			return error_set(error, "--env-file \"%s\" line %d: give KEY=VALUE or KEY",
					 path, (int)(l - lines) + 1);
		if (!option_env(list, line, error))
			return false;
	}
	return true;
}

/**
 * option_caps() - add the capability @text ("CAP_CHOWN", "chown", "ALL") to the set @caps
 */
bool option_caps(const char *option, const char *text, uint64_t *caps, GError **error)
{
	g_autofree char *full = g_strconcat("CAP_", text, NULL);
	int cap = caps_from_name(text);

	if (cap < 0)
		cap = caps_from_name(full);
	if (g_ascii_strcasecmp(text, "ALL") == 0)
		*caps = UINT64_MAX;
	else if (cap < 0)
		return error_set(error, "%s \"%s\": give a capability like NET_ADMIN, or ALL",
				 option, text);
	else
		*caps |= 1ULL << cap;
	return true;
}

/**
 * option_signal() - "9", "KILL", "SIGKILL", "rtmin+1"; "0", as in kill(2), to ask only
 */
bool option_signal(const char *text, int *sig, GError **error)
{
	const char *name = g_ascii_strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	int64_t number;

	if (g_ascii_isdigit(*text)) {
		if (!option_number("signal", text, 0, SIGRTMAX, &number, error))
			return false;
		*sig = number;
		return true;
	}
	if (g_ascii_strncasecmp(name, "RTMIN+", 6) == 0 && g_ascii_isdigit(name[6])) {
		if (!option_number("signal", name + 6, 0, SIGRTMAX - SIGRTMIN, &number, error))
			return false;
		*sig = SIGRTMIN + number;
		return true;
	}
	for (int i = 1; i < NSIG; i++) {
		const char *abbrev = sigabbrev_np(i);

		if (abbrev && g_ascii_strcasecmp(abbrev, name) == 0) {
			*sig = i;
			return true;
		}
	}
	return error_set(error, "signal \"%s\": give a number or a name like TERM", text);
}
