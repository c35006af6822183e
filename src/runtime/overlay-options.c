/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an overlay mount says of itself in mountinfo, as data.
 *
 * Three layers of quoting lie on top of each other. The kernel's mountinfo writes blanks, commas,
 * backslashes and newlines of a value as \ooo. Below that is the text that the mounting program
 * gave: in lowerdir= a colon separates layers unless a backslash is before it, and in every path of
 * it a backslash takes the meaning of the next character away. lowerdir+= and datadir+= (one layer
 * each) have no such escapes.
 */
#include "config.h"
#include "runtime/overlay.h"

#include "lib/sys.h"
#include "runtime/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Undo the kernel's \ooo in place. */
static void decode_octal(char *s)
{
	char *d = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*d++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*d++ = *s;
		}
	}
	*d = '\0';
}

/**
 * overlay_unescape() - a path as overlayfs looks it up: a backslash is dropped, what follows it
 * stays
 */
char *overlay_unescape(const char *path)
{
	GString *s = g_string_new(NULL);

	for (; *path; path++) {
		if (*path == '\\' && path[1])
			path++;
		g_string_append_c(s, *path);
	}
	return g_string_free(s, false);
}

/* "a:b\:c::d": layers, topmost first; after a double colon they are data-only. */
static void split_lower(struct overlay_options *o, const char *list)
{
	bool data = false;

	while (*list) {
		size_t n = 0;

		while (list[n] && list[n] != ':')
			n += list[n] == '\\' && list[n + 1] ? 2 : 1;
		if (n) {
			g_autofree char *raw = g_strndup(list, n);

			g_ptr_array_add(o->lower, overlay_unescape(raw));
			o->n_data += data;
		}
		list += n;
		if (list[0] == ':' && list[1] == ':')
			data = true;
		list += strspn(list, ":");
	}
}

/* Options that the rebuilt overlay must not be given: it has its own, or they are the kernel's. */
static bool is_dropped(const char *key)
{
	static const char *const dropped[] = { "rw", "index", "nfs_export", "seclabel" };

	for (size_t i = 0; i < G_N_ELEMENTS(dropped); i++)
		if (strcmp(key, dropped[i]) == 0)
			return true;
	return false;
}

static void take_option(struct overlay_options *o, char *key)
{
	char *value = strchr(key, '=');

	if (value)
		*value++ = '\0';
	else if (strcmp(key, "ro") == 0)
		o->readonly = true;
	if (value) {
		size_t n = strlen(value);

		decode_octal(value);
		if (n > 1 && value[0] == '"' && value[n - 1] == '"') { /* a label with commas */
			value[n - 1] = '\0';
			value++;
		}
	}
	if (g_strcmp0(value, "on") == 0 &&
	    (strcmp(key, "index") == 0 || !strcmp(key, "nfs_export")))
		o->index = true;
	if (value && strcmp(key, "lowerdir") == 0)
		split_lower(o, value);
	else if (value && (strcmp(key, "lowerdir+") == 0 || strcmp(key, "datadir+") == 0)) {
		g_ptr_array_add(o->lower, g_strdup(value));
		o->n_data += key[0] == 'd';
	} else if (value && strcmp(key, "upperdir") == 0) {
		g_free(o->upper);
		o->upper = g_strdup(value);
	} else if (value && strcmp(key, "workdir") == 0) {
		g_free(o->work);
		o->work = g_strdup(value);
	} else if (!is_dropped(key) && strcmp(key, "ro") != 0) {
		g_ptr_array_add(o->rest,
				value ? g_strdup_printf("%s=%s", key, value) : g_strdup(key));
	}
}

/* Options are separated by commas; a security label may hold commas between double quotes. */
static void take_options(struct overlay_options *o, char *s)
{
	while (*s) {
		bool quoted = false;
		char *end = s;

		for (; *end && (quoted || *end != ','); end++)
			quoted ^= *end == '"';
		if (*end)
			*end++ = '\0';
		if (*s)
			take_option(o, s);
		s = end;
	}
}

