/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as people write it into a settings file: with a byte order mark and comments, which become
 * blanks before the parser sees the text, so that every position stays what it was.
 *
 * The parser (jansson) knows the place of a syntax error but not that of a value, so a value of the
 * wrong type is looked up again by its path. That text has been parsed by then: it is well-formed.
 */
#include "config.h"
#include "policy/jsontext.h"

#include "policy/policy-error.h"

#include <string.h>

static char *blank(char *from, size_t n)
{
	for (size_t i = 0; i < n && from[i]; i++)
		if (from[i] != '\n')
			from[i] = ' ';
	return from + n;
}

static char *skip_string(char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* A comment that never ends is left: the parser then says where it begins. */
static void blank_comments(char *p)
{
	while (*p) {
		char *end;

		if (*p == '"') {
			p = skip_string(p);
		} else if (p[0] == '/' && p[1] == '/') {
			p = blank(p, strcspn(p, "\n"));
		} else if (p[0] == '/' && p[1] == '*' && (end = strstr(p + 2, "*/"))) {
			p = blank(p, end + 2 - p);
		} else {
			p++;
		}
	}
}

/**
 * jsontext_parse() - parse @text, whose comments are overwritten
 * @name: of the file, for messages
 *
 * A key that stands twice in one object is an error: which of the two would count?
 * Return: the document, or NULL and *@error with line and column.
 */
json_t *jsontext_parse(char *text, const char *name, GError **error)
{
	json_error_t e;
	json_t *json;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		blank(text, 3);
	blank_comments(text);
	json = json_loads(text, JSON_REJECT_DUPLICATES, &e);
	if (!json) {
		g_autofree char *what = g_utf8_make_valid(e.text, -1);

		policy_error_set(error, "%s: line %d, column %d: %s", name, MAX(e.line, 1),
				 MAX(e.column, 0), g_strdelimit(what, "\n\r", ' '));
	}
	return json;
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *skip_value(const char *p)
{
	int depth = 0;

	if (*p == '"')
		return skip_string((char *)p);
	if (*p != '{' && *p != '[')
		return p + strcspn(p, ",}] \t\r\n");
	do {
		if (*p == '"') {
			p = skip_string((char *)p);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
	} while (*p && depth > 0);
	return p;
}

/* The value of the member @key, or of the element "#N", of what begins at @p; else NULL. */
static const char *step(const char *p, const char *key)
{
	bool array = *p == '[';
	guint64 want = key[0] == '#' ? g_ascii_strtoull(key + 1, NULL, 10) : 0, i = 0;
	size_t n = strlen(key);

	if (*p != '[' && *p != '{')
		return NULL;
	for (p = skip_blanks(p + 1); *p && *p != ']' && *p != '}'; i++) {
		bool hit = array ? key[0] == '#' && i == want
				 : strncmp(p + 1, key, n) == 0 && p[n + 1] == '"';

		if (!array)
			p = skip_blanks(skip_blanks(skip_string((char *)p)) + 1);
		if (hit)
			return p;
		p = skip_blanks(skip_value(p));
		if (*p == ',')
			p = skip_blanks(p + 1);
	}
	return NULL;
}

/**
 * jsontext_locate() - where the value at @path stands
 * @text: as jsontext_parse() left it
 * @path: @n names of members, or "#3" for the fourth element
 *
 * Where the path leads nowhere (an escape in a key): the place of what is around it.
 */
void jsontext_locate(const char *text, const char *const *path, guint n, int *line, int *column)
{
	const char *at = skip_blanks(text), *p;

	for (guint i = 0; i < n; i++) {
		const char *next = step(at, path[i]);

		if (!next)
			break;
		at = next;
	}
	*line = *column = 1;
	for (p = text; p < at; p++) {
		if (*p == '\n')
			*line += 1;
		/* Characters, not bytes. */
		if (*p == '\n')
			*column = 1;
		else
			*column += (*p & 0xc0) != 0x80;
	}
}
