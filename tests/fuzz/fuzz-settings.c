/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the settings file.
 *
 * Besides the sanitizers' work: an error is one line and has a place in the file; a command list
 * that was taken goes through the text that the proxy gets, and means the same.
 */
#include "config.h"
#include "fuzz.h"
#include "policy/settings.h"

#include <string.h>

static void check_line(const char *text)
{
	FUZZ_ASSERT(*text && !strpbrk(text, "\n\r"));
	FUZZ_ASSERT(strstr(text, ": line ") || strstr(text, "\"*\""));
}

static void check_commands(const struct sockcommands *list)
{
	char text[SOCKCOMMANDS_TEXT_MAX];
	struct sockcommands again;

	FUZZ_ASSERT(sockcommands_format(list, text, sizeof(text)) == 0);
	FUZZ_ASSERT(sockcommands_parse(text, &again) == 0);
	FUZZ_ASSERT(memcmp(list, &again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup(data ? (const char *)data : "", size);
	g_autoptr(GError) error = NULL;
	autosettings s = settings_parse(text, "input", &error);

	if (!s) {
		check_line(error->message);
		return 0;
	}
	for (guint i = 0; i < s->warnings->len; i++)
		check_line(s->warnings->pdata[i]);
	check_commands(&s->commands);
	for (guint i = 0; i < s->images->len; i++) {
		const struct settings_image *image = s->images->pdata[i];

		FUZZ_ASSERT(image->ref.name || image->ref.digest);
		check_commands(&image->commands);
	}
	for (guint i = 0; i < s->shares->len; i++) {
		const struct settings_share *share = s->shares->pdata[i];

		FUZZ_ASSERT(share->path && share->path[0] == '/');
		FUZZ_ASSERT((share->as == AS_USER) == (share->user != NULL));
	}
	return 0;
}
