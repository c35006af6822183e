/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of the host that show other owners, by hand or from /etc/fstab (mount.shiftfs(8)), as
 * mountinfo has them: nothing else remembers a mount for which no process is needed. Which ids an
 * ID-mapped mount shows only the kernel knows; others make such mounts as well.
 */
#include "config.h"
#include "launcher/hostmounts.h"

#include "launcher/plain.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* "ID PARENT DEV ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER" */
enum { ROOT = 3, POINT = 4, OPTIONS = 5 };

static bool is_idmapped(const char *options)
{
	g_auto(GStrv) list = g_strsplit(options, ",", -1);

	return g_strv_contains((const char *const *)list, "idmapped");
}

/* What is shown of a container's root to its engine has this source; it is in the status. */
static bool is_own(const char *source)
{
	return strcmp(source, "cloister") == 0;
}

/* Return: a line, or NULL if the mount shows the owners that are on disk. */
static char *describe(const char *line)
{
	g_auto(GStrv) fields = g_strsplit(line, " ", 7);
	const char *tail = strstr(line, " - ");
	g_auto(GStrv) fs = g_strsplit(tail ? tail + 3 : "", " ", 3);
	g_autofree char *point = NULL;

	if (g_strv_length(fields) < 7 || g_strv_length(fs) < 3)
		return NULL;
	point = g_strcompress(fields[POINT]);
	if (strcmp(fs[0], "fuse.shiftfs") == 0 && !is_own(fs[1])) {
		g_autofree char *source = g_strcompress(fs[1]);

		return g_strdup_printf("  %-22s shiftfs   %s  (FUSE)", point, source);
	}
	if (is_idmapped(fields[OPTIONS])) {
		g_autofree char *root = g_strcompress(fields[ROOT]);

		return g_strdup_printf("  %-22s idmapped  %s  (ID-mapped mount of %s)", point, root,
				       fs[1]);
	}
	return NULL;
}

/**
 * hostmounts_print() - one line for each; nothing if there are none
 */
void hostmounts_print(void)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	bool any = false;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
		return;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_autofree char *text_of_it = describe(*line), *plain = NULL;

		if (!text_of_it)
			continue;
		plain = plain_text(text_of_it);
		if (!any)
			puts("mounts of this host with other owners:");
		puts(plain);
		any = true;
	}
}
