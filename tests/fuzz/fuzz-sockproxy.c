/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a request on the proxied socket of an engine, head and body.
 *
 * What is passed is written in a form that is passed again and stays the same, since the forwarder
 * asks exactly that of the parser; it has no more lines than headers, and the same endpoint.
 */
#include "config.h"
#include "fuzz.h"
#include "sockproxy/body.h"
#include "sockproxy/request.h"

#include <string.h>

static const struct sockcommands all; /* nothing is denied */

/* Return: the endpoint, if the request is passed */
static const struct endpoint *judge(const char *text, size_t len, struct http_head *h,
				    struct target *t, size_t *used)
{
	const struct endpoint *e;
	const char *why;

	if (http_head_parse(text, len, h, used) < 0)
		return NULL;
	FUZZ_ASSERT(*used <= len);
	if (target_parse(h->target, t) < 0 || request_check(h, t, &all, &e, &why) < 0)
		return NULL;
	return e;
}

/* Return: bytes of the body that came out */
static size_t take_chunks(const char *text, size_t len, size_t piece, char *out)
{
	struct http_chunks c = { 0 };
	size_t at = 0, n = 0;

	while (at < len && c.state != CHUNK_DONE) {
		struct span data;
		size_t used, have = len - at < piece ? len - at : piece;

		if (http_chunks_read(&c, text + at, have, &used, &data) < 0)
			break;
		FUZZ_ASSERT(used > 0 && used <= have && data.len <= used);
		memcpy(out + n, data.at, data.len);
		n += data.len;
		at += used;
	}
	return n;
}

static void check_chunks(const char *text, size_t len)
{
	char *whole = malloc(len + 1), *bytes = malloc(len + 1);
	size_t n = take_chunks(text, len, len, whole);

	FUZZ_ASSERT(take_chunks(text, len, 1, bytes) == n && memcmp(whole, bytes, n) == 0);
	free(whole);
	free(bytes);
}

static void check_body(const struct endpoint *e, const char *text, size_t len)
{
	char why[256], *first = NULL, *second = NULL;
	int n = body_rewrite(e, text, len, "ours", &first, why, sizeof(why));

	if (n < 0)
		return;
	FUZZ_ASSERT(body_rewrite(e, first, n, "ours", &second, why, sizeof(why)) == n);
	FUZZ_ASSERT(memcmp(first, second, n) == 0);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char written[HTTP_HEAD_MAX], again[HTTP_HEAD_MAX];
	static struct target t, t2;
	const char *text = (const char *)data;
	const struct endpoint *e;
	struct http_head h, h2;
	size_t used, used2;
	int n;

	e = judge(text, size, &h, &t, &used);
	if (!e)
		return 0;
	n = request_write(&h, &t, e, h.length, written, sizeof(written) - 64);
	if (n >= 0) {
		FUZZ_ASSERT(judge(written, n, &h2, &t2, &used2) == e && used2 == (size_t)n);
		FUZZ_ASSERT(h2.length == h.length && h2.n_headers <= h.n_headers);
		FUZZ_ASSERT(request_needs(e, &t) == request_needs(e, &t2));
		FUZZ_ASSERT(request_write(&h2, &t2, e, h2.length, again, sizeof(again)) == n);
		FUZZ_ASSERT(memcmp(written, again, n) == 0);
	}
	check_chunks(text + used, size - used);
	check_body(e, text + used, size - used);
	return 0;
}
