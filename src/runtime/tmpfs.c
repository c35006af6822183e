/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tmpfs of the container's has that nobody asked for: it is as large as the container's
 * memory, and has the permissions of the directory that it lies on (so that one over /root is not
 * everybody's).
 *
 * The kernel's choice is half of the machine's memory, in blocks and in inodes, and df(1) tells it.
 */
#include "config.h"
#include "runtime/tmpfs.h"

#include <string.h>
#include <unistd.h>

#define INODES_MIN 4096

static bool has_option(const char *options, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = options; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, key, len) == 0 && p[len] == '=')
			return true;
	return false;
}

/**
 * tmpfs_options() - @options of a tmpfs, with a size and a number of inodes by the memory limit
 * @options: comma separated, or NULL
 * @mode: the permissions to have if they say none; -1: the kernel's choice, 1777
 *
 * Without a limit the container's memory is the machine's, and the kernel's choice right. Return:
 * what the caller frees; NULL if there is none.
 */
char *tmpfs_options(const struct spec *spec, const char *options, int mode)
{
	int64_t memory = spec->limits.memory;
	GString *text = g_string_new(options);

	if (memory > 0 && !has_option(options, "size") && !has_option(options, "nr_blocks"))
		g_string_append_printf(text, "%ssize=%" G_GINT64_FORMAT, text->len ? "," : "",
				       memory);
	if (memory > 0 && !has_option(options, "nr_inodes"))
		g_string_append_printf(text, "%snr_inodes=%" G_GINT64_FORMAT, text->len ? "," : "",
				       MAX(memory / sysconf(_SC_PAGESIZE), INODES_MIN));
	if (mode >= 0 && !has_option(options, "mode"))
		g_string_append_printf(text, "%smode=%04o", text->len ? "," : "",
				       (unsigned int)mode);
	return g_string_free(text, text->len == 0);
}
