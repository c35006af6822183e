/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: names of images; two lines, a pattern of the settings and a name.
 *
 * A name that was taken is taken again in its normalised form and stays the same; a name matches
 * itself.
 */
#include "config.h"
#include "fuzz.h"
#include "policy/imageref.h"

#include <string.h>

static void check_again(const struct imageref *ref)
{
	g_autofree char *text = ref->digest ? g_strdup_printf("%s@%s", ref->name, ref->digest)
					    : g_strdup_printf("%s:%s", ref->name, ref->tag);
	struct imageref again;

	FUZZ_ASSERT(!ref->tag != !ref->digest);
	if (strlen(text) > 512)
		return;
	FUZZ_ASSERT(imageref_parse(text, false, &again));
	FUZZ_ASSERT(strcmp(again.name, ref->name) == 0);
	FUZZ_ASSERT(g_strcmp0(again.tag, ref->tag) == 0);
	FUZZ_ASSERT(g_strcmp0(again.digest, ref->digest) == 0);
	imageref_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup(data ? (const char *)data : "", size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 2);
	struct imageref pattern, name;

	if (!lines[0] || !lines[1])
		return 0;
	if (imageref_parse(lines[1], false, &name)) {
		check_again(&name);
		if (imageref_parse(lines[0], true, &pattern)) {
			imageref_match_name(&pattern, name.name);
			imageref_match_tag(&pattern, name.tag ?: "latest");
			imageref_clear(&pattern);
		}
		if (imageref_parse(lines[1], true, &pattern)) {
			FUZZ_ASSERT(imageref_match_name(&pattern, name.name));
			imageref_clear(&pattern);
		}
		imageref_clear(&name);
	}
	g_free(imageref_name_of(lines[1]));
	return 0;
}
