/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edits of a JSON text that leave every other byte as it is.
 *
 * jansson judges what is JSON, and prints the values that we bring; but to print a whole document
 * would write numbers, escapes and layout anew. So values are found in the text that jansson
 * accepted, and only they are replaced: the scanner below never meets a malformed text.
 */
#include "config.h"
#include "launcher/setup.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

#define BOM "\xef\xbb\xbf"

struct member {
	const char *name;  /* its opening quote */
	const char *value; /* first byte */
	const char *end;   /* behind the value */
	const char *prev;  /* behind the previous value, or behind the brace */
	bool first;
};

/**
 * setup_json_parse() - the object in @text, with an empty text for {}; NULL and *@error otherwise
 */
json_t *setup_json_parse(const char *path, const char *text, GError **error)
{
	json_error_t why;
	json_t *json;

	if (g_str_has_prefix(text, BOM))
		text += strlen(BOM);
	if (text[strspn(text, " \t\r\n")] == '\0')
		return json_object();
	json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!json) {
		error_set(error, "\"%s\" line %d column %d: %s; mend it first, it was not touched",
			  path, why.line, why.column, why.text);
		return NULL;
	}
	if (json_is_object(json))
		return json;
	json_decref(json);
	error_set(error, "\"%s\" is not a JSON object; mend it first, it was not touched", path);
	return NULL;
}

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *skip_string(const char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

static const char *skip_value(const char *p)
{
	int depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		else if (!depth) /* a number or a word */
			return p + strcspn(p, ",]} \t\r\n");
		p++;
	} while (depth);
	return p;
}

static bool name_is(const char *quoted, const char *end, const char *key)
{
	json_t *name = json_loadb(quoted, end - quoted, JSON_DECODE_ANY, NULL);
	bool same = name && strcmp(json_string_value(name), key) == 0;

	json_decref(name);
	return same;
}

/* The member @key of the object that @object begins; @m->prev is its end if there is none. */
static bool find_member(const char *object, const char *key, struct member *m)
{
	const char *p = skip_space(object + 1);

	*m = (struct member){ .prev = object + 1, .first = true };
	while (*p != '}') {
		const char *name_end = skip_string(p);

		m->name = p;
		m->value = skip_space(skip_space(name_end) + 1);
		m->end = skip_value(m->value);
		if (name_is(p, name_end, key))
			return true;
		m->prev = m->end;
		m->first = false;
		p = skip_space(m->end);
		if (*p == ',')
			p = skip_space(p + 1);
	}
	return false;
}

/* White space between the start of @p's line and @p; NULL if something else stands there. */
static char *indent_of(const char *text, const char *p)
{
	const char *start = p;

	while (start > text && (start[-1] == ' ' || start[-1] == '\t'))
		start--;
	return start > text && start[-1] == '\n' ? g_strndup(start, p - start) : NULL;
}

/* What one more level is indented by: that of the first member. */
static char *indent_unit(const char *text)
{
	const char *brace = strchr(text, '{');
	const char *p = skip_space(brace + 1);
	char *unit = *p == '"' ? indent_of(text, p) : NULL;

	if (unit && *unit)
		return unit;
	g_free(unit);
	return g_strdup("    ");
}

/* @value printed as one that stands at @indent. */
static char *print_value(json_t *value, const char *indent, const char *unit)
{
	char *raw = json_dumps(value, JSON_ENCODE_ANY | JSON_INDENT(1));
	g_auto(GStrv) lines = g_strsplit(raw, "\n", -1);
	GString *out = g_string_new(lines[0]);

	for (char **l = lines + 1; *l; l++) {
		size_t depth = strspn(*l, " ");

		g_string_append_printf(out, "\n%s", indent);
		for (size_t i = 0; i < depth; i++)
			g_string_append(out, unit);
		g_string_append(out, *l + depth);
	}
	free(raw);
	return g_string_free(out, FALSE);
}

static char *splice(const char *text, const char *from, const char *to, const char *with)
{
	return g_strdup_printf("%.*s%s%s", (int)(from - text), text, with, to);
}

/* Add "@key": @value at the end of @object; @m is what find_member() left. */
static char *insert_member(const char *text, const char *object, const struct member *m,
			   const char *key, json_t *value)
{
	g_autofree char *unit = indent_unit(text);
	g_autofree char *indent = m->first ? NULL : indent_of(text, m->name);
	g_autofree char *outer = NULL, *printed = NULL, *member = NULL;
	const char *line = object;

	if (!m->first && !indent) { /* all on one line */
		printed = json_dumps(value, JSON_ENCODE_ANY);
		member = g_strdup_printf(", \"%s\": %s", key, printed);
		return splice(text, m->prev, m->prev, member);
	}
	if (!m->first) {
		printed = print_value(value, indent, unit);
		member = g_strdup_printf(",\n%s\"%s\": %s", indent, key, printed);
		return splice(text, m->prev, m->prev, member);
	}
	while (line > text && line[-1] != '\n') /* an empty object: as deep as its line is */
		line--;
	outer = g_strndup(line, strspn(line, " \t"));
	indent = g_strconcat(outer, unit, NULL);
	printed = print_value(value, indent, unit);
	member = g_strdup_printf("{\n%s\"%s\": %s\n%s}", indent, key, printed, outer);
	return splice(text, object, skip_value(object), member);
}

/**
 * setup_json_set() - give the member at @keys (NULL-terminated path) of @text the value @value
 *
 * Objects on the way are made if missing. @text is a text that setup_json_parse() took, in which
 * those on the way that exist are objects. Takes the reference to @value. Return: the new text.
 */
char *setup_json_set(const char *text, const char *const *keys, json_t *value)
{
	const char *object = strchr(text, '{');
	struct member m;
	char *out;

	if (!object) {
		g_autofree char *empty = g_strconcat(text, "{\n}\n", NULL);

		return setup_json_set(empty, keys, value);
	}
	while (find_member(object, keys[0], &m) && keys[1]) {
		object = m.value;
		keys++;
	}
	if (!keys[1] && find_member(object, keys[0], &m)) {
		g_autofree char *printed = json_dumps(value, JSON_ENCODE_ANY);

		out = splice(text, m.value, m.end, printed);
	} else {
		size_t last = g_strv_length((char **)keys) - 1;

		for (; last > 0; last--) {
			json_t *wrap = json_object();

			json_object_set_new(wrap, keys[last], value);
			value = wrap;
		}
		out = insert_member(text, object, &m, keys[0], value);
	}
	json_decref(value);
	return out;
}

/**
 * setup_json_remove() - take the member at @keys out of @text; Return: the new text
 */
char *setup_json_remove(const char *text, const char *const *keys)
{
	const char *object = strchr(text, '{');
	struct member m;

	for (; object && find_member(object, keys[0], &m); keys++) {
		const char *next;

		if (keys[1]) {
			object = m.value;
			continue;
		}
		next = skip_space(m.end);
		if (!m.first)
			return splice(text, m.prev, m.end, "");
		if (*next == ',')
			return splice(text, m.name, skip_space(next + 1), "");
		return splice(text, object + 1, next, "");
	}
	return g_strdup(text);
}
