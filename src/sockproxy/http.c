/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of one HTTP/1.1 request, taken literally. Go's server, at the other end, forgives more:
 * lines that end in LF alone, folded headers, both a length and chunks. What it would make of those
 * must not matter, so they end here, and what goes on is written anew from this result.
 */
#include "config.h"
#include "sockproxy/http.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define CHUNK_DIGITS_MAX 15

/**
 * span_is() - is @s, to the letter, @text?
 */
bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/**
 * span_is_nocase() - is @s, but for case, @text?
 */
bool span_is_nocase(struct span s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

/* RFC 9110: token */
static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.at[i] || /* which strchr() finds, too */
		    (!isalnum((unsigned char)s.at[i]) && !strchr("!#$%&'*+-.^_`|~", s.at[i])))
			return false;
	return s.len > 0;
}

static bool is_visible(struct span s, const char *also)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.at[i] <= ' ' || s.at[i] >= 0x7f) && (!s.at[i] || !strchr(also, s.at[i])))
			return false;
	return true;
}

/* Up to the next CRLF; a CR or LF in any other place is an error. */
static int next_line(const char **p, const char *end, struct span *line)
{
	const char *at = *p;

	while (at < end && *at != '\r' && *at != '\n')
		at++;
#ifdef MUTANT_LINES_LOOSE
	if (at < end && at[0] == '\n') {
		*line = (struct span){ *p, at - *p };
		*p = at + 1;
		return 0;
	}
#endif
	if (end - at < 2 || at[0] != '\r' || at[1] != '\n')
		return -EBADMSG;
	*line = (struct span){ *p, at - *p };
	*p = at + 2;
	return 0;
}

static int parse_request_line(struct span line, struct http_head *h)
{
	const char *space = memchr(line.at, ' ', line.len), *second;
	struct span version;

	if (!space)
		return -EBADMSG;
	h->method = (struct span){ line.at, space - line.at };
	second = memchr(space + 1, ' ', line.at + line.len - space - 1);
	if (!second)
		return -EBADMSG;
	h->target = (struct span){ space + 1, second - space - 1 };
	version = (struct span){ second + 1, line.at + line.len - second - 1 };
	if (!is_token(h->method) || !is_visible(h->target, "") || !span_is(version, "HTTP/1.1"))
		return -EBADMSG;
	return h->target.len > 0 && h->target.at[0] == '/' ? 0 : -EBADMSG;
}

