/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The head of one HTTP/1.1 request (RFC 9112), taken literally: what two parsers could read
 * differently is refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX	  (32 * 1024)
#define HTTP_HEADERS_MAX  64
#define HTTP_LENGTH_NONE  (-1)
#define HTTP_LENGTH_CHUNK (-2)

/* A piece of the caller's buffer; not terminated. */
struct span {
	const char *at;
	size_t len;
};

struct http_head {
	struct span method, target;
	struct {
		struct span name, value;
	} header[HTTP_HEADERS_MAX];
	int n_headers;
	int64_t length; /* bytes of the body, HTTP_LENGTH_NONE or HTTP_LENGTH_CHUNK */
	bool close;	/* the client wants no other request on this connection */
	bool upgrade;	/* Connection: Upgrade, and a header Upgrade */
	bool expects;	/* Expect: 100-continue */
};

/* How far the chunks of a body have been read. */
struct http_chunks {
	enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_LAST, CHUNK_DONE } state;
	uint64_t left;
	size_t digits;
};

bool span_is(struct span s, const char *text);
bool span_is_nocase(struct span s, const char *text);
struct span http_header(const struct http_head *h, const char *name);
int http_head_parse(const char *buf, size_t len, struct http_head *h, size_t *used);
int http_chunks_read(struct http_chunks *c, const char *buf, size_t len, size_t *used,
		     struct span *data);
