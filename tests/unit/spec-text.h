/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Specifications as text for the unit tests: with ' in the place of ".
 */
#include "runtime/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SPEC_TOP   "'ociVersion':'1.3.0','root':{'path':'rootfs'}"
#define SPEC_START SPEC_TOP ",'process':{'args':['sh'],'cwd':'/'"

/* A whole document in which @process are further members of the process. */
#define WITH_PROCESS(process) "{" SPEC_START "," process "}}"
/* … and @members further members of the document. */
#define WITH(members)	    "{" SPEC_START "}," members "}"
#define WITH_LINUX(members) WITH("'linux':{" members "}")
#define WITH_MOUNT(mount)   WITH("'mounts':[" mount "]")
#define OWN_NAMESPACES                                                                             \
	"'namespaces':[{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},"           \
	"{'type':'mount'}"

static inline struct spec *spec_from_text(const char *text, GError **error)
{
	g_autofree char *copy = g_strdup(text);
	json_t *json;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = spec_parse_json(copy, strlen(copy), "text", error);
	return json ? spec_from_json(json, "/bundle", error) : NULL;
}

/* One line, that names what is wrong; nothing of the document can make it two. */
static inline void assert_error_line(const GError *error, const char *word)
{
	assert_non_null(error);
	if (!strstr(error->message, word))
		fail_msg("\"%s\" does not contain \"%s\"", error->message, word);
	for (const char *p = error->message; *p; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	assert_true(g_utf8_validate(error->message, -1, NULL));
	assert_true(strlen(error->message) < 1000);
}

static inline void spec_refuses(const char *text, const char *word)
{
	g_autoptr(GError) error = NULL;
	struct spec *spec = spec_from_text(text, &error);

	if (spec)
		fail_msg("accepted: %.300s", text);
	assert_error_line(error, word);
}

static inline struct spec *spec_accepts(const char *text)
{
	g_autoptr(GError) error = NULL;
	struct spec *spec = spec_from_text(text, &error);

	if (!spec)
		fail_msg("%s: %.300s", error->message, text);
	return spec;
}

static inline const struct spec_mount *spec_mount_at(const struct spec *spec, guint i)
{
	return g_ptr_array_index(spec->mounts, i);
}