static struct span trim(struct span s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* A line that begins with white space has no name that is a token: folded headers end here. */
static int parse_header(struct span line, struct http_head *h)
{
	const char *colon = memchr(line.at, ':', line.len);
	struct span name, value;

	if (!colon || h->n_headers == HTTP_HEADERS_MAX)
		return -EBADMSG;
	name = (struct span){ line.at, colon - line.at };
	value = trim((struct span){ colon + 1, line.at + line.len - colon - 1 });
#ifndef MUTANT_HEADERS_LOOSE
	if (!is_token(name) || !is_visible(value, " \t"))
		return -EBADMSG;
#endif
	h->header[h->n_headers].name = name;
	h->header[h->n_headers++].value = value;
	return 0;
}

/**
 * http_header() - the value of a header, or an empty span whose at is NULL
 */
struct span http_header(const struct http_head *h, const char *name)
{
	for (int i = 0; i < h->n_headers; i++)
		if (span_is_nocase(h->header[i].name, name))
			return h->header[i].value;
	return (struct span){ 0 };
}

static int count(const struct http_head *h, const char *name)
{
	int n = 0;

	for (int i = 0; i < h->n_headers; i++)
		n += span_is_nocase(h->header[i].name, name);
	return n;
}

static int parse_length(struct span value, int64_t *ret)
{
	int64_t n = 0;

	if (value.len == 0 || value.len > 18)
		return -EBADMSG;
	for (size_t i = 0; i < value.len; i++) {
		if (!isdigit((unsigned char)value.at[i]))
			return -EBADMSG;
		n = n * 10 + (value.at[i] - '0');
	}
	*ret = n;
	return 0;
}

/* Is @word one of a comma separated list, whatever its case? */
static bool lists(struct span value, const char *word)
{
	while (value.len) {
		const char *comma = memchr(value.at, ',', value.len);
		size_t n = comma ? (size_t)(comma - value.at) : value.len;

		if (span_is_nocase(trim((struct span){ value.at, n }), word))
			return true;
		n += comma != NULL;
		value.at += n;
		value.len -= n;
	}
	return false;
}

static int find_framing(struct http_head *h)
{
	static const char *const once[] = { "Content-Length", "Transfer-Encoding", "Host",
					    "Content-Type",   "Upgrade",	   "Expect",
					    "Connection" };
	struct span length = http_header(h, "Content-Length");
	struct span coding = http_header(h, "Transfer-Encoding");

	h->length = HTTP_LENGTH_NONE;
#ifndef MUTANT_FRAMING_LOOSE
	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		if (count(h, once[i]) > 1)
			return -EBADMSG;
	if (count(h, "Host") == 0 || (length.at && coding.at))
		return -EBADMSG;
	if (coding.at && !span_is_nocase(coding, "chunked"))
		return -EBADMSG;
#endif
	if (coding.at)
		h->length = HTTP_LENGTH_CHUNK;
	else if (length.at && parse_length(length, &h->length) < 0)
		return -EBADMSG;
	if (http_header(h, "Trailer").at)
		return -EBADMSG;
	h->close = lists(http_header(h, "Connection"), "close");
	h->upgrade = http_header(h, "Upgrade").at && lists(http_header(h, "Connection"), "Upgrade");
	h->expects = span_is_nocase(http_header(h, "Expect"), "100-continue");
	return http_header(h, "Expect").at && !h->expects ? -EBADMSG : 0;
}

/**
 * http_head_parse() - parse a request's head
 * @h: its spans point into @buf
 * @used: bytes of the head, with the empty line
 *
 * Return: 0; -EAGAIN if it is not complete; -EMSGSIZE; -EBADMSG
 */
int http_head_parse(const char *buf, size_t len, struct http_head *h, size_t *used)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4), *p = buf;
	struct span line;
	int r;

	*h = (struct http_head){ 0 };
	/* HTTP/2 with prior knowledge; its preface has an empty line of its own. */
	if (len >= 3 && memcmp(buf, "PRI", 3) == 0)
		return -EBADMSG;
	/* A line that ends in LF alone may never see the end that we look for. */
	if (!end)
		return memmem(buf, len, "\n\n", 2) ? -EBADMSG
		       : len >= HTTP_HEAD_MAX	   ? -EMSGSIZE
						   : -EAGAIN;
	if (end - buf > HTTP_HEAD_MAX)
		return -EMSGSIZE;
	end += 2;
	r = next_line(&p, end, &line);
	if (r == 0)
		r = parse_request_line(line, h);
	while (r == 0 && p < end) {
		r = next_line(&p, end, &line);
		if (r == 0)
			r = parse_header(line, h);
	}
	*used = end + 2 - buf;
	return r < 0 ? r : find_framing(h);
}

static int chunk_size(struct http_chunks *c, char b)
{
	if (isxdigit((unsigned char)b)) {
		if (++c->digits > CHUNK_DIGITS_MAX)
			return -EBADMSG;
		c->left = c->left * 16 +
			  (isdigit((unsigned char)b) ? b - '0' : (b | 32) - 'a' + 10);
		return 0;
	}
#ifdef MUTANT_CHUNKS_LOOSE
	if (b != '\r' && b != '\n')
		return 0;
#endif
	/* No extensions: "\r" ends the size, "\n" the line. */
	if (b == '\r' && c->digits > 0 && c->digits <= CHUNK_DIGITS_MAX) {
		c->digits = CHUNK_DIGITS_MAX + 1;
		return 0;
	}
	if (b != '\n' || c->digits != CHUNK_DIGITS_MAX + 1)
		return -EBADMSG;
	c->digits = 0;
	c->state = c->left ? CHUNK_DATA : CHUNK_LAST;
	return 0;
}

/* The CRLF after a chunk, or after the last one; no trailers. */
static int chunk_end(struct http_chunks *c, char b)
{
	if (b != "\r\n"[c->digits])
		return -EBADMSG;
	if (++c->digits < 2)
		return 0;
	c->digits = 0;
	c->state = c->state == CHUNK_LAST ? CHUNK_DONE : CHUNK_SIZE;
	return 0;
}

/**
 * http_chunks_read() - take the next piece of a chunked body
 * @used: bytes of @buf that were taken
 * @data: what of them is data; perhaps nothing
 *
 * Return: 0 (c->state == CHUNK_DONE: the end) or -EBADMSG
 */
int http_chunks_read(struct http_chunks *c, const char *buf, size_t len, size_t *used,
		     struct span *data)
{
	int r = 0;

	*data = (struct span){ buf, 0 };
	*used = 0;
	while (r == 0 && *used < len && c->state != CHUNK_DONE) {
		if (c->state == CHUNK_DATA) {
			*data = (struct span){ buf + *used,
					       len - *used < c->left ? len - *used : c->left };
			*used += data->len;
			c->left -= data->len;
			if (c->left == 0)
				c->state = CHUNK_DATA_END;
			return 0;
		}
		r = c->state == CHUNK_SIZE ? chunk_size(c, buf[*used]) : chunk_end(c, buf[*used]);
		(*used)++;
	}
	return r;
}
