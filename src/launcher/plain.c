/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of others on the administrator's terminal: images name commands, volumes and paths, and a
 * container its sysctls. What is no visible character could move the cursor, set the title or make
 * lines that nobody wrote, so it is shown by its number, as in JSON: \u001b.
 */
#include "config.h"
#include "launcher/plain.h"

#include <stdbool.h>

/**
 * plain_text() - @text with nothing in it but what can be seen; freed with g_free()
 */
char *plain_text(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *plain = g_string_new(NULL);

#ifdef MUTANT_ESCAPES_SHOWN
	return g_string_free(g_string_append(plain, valid), false);
#endif
	for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (g_unichar_isprint(c))
			g_string_append_unichar(plain, c);
		else
			g_string_append_printf(plain, "\\u%04x", c);
	}
	return g_string_free(plain, false);
}

/**
 * plain_json() - the same for all strings in @json
 */
void plain_json(json_t *json)
{
	json_t *item;
	const char *key;
	size_t i;

	if (json_is_string(json)) {
		g_autofree char *text = plain_text(json_string_value(json));

		json_string_set(json, text);
	}
	json_array_foreach(json, i, item) plain_json(item);
	json_object_foreach(json, key, item) plain_json(item);
}
