/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading checked JSON into structures: what is unknown is warned about, what has the wrong type is
 * refused with its line and column.
 */
#include "config.h"
#include "policy/reader.h"

#include "policy/jsontext.h"
#include "policy/policy-error.h"

#include <string.h>

static char *place(const struct reader *r)
{
	GString *s = g_string_new(NULL);

	for (guint i = 0; i < r->depth; i++) {
		if (r->path[i][0] == '#')
			g_string_append_printf(s, "[%s]", r->path[i] + 1);
		else
			g_string_append_printf(s, "%s%s", s->len ? "." : "", r->path[i]);
	}
	return g_string_free(s, false);
}

/**
 * reader_wrong() - refuse the value that is looked at, by line, column and place
 *
 * Return: false.
 */
bool reader_wrong(struct reader *r, const char *format, ...)
{
	g_autofree char *what = NULL, *at = place(r);
	int line, column;
	va_list args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	jsontext_locate(r->text, r->path, r->depth, &line, &column);
	return policy_error_set(r->error, "%s: line %d, column %d: %s%s%s", r->name, line, column,
				at, *at ? ": " : "", what);
}

static bool parse_at(struct reader *r, const char *step, json_t *value, reader_fn parse, void *into)
{
	bool ok;

	r->path[r->depth++] = step;
	ok = parse(r, value, into);
	r->depth--;
	return ok;
}

static void warn_unknown(struct reader *r, const char *key)
{
	g_autofree char *text = NULL, *at = NULL;
	int line, column;

	r->path[r->depth++] = key;
	at = place(r);
	jsontext_locate(r->text, r->path, r->depth, &line, &column);
	r->depth--;
	text = g_strdup_printf("%s: line %d, column %d: %s: unknown key, without effect", r->name,
			       line, column, at);
	g_ptr_array_add(r->warnings, g_strdelimit(g_steal_pointer(&text), "\n\r", ' '));
}

static const struct reader_member *find(const struct reader_member *members, const char *key)
{
	for (; members->key; members++)
		if (strcmp(members->key, key) == 0)
			return members;
	return NULL;
}

/**
 * reader_object() - read an object
 * @members: what it can have, ended by one without key; another is warned about
 */
bool reader_object(struct reader *r, json_t *value, const struct reader_member *members)
{
	const char *key;
	json_t *item;

	if (!json_is_object(value))
		return reader_wrong(r, "must be an object, { … }");
	json_object_foreach(value, key, item)
	{
		const struct reader_member *m = find(members, key);

		if (!m)
			warn_unknown(r, key);
		else if (!parse_at(r, m->key, item, m->parse, m->into))
			return false;
	}
	return true;
}

/**
 * reader_array() - read a list
 * @parse, @into: for each of its elements
 */
bool reader_array(struct reader *r, json_t *value, reader_fn parse, void *into)
{
	json_t *item;
	size_t i;

	if (!json_is_array(value))
		return reader_wrong(r, "must be a list, [ … ]");
	json_array_foreach(value, i, item)
	{
		char step[24];

		g_snprintf(step, sizeof(step), "#%zu", i);
		if (!parse_at(r, step, item, parse, into))
			return false;
	}
	return true;
}

/**
 * reader_bool() - a reader_fn for a bool
 */
bool reader_bool(struct reader *r, json_t *value, void *into)
{
	if (!json_is_boolean(value))
		return reader_wrong(r, "must be true or false");
	*(bool *)into = json_is_true(value);
	return true;
}

/**
 * reader_text() - a string that is not empty and has no NUL in it
 *
 * Return: borrowed from @value; NULL if it is something else, which is complained of.
 */
const char *reader_text(struct reader *r, json_t *value)
{
	if (!json_is_string(value) || !json_string_length(value) ||
	    strlen(json_string_value(value)) != json_string_length(value)) {
		reader_wrong(r, "must be a text, \"…\", and not empty");
		return NULL;
	}
	return json_string_value(value);
}

/**
 * reader_word() - one of several words
 * @words: ended by NULL
 * @ret: its place among them
 */
bool reader_word(struct reader *r, json_t *value, const char *const *words, int *ret)
{
	const char *text = reader_text(r, value);
	g_autofree char *all = NULL;

	if (!text)
		return false;
	for (int i = 0; words[i]; i++) {
		*ret = i;
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	all = g_strjoinv(", ", (char **)words);
	return reader_wrong(r, "\"%s\" is unknown here; give one of: %s", text, all);
}
