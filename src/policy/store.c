/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the files in which engines keep what they know. They are root's: a file that somebody
 * else could have written is not there.
 */
#include "config.h"
#include "policy/store.h"

#include "lib/fd.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE (64 << 20)
#define MAX_UP	 6

/**
 * store_read() - the JSON document in the file @path; NULL: it is not there or not root's own
 */
json_t *store_read(const char *path)
{
	autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	g_autofree char *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 ||
	    st.st_mode & 022 || st.st_size > MAX_SIZE)
		return NULL;
	text = g_try_malloc(st.st_size + 1);
	if (!text || fd_read_all(fd, text, st.st_size) < 0)
		return NULL;
	return json_loadb(text, st.st_size, 0, NULL);
}

/**
 * store_text() - the text of member @key, or ""
 */
const char *store_text(json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key)) ?: "";
}

/**
 * store_above() - the nearest directory above @path in which there is @mark
 */
char *store_above(const char *path, const char *mark)
{
	g_autofree char *dir = path ? g_path_get_dirname(path) : NULL;

	for (int up = 0; dir && up < MAX_UP; up++) {
		g_autofree char *there = g_build_filename(dir, mark, NULL);
		char *parent;

		if (access(there, F_OK) == 0)
			return g_steal_pointer(&dir);
		if (strcmp(dir, "/") == 0)
			break;
		parent = g_path_get_dirname(dir);
		g_free(dir);
		dir = parent;
	}
	return NULL;
}
