/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of images, normalised as Docker's client does it: "docker" is docker.io/library/docker, and
 * what comes before the first slash is a registry if it has a dot or a colon or is "localhost".
 */
#include "config.h"
#include "policy/imageref.h"

#include <string.h>

#define MAX_LENGTH 512

/**
 * imageref_is_digest() - is @text "sha256:" and 64 hexadecimal digits?
 */
bool imageref_is_digest(const char *text)
{
	return g_str_has_prefix(text, "sha256:") && strlen(text) == 71 &&
	       strspn(text + 7, "0123456789abcdef") == 64;
}

static bool has_registry(const char *name)
{
	size_t n = strcspn(name, "/");

	if (name[n] != '/')
		return false;
	return memchr(name, '.', n) || memchr(name, ':', n) || strncmp(name, "localhost/", 10) == 0;
}

static char *normalise(const char *name)
{
	if (strcmp(name, "*") == 0)
		return g_strdup(name);
	if (!has_registry(name))
		return g_strdup_printf("docker.io/%s%s", strchr(name, '/') ? "" : "library/", name);
	if (g_str_has_prefix(name, "index.docker.io/"))
		name += strlen("index.");
	if (g_str_has_prefix(name, "docker.io/") && !strchr(name + strlen("docker.io/"), '/'))
		return g_strdup_printf("docker.io/library/%s", name + strlen("docker.io/"));
	return g_strdup(name);
}

#define MAX_STARS 4 /* matching takes its time for each */

static guint stars(const char *s)
{
	guint n = 0;

	for (; *s; s++)
		n += *s == '*';
	return n;
}

static bool is_name(const char *s, bool pattern)
{
	size_t n = strspn(s, pattern ? "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789._-/:*?[]"
				     : "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789._-/:[]");

	return n && !s[n] && stars(s) <= MAX_STARS && s[0] != '/' && s[n - 1] != '/' &&
	       !strstr(s, "//") && !strstr(s, "..");
}

static bool is_tag(const char *s, bool pattern)
{
	if (pattern && strcmp(s, "*") == 0)
		return true;
	return *s && strlen(s) <= 128 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       strlen(s) &&
	       *s != '.' && *s != '-';
}

/**
 * imageref_parse() - take "name[:tag]" or "name@digest" apart
 * @pattern: as the settings have it: globs in the name, "*" as the tag, a digest alone
 *
 * Return: false if it is none of those.
 */
bool imageref_parse(const char *text, bool pattern, struct imageref *ret)
{
	g_autofree char *copy = NULL;
	char *at, *colon;

	*ret = (struct imageref){ 0 };
	if (strlen(text) > MAX_LENGTH)
		return false;
	if (pattern && imageref_is_digest(text)) {
		ret->digest = g_strdup(text);
		return true;
	}
	copy = g_strdup(text);
	at = strchr(copy, '@');
	if (at)
		*at++ = '\0';
	colon = strrchr(copy, ':');
	if (colon && strchr(colon, '/')) /* that of a port */
		colon = NULL;
	if (colon)
		*colon++ = '\0';
	if (!is_name(copy, pattern) || (colon && !is_tag(colon, pattern)) ||
	    (at && !imageref_is_digest(at)))
		return false;
	ret->name = normalise(copy);
	if (at)
		ret->digest = g_strdup(at);
	else if (colon)
		ret->tag = g_strdup(colon);
	else
		ret->tag = g_strdup(strcmp(copy, "*") == 0 ? "*" : "latest");
	return true;
}

/**
 * imageref_clear() - free the parts of a reference
 */
void imageref_clear(struct imageref *ref)
{
	g_clear_pointer(&ref->name, g_free);
	g_clear_pointer(&ref->tag, g_free);
	g_clear_pointer(&ref->digest, g_free);
}

/* A star stands for what is between two slashes; "*" alone for everything. */
static bool glob(const char *p, const char *s)
{
	for (; *p; p++, s++) {
		if (*p == '*') {
			do {
				if (glob(p + 1, s))
					return true;
			} while (*s && *s++ != '/');
			return false;
		}
		if (!*s || (*p == '?' ? *s == '/' : *p != *s))
			return false;
	}
	return !*s;
}

/**
 * imageref_match_name() - does the normalised @name match the settings' pattern?
 */
bool imageref_match_name(const struct imageref *pattern, const char *name)
{
	if (!pattern->name)
		return false;
	return strcmp(pattern->name, "*") == 0 || glob(pattern->name, name);
}

/**
 * imageref_match_tag() - and the tag? Of a pattern with a digest no tag matches.
 */
bool imageref_match_tag(const struct imageref *pattern, const char *tag)
{
	return pattern->tag && (strcmp(pattern->tag, "*") == 0 || strcmp(pattern->tag, tag) == 0);
}

/**
 * imageref_name_of() - the normalised name alone, as messages have it; what is no name as it is
 */
char *imageref_name_of(const char *text)
{
	struct imageref ref;
	char *name;

	if (imageref_is_digest(text) || !imageref_parse(text, false, &ref))
		return g_strdup(text);
	name = g_steal_pointer(&ref.name);
	imageref_clear(&ref);
	return name;
}