static uint64_t mount_attrs(char *options)
{
	static const struct {
		const char *name;
		uint64_t attr;
	} known[] = {
		{ "ro", MOUNT_ATTR_RDONLY },
		{ "nosuid", MOUNT_ATTR_NOSUID },
		{ "nodev", MOUNT_ATTR_NODEV },
		{ "noexec", MOUNT_ATTR_NOEXEC },
		{ "noatime", MOUNT_ATTR_NOATIME },
		{ "nodiratime", MOUNT_ATTR_NODIRATIME },
		{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW },
	};
	char *save = NULL;
	uint64_t attrs = 0;

	for (char *s = strtok_r(options, ",", &save); s; s = strtok_r(NULL, ",", &save))
		for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
			if (strcmp(s, known[i].name) == 0)
				attrs |= known[i].attr;
	return attrs;
}

/* The line of mount @id, or NULL. */
static char *find_line(const char *mountinfo, uint64_t id)
{
	while (*mountinfo) {
		size_t n = strcspn(mountinfo, "\n");

		if (strtoull(mountinfo, NULL, 10) == id)
			return g_strndup(mountinfo, n);
		mountinfo += n + (mountinfo[n] == '\n');
	}
	return NULL;
}

/**
 * overlay_parse() - what /proc/PID/mountinfo says of the overlay mount @mount_id
 * @ret: to be cleared with overlay_options_clear(), also on failure
 */
bool overlay_parse(const char *mountinfo, uint64_t mount_id, struct overlay_options *ret,
		   GError **error)
{
	g_autofree char *line = find_line(mountinfo, mount_id);
	g_auto(GStrv) fields = line ? g_strsplit(line, " ", -1) : NULL;
	guint n = fields ? g_strv_length(fields) : 0, dash = 6;

	*ret = (struct overlay_options){ 0 };
	ret->lower = g_ptr_array_new_with_free_func(g_free);
	ret->rest = g_ptr_array_new_with_free_func(g_free);
	while (dash < n && strcmp(fields[dash], "-") != 0)
		dash++;
	if (dash + 3 >= n)
		return error_set(error, "mount %llu: not in /proc/self/mountinfo",
				 (unsigned long long)mount_id);
	if (strcmp(fields[dash + 1], "overlay") != 0)
		return error_set(error, "mount %llu: is %s, not overlay",
				 (unsigned long long)mount_id, fields[dash + 1]);
	decode_octal(fields[3]);
	decode_octal(fields[4]);
	ret->subdir = g_strdup(fields[3]);
	ret->mount_point = g_strdup(fields[4]);
	ret->attrs = mount_attrs(fields[5]);
	take_options(ret, fields[dash + 3]);
	if (ret->lower->len == 0)
		return error_set(error, "overlay \"%s\": mountinfo names no lower layer",
				 ret->mount_point);
	return true;
}

/**
 * overlay_options_read() - the options as a specification has them, for mount(8)
 * @ret: to be cleared with overlay_options_clear()
 */
void overlay_options_read(struct overlay_options *ret, const char *text)
{
	g_autofree char *copy = g_strdup(text ?: "");

	*ret = (struct overlay_options){ 0 };
	ret->lower = g_ptr_array_new_with_free_func(g_free);
	ret->rest = g_ptr_array_new_with_free_func(g_free);
	take_options(ret, copy);
}

/**
 * overlay_options_clear() - free what overlay_options_read() found
 */
void overlay_options_clear(struct overlay_options *o)
{
	g_free(o->mount_point);
	g_free(o->subdir);
	g_free(o->upper);
	g_free(o->work);
	g_clear_pointer(&o->lower, g_ptr_array_unref);
	g_clear_pointer(&o->rest, g_ptr_array_unref);
}
