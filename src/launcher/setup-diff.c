/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preview of an edit in the form of a unified diff. Our edits are few and small: what differs
 * between the equal beginnings and the equal ends is shown as one hunk.
 */
#include "config.h"
#include "launcher/setup.h"

#include <string.h>

#define CONTEXT 3

static GPtrArray *lines_of(const char *text)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	while (text && *text) {
		size_t len = strcspn(text, "\n");

		g_ptr_array_add(lines, g_strndup(text, len));
		text += len + (text[len] == '\n');
	}
	return lines;
}

static void print_lines(GString *out, char sign, GPtrArray *lines, guint from, guint to)
{
	for (guint i = from; i < to; i++)
		g_string_append_printf(out, "%c%s\n", sign, (char *)lines->pdata[i]);
}

/**
 * setup_diff() - append to @out how @path changes from @before to @after; NULL is "no file"
 */
void setup_diff(GString *out, const char *path, const char *before, const char *after)
{
	g_autoptr(GPtrArray) a = lines_of(before), b = lines_of(after);
	guint head = 0, tail = 0, from, a_end, b_end;

	while (head < a->len && head < b->len && strcmp(a->pdata[head], b->pdata[head]) == 0)
		head++;
	while (tail < a->len - head && tail < b->len - head &&
	       strcmp(a->pdata[a->len - 1 - tail], b->pdata[b->len - 1 - tail]) == 0)
		tail++;
	from = head > CONTEXT ? head - CONTEXT : 0;
	a_end = a->len - tail;
	b_end = b->len - tail;
	g_string_append_printf(out, "--- %s\n+++ %s\n", before ? path : "/dev/null",
			       after ? path : "/dev/null");
	tail = MIN(tail, CONTEXT);
	g_string_append_printf(out, "@@ -%u,%u +%u,%u @@\n", a->len ? from + 1 : 0,
			       a_end + tail - from, b->len ? from + 1 : 0, b_end + tail - from);
	print_lines(out, ' ', a, from, head);
	print_lines(out, '-', a, head, a_end);
	print_lines(out, '+', b, head, b_end);
	print_lines(out, ' ', a, a_end, a_end + tail);
}
