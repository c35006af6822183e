/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the engine's response ends. It is passed on as it is; nothing in it is judged, and the
 * engine is believed.
 */
#include "config.h"
#include "sockproxy/back.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct fields {
	int status;
	bool chunked, has_length, close;
	uint64_t length;
};

static bool has_word(const char *value, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++)
		if (strncasecmp(value + i, word, n) == 0)
			return true;
	return false;
}

static void take_field(struct fields *f, const char *line, size_t len)
{
	static const char length[] = "Content-Length:", coding[] = "Transfer-Encoding:",
			  connection[] = "Connection:";

	if (len > sizeof(length) && strncasecmp(line, length, sizeof(length) - 1) == 0) {
		f->has_length = true;
		f->length = strtoull(line + sizeof(length) - 1, NULL, 10);
	} else if (len > sizeof(coding) && strncasecmp(line, coding, sizeof(coding) - 1) == 0) {
		f->chunked = has_word(line, len, "chunked");
	} else if (len > sizeof(connection) &&
		   strncasecmp(line, connection, sizeof(connection) - 1) == 0) {
		f->close = has_word(line, len, "close");
	}
}

static int take_head(const char *buf, const char *end, struct fields *f)
{
	const char *line = buf;

	*f = (struct fields){ 0 };
	if (end - buf < 12 || memcmp(buf, "HTTP/1.", 7) != 0)
		return -EBADMSG;
	f->status = atoi(buf + 9);
	f->close = buf[7] == '0';
	while (line < end) {
		const char *next = memmem(line, end - line, "\r\n", 2);

		next = next ? next + 2 : end;
		take_field(f, line, next - line);
		line = next;
	}
	return 0;
}

/**
 * response_head() - parse a response's head
 * @used: its bytes
 *
 * A hijacked connection becomes LINK_RAW: also where the engine answers 200 with neither a length
 * nor chunks, as it does to clients that asked for no upgrade.
 *
 * Return: 0; 1: an interim response, which is not passed on; -EAGAIN; -EBADMSG
 */
int response_head(struct link *l, const char *buf, size_t len, size_t *used)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4);
	struct response *r = &l->response;
	struct fields f;

	if (!end)
		return len >= PROXY_BUFFER ? -EBADMSG : -EAGAIN;
	*used = end + 4 - buf;
	if (take_head(buf, end + 2, &f) < 0)
		return -EBADMSG;
	if (f.status / 100 == 1 && f.status != 101)
		return 1;
	if (f.status == 101 && l->endpoint->body != BODY_HIJACK)
		return -EBADMSG;
	r->keep = !f.close;
	r->left = f.length;
	if (f.status == 101 ||
	    (l->endpoint->body == BODY_HIJACK && f.status == 200 && !f.has_length && !f.chunked))
		l->mode = LINK_RAW;
	else if (strcmp(l->endpoint->method, "HEAD") == 0 || f.status == 204 || f.status == 304 ||
		 (f.has_length && !f.chunked && f.length == 0))
		r->state = RESPONSE_DONE;
	else if (f.chunked)
		r->state = RESPONSE_CHUNKS;
	else if (f.has_length)
		r->state = RESPONSE_LENGTH;
	else
		r->state = RESPONSE_TO_END;
	r->chunks = (struct http_chunks){ 0 };
	return 0;
}

static int track_chunks(struct response *r, const char *buf, size_t len, size_t *used)
{
	while (*used < len && r->chunks.state != CHUNK_DONE) {
		struct span data;
		size_t n;

		if (http_chunks_read(&r->chunks, buf + *used, len - *used, &n, &data) < 0)
			return -EBADMSG;
		*used += n;
	}
	if (r->chunks.state == CHUNK_DONE)
		r->state = RESPONSE_DONE;
	return 0;
}

/**
 * response_track() - how much of these bytes belongs to the response
 */
int response_track(struct link *l, const char *buf, size_t len, size_t *used)
{
	struct response *r = &l->response;

	*used = 0;
	switch (r->state) {
	case RESPONSE_LENGTH:
		*used = len < r->left ? len : r->left;
		r->left -= *used;
		if (r->left == 0)
			r->state = RESPONSE_DONE;
		return 0;
	case RESPONSE_CHUNKS:
		return track_chunks(r, buf, len, used);
	case RESPONSE_TO_END:
		*used = len;
		r->keep = false;
		return 0;
	default:
		return 0;
	}
}
