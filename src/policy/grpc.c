/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client for single calls on containerd's socket: as much of HTTP/2, gRPC and protocol buffers as
 * a question with one text and one answer needs. There is no C library for it that is not ten times
 * Cloister's size.
 *
 * Headers are sent uncompressed, and those of the answer are not read: a call that failed has no
 * message. The peer is containerd, run by root; an answer is all the same no longer than MAX_ANSWER
 * and not waited for longer than TIMEOUT_S at a time.
 */
#include "config.h"
#include "policy/grpc.h"

#include "lib/fd.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define TIMEOUT_S  2
#define MAX_ANSWER (4 << 20)
#define MAX_FRAMES 4096

enum {
	DATA = 0,
	HEADERS = 1,
	RST_STREAM = 3,
	SETTINGS = 4,
	PING = 6,
	GOAWAY = 7,
	WINDOW_UPDATE = 8
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

struct frame {
	size_t len;
	uint8_t type, flags;
	uint32_t stream;
};

static void put_frame(GString *s, uint8_t type, uint8_t flags, uint32_t stream, const void *data,
		      size_t len)
{
	const char head[9] = { len >> 16,    len >> 8,	   len,		type,  flags,
			       stream >> 24, stream >> 16, stream >> 8, stream };

	g_string_append_len(s, head, sizeof(head));
	g_string_append_len(s, data, len);
}

/* A string of HPACK, not Huffman-coded. */
static void put_string(GString *s, const char *text)
{
	size_t n = strlen(text);

	if (n < 127) {
		g_string_append_c(s, n);
	} else {
		g_string_append_c(s, 127);
		for (n -= 127; n >= 128; n >>= 7)
			g_string_append_c(s, (n & 127) | 128);
		g_string_append_c(s, n);
	}
	g_string_append(s, text);
}

static void put_header(GString *s, const char *name, const char *value)
{
	g_string_append_c(s, 0); /* a literal that nobody remembers */
	put_string(s, name);
	put_string(s, value);
}

/* Room for an answer, at once: settings with a window, and as much for the connection. */
static bool greet(struct grpc *g)
{
	static const char window[] = { 0, 4, MAX_ANSWER >> 24, (MAX_ANSWER >> 16) & 0xff, 0, 0 };
	static const char more[] = { 0, (MAX_ANSWER >> 16) & 0xff, 0, 0 };
	g_autoptr(GString) s = g_string_new("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

	put_frame(s, SETTINGS, 0, 0, window, sizeof(window));
	put_frame(s, WINDOW_UPDATE, 0, 0, more, sizeof(more));
	return fd_write_all(g->fd, s->str, s->len) == 0;
}

/**
 * grpc_open() - connect to @path, where root has to listen
 */
bool grpc_open(struct grpc *g, const char *path, const char *ns)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t len = sizeof(peer);

	*g = (struct grpc){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
			    .stream = 1,
			    .ns = ns };
	if (g->fd < 0 || strlen(path) >= sizeof(addr.sun_path))
		return false;
	strcpy(addr.sun_path, path);
	setsockopt(g->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(g->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return connect(g->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	       getsockopt(g->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == 0 &&
	       greet(g);
}

/**
 * grpc_close() - the end of grpc_open(); also if that has failed
 */
void grpc_close(struct grpc *g)
{
	if (g->fd >= 0)
		fd_close(g->fd);
	g->fd = -1;
}

static bool ask(struct grpc *g, const char *method, const char *text)
{
	g_autoptr(GString) s = g_string_new(NULL), headers = g_string_new(NULL);
	g_autoptr(GString) message = g_string_new(NULL), body = g_string_new(NULL);
	uint32_t len;

	put_header(headers, ":method", "POST");
	put_header(headers, ":scheme", "http");
	put_header(headers, ":path", method);
	put_header(headers, ":authority", "localhost");
	put_header(headers, "content-type", "application/grpc");
	put_header(headers, "te", "trailers");
	put_header(headers, "containerd-namespace", g->ns);
	g_string_append_c(message, 1 << 3 | 2); /* field 1, a text */
	for (len = strlen(text); len >= 128; len >>= 7)
		g_string_append_c(message, (len & 127) | 128);
	g_string_append_c(message, len);
	g_string_append(message, text);
	len = htonl(message->len);
	g_string_append_c(body, 0); /* not compressed */
	g_string_append_len(body, (const char *)&len, sizeof(len));
	g_string_append_len(body, message->str, message->len);
	put_frame(s, HEADERS, END_HEADERS, g->stream, headers->str, headers->len);
	put_frame(s, DATA, END_STREAM, g->stream, body->str, body->len);
	return fd_write_all(g->fd, s->str, s->len) == 0;
}

static bool read_frame(struct grpc *g, struct frame *f, GString *payload)
{
	uint8_t h[9];

	if (fd_read_all(g->fd, h, sizeof(h)) < 0)
		return false;
	*f = (struct frame){ .len = (size_t)h[0] << 16 | h[1] << 8 | h[2],
			     .type = h[3],
			     .flags = h[4],
			     .stream = ((uint32_t)h[5] << 24 | h[6] << 16 | h[7] << 8 | h[8]) &
				       0x7fffffff };
	if (f->len > MAX_ANSWER)
		return false;
	g_string_set_size(payload, f->len);
	return fd_read_all(g->fd, payload->str, f->len) == 0;
}

static bool answer_ack(struct grpc *g, const struct frame *f, const GString *payload)
{
	g_autoptr(GString) s = g_string_new(NULL);

	put_frame(s, f->type, ACK, 0, payload->str, f->type == PING ? payload->len : 0);
	return fd_write_all(g->fd, s->str, s->len) == 0;
}

static bool take_data(const struct frame *f, const GString *payload, GString *answer)
{
	size_t pad = f->flags & PADDED ? 1 : 0, tail = 0;

	if (pad && payload->len)
		tail = (uint8_t)payload->str[0];
	if (payload->len < pad + tail || answer->len + payload->len > MAX_ANSWER)
		return false;
	g_string_append_len(answer, payload->str + pad, payload->len - pad - tail);
	return true;
}

/* Frames until the end of our stream. */
static bool listen_to(struct grpc *g, GString *answer)
{
	g_autoptr(GString) payload = g_string_new(NULL);

	for (int i = 0; i < MAX_FRAMES; i++) {
		struct frame f;

		if (!read_frame(g, &f, payload) || f.type == GOAWAY)
			return false;
		if ((f.type == SETTINGS || f.type == PING) && !(f.flags & ACK) &&
		    !answer_ack(g, &f, payload))
			return false;
		if (f.stream != g->stream)
			continue;
		if (f.type == RST_STREAM)
			return false;
		if (f.type == DATA && !take_data(&f, payload, answer))
			return false;
		if ((f.type == DATA || f.type == HEADERS) && f.flags & END_STREAM)
			return true;
	}
	return false;
}

/* The next message of an answer, which is as long as the four bytes after the first say. */
static bool next_message(const GString *answer, size_t *at, const char **data, size_t *len)
{
	uint32_t n;

	if (answer->len - *at < 5 || answer->str[*at] != 0)
		return false;
	memcpy(&n, answer->str + *at + 1, sizeof(n));
	*at += 5;
	*data = answer->str + *at;
	*len = ntohl(n);
	if (*len > answer->len - *at)
		return false;
	*at += *len;
	return true;
}

static GString *call(struct grpc *g, const char *method, const char *text)
{
	g_autoptr(GString) answer = g_string_new(NULL);
	bool ok = ask(g, method, text) && listen_to(g, answer);

	g->stream += 2;
	return ok ? g_steal_pointer(&answer) : NULL;
}

/**
 * grpc_call() - call @method with a message whose field 1 is @text
 *
 * Return: the message that is the answer; NULL if there is none.
 */
GString *grpc_call(struct grpc *g, const char *method, const char *text)
{
	g_autoptr(GString) answer = call(g, method, text);
	const char *data;
	size_t at = 0, len;

	if (!answer || !next_message(answer, &at, &data, &len) || at != answer->len)
		return NULL;
	return g_string_new_len(data, len);
}

/**
 * grpc_read() - the same, of a method that answers with several messages
 *
 * Return: their fields @number, one after the other; NULL if an answer is not whole.
 */
GString *grpc_read(struct grpc *g, const char *method, const char *text, uint32_t number)
{
	g_autoptr(GString) answer = call(g, method, text), bytes = g_string_new(NULL);
	struct pb_field field;
	const char *data;
	size_t at = 0, len;

	while (answer && at < answer->len) {
		if (!next_message(answer, &at, &data, &len))
			return NULL;
		if (pb_find(data, len, number, &field))
			g_string_append_len(bytes, field.data, field.len);
	}
	return answer && bytes->len ? g_steal_pointer(&bytes) : NULL;
}

static bool take_varint(const char **at, const char *end, uint64_t *ret)
{
	*ret = 0;
	for (int shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t c = *(*at)++;

		*ret |= (uint64_t)(c & 127) << shift;
		if (!(c & 128))
			return true;
	}
	return false;
}

/**
 * pb_next() - take the next field of a protocol buffer
 *
 * Return: false at the end, and where it is garbled.
 */
bool pb_next(const char **at, const char *end, struct pb_field *ret)
{
	uint64_t tag, n;

	*ret = (struct pb_field){ 0 };
	if (*at >= end || !take_varint(at, end, &tag))
		return false;
	ret->number = tag >> 3;
	switch (tag & 7) {
	case 0:
		return take_varint(at, end, &ret->value);
	case 1:
	case 5:
		n = (tag & 7) == 1 ? 8 : 4;
		break;
	case 2:
		if (!take_varint(at, end, &n))
			return false;
		break;
	default:
		return false;
	}
	if (n > (uint64_t)(end - *at))
		return false;
	ret->data = *at;
	ret->len = n;
	*at += n;
	return true;
}

/**
 * pb_find() - the first field @number of the message @data that is bytes
 */
bool pb_find(const char *data, size_t len, uint32_t number, struct pb_field *ret)
{
	const char *at = data, *end = data + len;

	while (pb_next(&at, end, ret))
		if (ret->number == number && ret->data)
			return true;
	return false;
}

/**
 * pb_text() - the field as a string; to be freed with g_free()
 */
char *pb_text(const struct pb_field *field)
{
	return g_strndup(field->data, field->len);
}
