/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions of containerd's config.toml. Who names none has version 1, whose plugins have short
 * names. containerd 2 reads it but for its plugins' settings; Docker's own package brings such a
 * file, `disabled_plugins = ["cri"]`. One without plugins' settings means the same as version 2
 * under long names, so it is raised to that, and lowered by --undo.
 */
#include "config.h"
#include "launcher/setup-containerd.h"

#include <stdlib.h>
#include <string.h>

#define RAISED "version = 2 # it named none before cloister\n"

/**
 * layout_init() - the names that a text of @version has for the CRI plugin's runtimes
 */
void layout_init(layout_t *l, int version)
{
	l->version = version;
	l->id = version > 2 ? "io.containerd.cri.v1.runtime" : CONTAINERD_CRI;
	l->cri = g_strdup_printf("plugins/%s/containerd", l->id);
	l->runtimes = g_strconcat(l->cri, "/runtimes", NULL);
	l->ours = g_strconcat(l->runtimes, "/cloister", NULL);
}

void layout_clear(layout_t *l)
{
	g_free(l->cri);
	g_free(l->runtimes);
	g_free(l->ours);
}

/**
 * containerd_version() - of a text; 0: it names none
 */
int containerd_version(GPtrArray *lines)
{
	const struct toml_line *line = setup_toml_find(lines, "", "version");
	const char *equals = line ? strchr(line->start, '=') : NULL;

	return equals ? atoi(equals + 1) : 0;
}

bool containerd_any_below(GPtrArray *lines, const char *table)
{
	for (guint i = 0; i < lines->len; i++) {
		const struct toml_line *line = lines->pdata[i];

		if (setup_toml_below(line->table, table))
			return true;
	}
	return false;
}

/* Append @line, the string @from in it as @to; an end of a longer string is no such string. */
static void append_renamed(GString *out, const struct toml_line *line, const char *from,
			   const char *to)
{
	size_t len = strlen(from);

	for (const char *p = line->start; p < line->end; p++) {
		char before = p > line->start ? p[-1] : '\0';

		if ((before == '"' || before == '\'') && strncmp(p, from, len) == 0 &&
		    p[len] == before) {
			g_string_append(out, to);
			p += len - 1;
		} else {
			g_string_append_c(out, *p);
		}
	}
}

/**
 * containerd_rename() - @text with the plugin @from called @to where plugins are switched on or off
 *
 * Return: owned by the caller.
 */
char *containerd_rename(const char *text, const char *from, const char *to)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(text);
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < lines->len; i++) {
		const struct toml_line *line = lines->pdata[i];

		g_string_append_len(out, text, line->start - text);
		if (!*line->table && (g_strcmp0(line->key, "disabled_plugins") == 0 ||
				      g_strcmp0(line->key, "required_plugins") == 0))
			append_renamed(out, line, from, to);
		else
			g_string_append_len(out, line->start, line->end - line->start);
		text = line->end;
	}
	g_string_append(out, text);
	return g_string_free(out, FALSE);
}

/**
 * containerd_raise() - a @text of version 1 without plugins' settings as one of version 2
 *
 * Return: owned by the caller.
 */
char *containerd_raise(const char *text)
{
	g_autofree char *renamed = containerd_rename(text, CONTAINERD_CRI_OLD, CONTAINERD_CRI);

	return g_strconcat(RAISED, renamed, NULL);
}

/**
 * containerd_lower() - take containerd_raise() back; what others have entered since counts on
 * version 2
 *
 * Return: owned by the caller.
 */
char *containerd_lower(const char *text)
{
	g_autoptr(GPtrArray) lines = NULL;

	if (!g_str_has_prefix(text, RAISED))
		return g_strdup(text);
	text += strlen(RAISED);
	lines = setup_toml_lines(text);
	if (containerd_any_below(lines, "plugins"))
		return g_strconcat("version = 2\n", text, NULL);
	return containerd_rename(text, CONTAINERD_CRI, CONTAINERD_CRI_OLD);
}
