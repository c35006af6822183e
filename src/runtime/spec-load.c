/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a JSON document of an engine (config.json, `exec --process`, `update --resources`)
 * to jansson's tree.
 *
 * The specification has unsigned 64-bit integers, and engines use all of them: RLIM_INFINITY is
 * 18446744073709551615. jansson has signed ones only, so numbers above INT64_MAX are rewritten
 * before it sees them, to the negative number of the same 64 bits; spec_get_u64() and every cast of
 * json_integer_value() to uint64_t turn that back, also after the document was saved and loaded.
 */
#include "config.h"
#include "runtime/spec.h"

#include "lib/fd.h"
#include "runtime/error.h"
#include "runtime/spec-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX     (16 << 20) /* bytes of a document; Docker's has 30 thousand */
#define INT64_DIGITS 19

/* The length of the number at @p, and in @value what it is if it needs the 64th bit, else 0. */
static size_t big_number(const char *p, const char *end, uint64_t *value)
{
	uint64_t v = 0;
	size_t n = 0;
	bool overflow = false;

	for (; p + n < end && g_ascii_isdigit(p[n]); n++)
		overflow |= __builtin_mul_overflow(v, 10, &v) ||
			    __builtin_add_overflow(v, (uint64_t)(p[n] - '0'), &v);
	/* A fraction or an exponent: a real number, for jansson to read. */
	if (overflow || (p + n < end && strchr(".eE", p[n])) || v <= INT64_MAX || p[0] == '0')
		v = 0;
	*value = v;
	return n;
}

static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

/* Return: @text with big numbers rewritten, or NULL if there is none. */
static GString *fold_big_numbers(const char *text, size_t len)
{
	const char *end = text + len, *p = text, *done = text;
	GString *out = NULL;

	while (p < end) {
		uint64_t value;
		size_t n;

		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (!g_ascii_isdigit(*p)) {
			p += 1;
			continue;
		}
		n = big_number(p, end, &value);
		if (n >= INT64_DIGITS && value && !(p > text && strchr("-.+eE", p[-1]))) {
			out = out ?: g_string_sized_new(len + 64);
			g_string_append_len(out, done, p - done);
			g_string_append_printf(out, "%lld", (long long)value);
			done = p + n;
		}
		p += n;
	}
	if (out)
		g_string_append_len(out, done, end - done);
	return out;
}

/**
 * spec_parse_json() - parse a JSON document
 * @name: what the error calls it
 *
 * Duplicate keys, NUL bytes and invalid UTF-8 are errors.
 */
json_t *spec_parse_json(const char *text, size_t len, const char *name, GError **error)
{
	GString *folded = fold_big_numbers(text, len);
	json_error_t where;
	json_t *json;

	json = json_loadb(folded ? folded->str : text, folded ? folded->len : len,
			  JSON_REJECT_DUPLICATES, &where);
	if (folded)
		g_string_free(folded, true);
	if (!json)
		spec_bad(error, "", "", "%s:%d:%d: %s", name, where.line, where.column, where.text);
	return json;
}

/**
 * spec_read_json() - read and parse the file @path
 */
json_t *spec_read_json(const char *path, GError **error)
{
	autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	g_autofree char *text = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		error_set_errno(error, -errno, "open \"%s\"", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		error_set(error, "\"%s\": give a regular file of at most 16 MiB", path);
		return NULL;
	}
	text = g_malloc(st.st_size + 1);
	r = fd_read_all(fd, text, st.st_size);
	if (r < 0) {
		error_set_errno(error, r, "read \"%s\"", path);
		return NULL;
	}
	return spec_parse_json(text, st.st_size, path, error);
}

/**
 * spec_read_stream() - read and parse what is left of @f, which may be a pipe
 * @name: what the error calls it
 */
json_t *spec_read_stream(FILE *f, const char *name, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char buf[4096];
	size_t n;

	while (text->len <= FILE_MAX && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		g_string_append_len(text, buf, n);
	if (ferror(f)) {
		error_set_errno(error, -errno, "%s", name);
		return NULL;
	}
	if (text->len > FILE_MAX) {
		error_set(error, "%s: larger than 16 MiB", name);
		return NULL;
	}
	return spec_parse_json(text->str, text->len, name, error);
}
