/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds tables and keys of a TOML text, so that an edit can leave every other byte as it is.
 *
 * No packaged C library writes TOML back as it was, and this does not judge TOML either: it only
 * has to know where a line belongs. The engine's own parser judges the result, before it is used.
 * A path is the names from the top joined by '/', whatever quotes they are written in.
 */
#include "config.h"
#include "launcher/setup.h"

#include <string.h>

static void toml_line_free(gpointer data)
{
	struct toml_line *line = data;

	g_free(line->table);
	g_free(line->key);
	g_free(line);
}

static const char *skip_blank(const char *p)
{
	return p + strspn(p, " \t");
}

static const char *skip_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p ? p + 1 : p;
}

/* Behind the string that begins at @p: basic or literal, on one line or several. */
static const char *skip_string(const char *p)
{
	char quote = *p;
	bool several = p[1] == quote && p[2] == quote;

	for (p += several ? 3 : 1; *p; p++) {
		if (*p == '\\' && quote == '"' && p[1]) {
			p++;
		} else if (*p == quote && (!several || (p[1] == quote && p[2] == quote))) {
			p += several ? 3 : 1;
			while (several &&
			       *p == quote) /* quotes may stand before the closing ones */
				p++;
			return p;
		} else if (*p == '\n' && !several) {
			return p; /* malformed: let the engine say so */
		}
	}
	return p;
}

/* Behind the newline that ends the value at @p, which can go over several lines. */
static const char *skip_value(const char *p)
{
	int depth = 0;

	while (*p && !(*p == '\n' && depth <= 0)) {
		if (*p == '"' || *p == '\'') {
			p = skip_string(p);
			continue;
		}
		if (*p == '#') {
			p += strcspn(p, "\n");
			continue;
		}
		depth += *p == '[' || *p == '{';
		depth -= *p == ']' || *p == '}';
		p++;
	}
	return *p ? p + 1 : p;
}

/* Read dotted names up to one of @stop: appended to @names. Return: behind them. */
static const char *read_names(const char *p, const char *stop, GPtrArray *names)
{
	while (*p && *p != '\n' && !strchr(stop, *p)) {
		const char *from = p;

		if (*p == '"' || *p == '\'') {
			p = skip_string(p);
			g_ptr_array_add(names, g_strndup(from + 1, MAX(p - from - 2, 0)));
		} else if (*p == '.' || *p == ' ' || *p == '\t' || *p == '[') {
			p++;
		} else {
			p += strcspn(p, ".\"'= \t]\n");
			if (p == from)
				p++;
			g_ptr_array_add(names, g_strndup(from, p - from));
		}
	}
	return p;
}

static char *join(const char *table, GPtrArray *names, guint n)
{
	GString *path = g_string_new(table);

	for (guint i = 0; i < n; i++)
		g_string_append_printf(path, "%s%s", path->len ? "/" : "", (char *)names->pdata[i]);
	return g_string_free(path, FALSE);
}

/**
 * setup_toml_lines() - the lines of @text that open a table or give a value to a key
 *
 * Return: array of struct toml_line that point into @text, owned by the caller.
 */
GPtrArray *setup_toml_lines(const char *text)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(toml_line_free);
	g_autofree char *table = g_strdup("");

	while (*text) {
		g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
		const char *p = skip_blank(text);
		struct toml_line *line;

		if (*p == '#' || *p == '\n' || *p == '\r' || !*p) {
			text = skip_line(p);
			continue;
		}
		line = g_new0(struct toml_line, 1);
		line->start = text;
		line->header = *p == '[';
		p = read_names(p, line->header ? "]" : "=", names);
		if (line->header) {
			g_free(table);
			table = join("", names, names->len);
			line->table = g_strdup(table);
			text = skip_line(p);
		} else {
			guint last = names->len ? names->len - 1 : 0;

			line->table = join(table, names, last);
			line->key = names->len ? g_strdup(names->pdata[last]) : NULL;
			text = *p == '=' ? skip_value(p + 1) : skip_line(p);
		}
		line->end = text;
		g_ptr_array_add(lines, line);
	}
	return lines;
}

/**
 * setup_toml_find() - the line of @key in @table, or with @key NULL the one that opens @table
 */
const struct toml_line *setup_toml_find(GPtrArray *lines, const char *table, const char *key)
{
	for (guint i = 0; i < lines->len; i++) {
		const struct toml_line *line = lines->pdata[i];

		if (strcmp(line->table, table) == 0 &&
		    (key ? g_strcmp0(line->key, key) == 0 : line->header))
			return line;
	}
	return NULL;
}

/**
 * setup_toml_array() - the strings in the value of @line, in order; owned by the caller
 */
GPtrArray *setup_toml_array(const struct toml_line *line)
{
	GPtrArray *strings = g_ptr_array_new_with_free_func(g_free);
	const char *p = line ? strchr(line->start, '=') : NULL;

	while (p && *p && p < line->end) {
		if (*p == '"' || *p == '\'') {
			const char *from = p;

			p = skip_string(p);
			g_ptr_array_add(strings, g_strndup(from + 1, MAX(p - from - 2, 0)));
		} else if (*p == '#') {
			p += strcspn(p, "\n");
		} else {
			p++;
		}
	}
	return strings;
}

/**
 * setup_toml_string() - the string that @line gives to its key, or NULL; owned by the caller
 */
char *setup_toml_string(const struct toml_line *line)
{
	g_autoptr(GPtrArray) strings = setup_toml_array(line);

	return strings->len ? g_strdup(strings->pdata[0]) : NULL;
}

/**
 * setup_toml_below() - is @table @parent, or below it?
 */
bool setup_toml_below(const char *table, const char *parent)
{
	size_t len = strlen(parent);

	return strncmp(table, parent, len) == 0 && (table[len] == '\0' || table[len] == '/');
}
