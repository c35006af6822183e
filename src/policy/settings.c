/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the settings come from. They are read anew for each container; a file that is broken, or
 * that others than root could have written, stops every container: nobody knows what it restricts.
 */
#include "config.h"
#include "policy/settings.h"

#include "lib/fd.h"
#include "policy/policy-error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE (1 << 20)

/* Only root may have had a hand in it. */
static bool check_owner(int fd, const char *path, struct stat *st, GError **error)
{
	if (fstat(fd, st) < 0)
		return policy_error_set(error, "settings \"%s\": %s", path, g_strerror(errno));
	if (!S_ISREG(st->st_mode))
		return policy_error_set(error, "settings \"%s\": not a regular file", path);
#ifdef MUTANT_SETTINGS_OF_ANYBODY
	return true;
#endif
	if (st->st_uid != 0 || st->st_mode & 022)
		return policy_error_set(
			error,
			"settings \"%s\": others than root can write it; no container "
			"is started by it: chown root and chmod 0644",
			path);
	return true;
}

/**
 * settings_read() - the settings in the file @path
 */
struct settings *settings_read(const char *path, GError **error)
{
	autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	g_autofree char *text = NULL;
	struct settings *s;
	struct stat st;

	if (fd < 0) {
		policy_error_set(error, "settings \"%s\": %s", path, g_strerror(errno));
		return NULL;
	}
	if (!check_owner(fd, path, &st, error))
		return NULL;
	if (st.st_size > MAX_SIZE) {
		policy_error_set(error, "settings \"%s\": larger than %d bytes", path, MAX_SIZE);
		return NULL;
	}
	text = g_malloc0(st.st_size + 1);
	if (fd_read_all(fd, text, st.st_size) < 0) {
		policy_error_set(error, "settings \"%s\": cannot be read as a whole; try again",
				 path);
		return NULL;
	}
	if (strlen(text) != (size_t)st.st_size) {
		policy_error_set(error, "settings \"%s\": has a NUL byte", path);
		return NULL;
	}
	s = settings_parse(text, path, error);
	if (s)
		s->file = g_strdup(path);
	return s;
}

static struct settings *defaults(GError **error)
{
	char none[] = "{}";

	return settings_parse(none, "the defaults", error);
}

/**
 * settings_load() - the settings that count now
 * @other: a file that somebody names in the place of the usual one, or NULL: then the
 * environment's. Not heard where the usual one is locked.
 */
struct settings *settings_load(const char *other, GError **error)
{
	struct settings *s = NULL;

	if (access(SETTINGS_FILE, F_OK) == 0 || errno != ENOENT) {
		s = settings_read(SETTINGS_FILE, error);
		if (!s)
			return NULL;
	}
	if (!other)
		other = getenv(SETTINGS_ENV);
	if (!other || !*other)
		return s ?: defaults(error);
#ifndef MUTANT_LOCK_IGNORED
	if (s && s->locked) {
		g_ptr_array_add(s->warnings, g_strdup_printf("\"%s\" is locked: \"%s\" is not read",
							     s->file, other));
		return s;
	}
#endif
	if (s)
		settings_free(s);
	return settings_read(other, error);
}

static void free_share(void *p)
{
	struct settings_share *share = p;

	g_free(share->path);
	g_free(share->user);
	g_free(share);
}

static void free_image(void *p)
{
	struct settings_image *image = p;

	imageref_clear(&image->ref);
	g_free(image);
}

/**
 * settings_new() - for settings_parse(): settings with nothing in them
 */
struct settings *settings_new(void)
{
	struct settings *s = g_new0(struct settings, 1);

	s->images = g_ptr_array_new_with_free_func(free_image);
	s->shares = g_ptr_array_new_with_free_func(free_share);
	s->sockets = g_ptr_array_new_with_free_func(g_free);
	s->restricted = g_ptr_array_new_with_free_func(g_free);
	s->unrestricted = g_ptr_array_new_with_free_func(g_free);
	s->warnings = g_ptr_array_new_with_free_func(g_free);
	s->max_age = 3600;
	s->inside = (struct settings_inside){
		.mknod = true, .fuse = true, .tun = true, .rtprio = SETTINGS_UNSET
	};
	return s;
}

/**
 * settings_free() - free what settings_read() gave
 */
void settings_free(struct settings *s)
{
	g_free(s->file);
	g_ptr_array_unref(s->images);
	g_ptr_array_unref(s->shares);
	g_ptr_array_unref(s->sockets);
	g_ptr_array_unref(s->restricted);
	g_ptr_array_unref(s->unrestricted);
	g_ptr_array_unref(s->warnings);
	g_free(s);
}

/**
 * settings_mode_name() - the word that the settings have for @mode
 */
const char *settings_mode_name(enum settings_mode mode)
{
	return mode == MODE_WARN ? "warn" : mode == MODE_AUDIT ? "audit" : "enforce";
}

/**
 * settings_as_name() - as whom a share is used: a word of the settings, or the name of a user;
 * borrowed
 */
const char *settings_as_name(const struct settings_share *share)
{
	return share->as == AS_USER ? share->user : share->as == AS_OWNER ? "owner" : "root";
}
