/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: config.json, with what is made of it before anything exists: struct spec, the filter
 * of its seccomp profile, the limits of its resources.
 *
 * Besides the sanitizers' work: an error is one line of UTF-8; a document that was taken is taken
 * again after it was saved, and means the same.
 */
#include "config.h"
#include "fuzz.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

#include <stdlib.h>
#include <string.h>

static void check_error(const GError *error)
{
	FUZZ_ASSERT(error && *error->message);
	FUZZ_ASSERT(g_utf8_validate(error->message, -1, NULL));
	FUZZ_ASSERT(!strpbrk(error->message, "\n\r"));
}

/* What is compiled and parsed for its own sake, whether or not the rest of the document is right.
 */
static void try_seccomp(json_t *json)
{
	json_t *seccomp = json_object_get(json_object_get(json, "linux"), "seccomp");
	struct sock_fprog filter = { 0 };
	g_autoptr(GError) error = NULL;

	if (json_is_object(seccomp) && !seccomp_compile(seccomp, &filter, &error))
		check_error(error);
	g_free(filter.filter);
}

/* resources_parse() comes last in a document: here in one where nothing else can be wrong. */
static void try_resources(json_t *json)
{
	json_t *resources = json_object_get(json_object_get(json, "linux"), "resources");
	g_autoptr(GError) error = NULL;
	autospec spec = NULL;

	if (!json_is_object(resources))
		return;
	spec = spec_from_json(json_pack("{s:s, s:{s:s}, s:{s:O}}", "ociVersion", "1.3.0", "root",
					"path", "/", "linux", "resources", resources),
			      "/", &error);
	if (!spec)
		check_error(error);
}

static void try_process(json_t *json)
{
	struct spec_process process = { 0 };
	g_autoptr(GError) error = NULL;

	if (!spec_parse_process(json_object_get(json, "process"), &process, &error))
		check_error(error);
	spec_process_clear(&process);
}

static void check_same(const struct spec *a, const struct spec *b)
{
	FUZZ_ASSERT(g_strcmp0(a->root_path, b->root_path) == 0);
	FUZZ_ASSERT(a->mounts->len == b->mounts->len);
	FUZZ_ASSERT(a->warnings->len == b->warnings->len);
	FUZZ_ASSERT(g_strv_length(a->process.args) == g_strv_length(b->process.args));
	FUZZ_ASSERT(memcmp(&a->process.caps, &b->process.caps, sizeof(a->process.caps)) == 0);
	FUZZ_ASSERT(a->process.rlimits->len == b->process.rlimits->len);
}

/* Return: the specification that a command finds later. */
static struct spec *load_again(const struct spec *spec)
{
	char *text = json_dumps(spec->json, JSON_COMPACT);
	json_t *json;
	struct spec *again;

	FUZZ_ASSERT(text);
	json = json_loadb(text, strlen(text), 0, NULL);
	free(text);
	FUZZ_ASSERT(json);
	again = spec_from_json(json, spec->bundle, NULL);
	FUZZ_ASSERT(again);
	return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL, policy = NULL;
	json_t *json = spec_parse_json((const char *)data, size, "input", &error);
	autospec spec = NULL;

	if (!json) {
		check_error(error);
		return 0;
	}
	try_seccomp(json);
	try_resources(json);
	try_process(json);
	spec = spec_from_json(json, "/bundle", &error);
	if (!spec) {
		check_error(error);
		return 0;
	}
	if (!spec_check_namespaces(spec, &policy) || !spec_check_mappings(spec, &policy))
		check_error(policy);
	FUZZ_ASSERT(!spec->has_process || spec->process.args[0]);
	for (guint i = 0; i < spec->mounts->len; i++) {
		const struct spec_mount *m = g_ptr_array_index(spec->mounts, i);

		FUZZ_ASSERT(m->destination[0] == '/' && m->destination[1]);
		FUZZ_ASSERT(!strstr(m->destination, "/../") && m->type && *m->type);
		FUZZ_ASSERT(!m->bind || m->source[0] == '/');
	}
	if (true) {
		autospec again = load_again(spec);

		check_same(spec, again);
	}
	return 0;
}
