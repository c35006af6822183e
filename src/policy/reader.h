/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading checked JSON into structures, member by member.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define READER_DEPTH 12

struct reader {
	const char *text, *name;	/* what is read; what to call it */
	const char *path[READER_DEPTH]; /* where we are: keys, and "#N" for elements */
	guint depth;
	GPtrArray *warnings; /* char *, owned by whoever reads */
	GError **error;
};

/* What a member is read by: @into is the address of what it is kept in. */
typedef bool (*reader_fn)(struct reader *r, json_t *value, void *into);

struct reader_member {
	const char *key;
	reader_fn parse;
	void *into;
};

bool reader_wrong(struct reader *r, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool reader_object(struct reader *r, json_t *value, const struct reader_member *members);
bool reader_array(struct reader *r, json_t *value, reader_fn parse, void *into);
bool reader_bool(struct reader *r, json_t *value, void *into);
const char *reader_text(struct reader *r, json_t *value);
bool reader_word(struct reader *r, json_t *value, const char *const *words, int *ret);
