/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser: from bytes of a client to a request that may be handed on.
 */
#include "config.h"
#include "sockproxy/front.h"

#include "sockproxy/body.h"
#include "sockproxy/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void keep_target(struct client *c, struct span target)
{
	c->target_len = target.len < sizeof(c->target) ? target.len : sizeof(c->target);
	memcpy(c->target, target.at, c->target_len);
}

/**
 * front_body_done() - has the body of the request been read?
 */
bool front_body_done(const struct client *c)
{
	return c->left == HTTP_LENGTH_CHUNK ? c->chunks.state == CHUNK_DONE : c->left <= 0;
}

/**
 * front_body_next() - the next piece of the body in c->buf
 * @used: bytes of the buffer that hold it, with what frames it
 *
 * Nothing has been taken until front_body_took() says so.
 */
int front_body_next(struct client *c, size_t *used, struct span *data)
{
	struct http_chunks chunks = c->chunks;
	int r;

	if (c->left != HTTP_LENGTH_CHUNK) {
		*used = (int64_t)c->len < c->left ? c->len : (size_t)c->left;
		*data = (struct span){ c->buf, *used };
		return 0;
	}
	r = http_chunks_read(&chunks, c->buf, c->len, used, data);
	/* With data the state moves by as much of it as is taken. */
	if (data->len == 0)
		c->chunks = chunks;
	return r;
}

/**
 * front_body_took() - @written of @data_len bytes have been passed on
 */
void front_body_took(struct client *c, size_t used, size_t data_len, size_t written)
{
	struct span ignored;
	size_t n;

	if (c->left != HTTP_LENGTH_CHUNK) {
		c->left -= written;
		return;
	}
	if (data_len == 0)
		return;
	http_chunks_read(&c->chunks, c->buf, used - data_len + written, &n, &ignored);
}

static bool ask_runtime(struct front *f, struct client *c, const struct target *t)
{
	struct proxy_msg msg = { .type = MSG_RUNTIME };

	if (f->runtime_known || request_needs(c->endpoint, t) == NEEDS_NOTHING)
		return false;
	c->wants_runtime = true;
	if (!f->runtime_asked)
		proxy_send(f->proxy->channel, &msg, NULL, 0, -1);
	f->runtime_asked = true;
	return true;
}

static void submit_stream(struct front *f, struct client *c)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		front_refuse(f, c, 502, "the proxy has no descriptor left");
		return;
	}
	c->pipe = ends[1];
	front_submit(f, c, NULL, 0, ends[0]);
	close(ends[0]);
}

/*
 * Who asks the same again and again, word for word, shall not have it parsed each time: the other
 * side is told the words, compares, and sends what it has checked before. It has to be a request
 * that depends on nothing else.
 */
static void look_for_repetition(struct client *c, const struct http_head *h, size_t used)
{
	bool fits = c->endpoint->body == BODY_NONE && c->endpoint->reach == REACH_NONE &&
		    h->length == HTTP_LENGTH_NONE && !h->close && c->len == used &&
		    used <= sizeof(c->last);

	c->again = fits && used == c->last_len && memcmp(c->last, c->buf, used) == 0;
	c->last_len = fits ? used : 0;
	memcpy(c->last, c->buf, c->last_len);
}

static const char build_refusal[] =
	"enhanced container isolation: builds through this socket are not contained, since the "
	"engine's default runtime is not Cloister; `cloister docker-setup --default` changes that";
static const char buildkit_refusal[] =
	"enhanced container isolation: builds by BuildKit through this socket are not contained, "
	"since it is not Cloister that runs their steps; `cloister docker-setup --enforce` changes "
	"that, and DOCKER_BUILDKIT=0 builds without";

static bool begin_body(struct front *f, struct client *c, const struct http_head *h,
		       const struct target *t)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	bool json = c->endpoint->body != BODY_STREAM;
	enum request_need need = request_needs(c->endpoint, t);
	int64_t length = json ? HTTP_LENGTH_NONE : h->length;
	int n;

	if ((need == NEEDS_BUILDS && !f->builds) || (need == NEEDS_BUILDKIT && !f->buildkit)) {
		front_deny(f, c, (struct span){ c->target, c->target_len },
			   need == NEEDS_BUILDS ? build_refusal : buildkit_refusal);
		return false;
	}
	if (json && h->length > PROXY_BODY_MAX) {
		front_refuse(f, c, 413, "the request's body is too long");
		return false;
	}
	/*
	 * The length of a JSON body is known when it has been written anew; with it the head has to
	 * be one that the other side reads.
	 */
	n = request_write(h, t, c->endpoint, length, c->head, HTTP_HEAD_MAX - 64);
	if (n < 0) {
		front_refuse(f, c, 431, "the request's head is too long");
		return false;
	}
	c->head_len = n;
	c->left = h->length == HTTP_LENGTH_NONE ? 0 : h->length;
	c->chunks = (struct http_chunks){ 0 };
	c->json_len = 0;
	if (h->expects && !front_body_done(c))
		send(c->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	c->state = CLIENT_JSON;
	return true;
}

/**
 * front_read_head() - c->state is CLIENT_HEAD: parse and judge a head, if it is complete
 */
void front_read_head(struct front *f, struct client *c)
{
	static struct target t;
	const char *why = "the request is no HTTP/1.1 that has one meaning";
	struct http_head h;
	size_t used;
	int r = http_head_parse(c->buf, c->len, &h, &used);

	if (r == -EAGAIN)
		return;
	if (r == 0) {
		keep_target(c, h.target);
		r = target_parse(h.target, &t);
	}
	if (r == 0)
		r = request_check(&h, &t, &f->proxy->commands, &c->endpoint, &why);
	if (r == -EACCES) {
		front_deny(f, c, h.target, NULL);
		return;
	}
	if (r < 0) {
		front_refuse(f, c, r == -EMSGSIZE ? 431 : 400, why);
		return;
	}
	if (ask_runtime(f, c, &t)) {
		/* The head stays in the buffer: it is judged again when the answer is here. */
		front_watch(f, c, 0);
		return;
	}
	if (!begin_body(f, c, &h, &t))
		return;
	look_for_repetition(c, &h, used);
	c->len -= used;
	memmove(c->buf, c->buf + used, c->len);
	if (c->endpoint->body == BODY_STREAM && !front_body_done(c))
		submit_stream(f, c);
}

/* Of requests without a document some clients send an empty one. */
static bool is_empty(const char *text, size_t len)
{
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	return len == 0 || (len == 2 && memcmp(text, "{}", 2) == 0) ||
	       (len == 4 && memcmp(text, "null", 4) == 0);
}

static void submit_json(struct front *f, struct client *c)
{
	char why[256] = "the body is not JSON", *body = NULL, *json = c->json;
	size_t room = sizeof(c->head) - c->head_len;
	int n;

	c->json = NULL;
	if (c->endpoint->body == BODY_NONE || c->json_len == 0) {
		if (!is_empty(json ?: "", c->json_len))
			front_refuse(f, c, 400, "this endpoint takes no body");
		else
			front_submit(f, c, NULL, 0, -1);
		free(json);
		return;
	}
	n = body_rewrite(c->endpoint, json, c->json_len, f->runtime, &body, why, sizeof(why));
	free(json);
	if (n == -EPERM) {
		front_deny(f, c, (struct span){ c->target, c->target_len }, why);
	} else if (n < 0 || n > PROXY_BODY_MAX) {
		front_refuse(f, c, 400, why);
	} else {
		/* In the place of the empty line. */
		c->head_len += snprintf(c->head + c->head_len - 2, room,
					"Content-Length: %d\r\n\r\n", n) -
			       2;
		front_submit(f, c, body, n, -1);
	}
	free(body);
}

/**
 * front_read_json() - c->state is CLIENT_JSON: take more of the body, and hand on when it is whole
 */
void front_read_json(struct front *f, struct client *c)
{
	while (c->len && !front_body_done(c)) {
		struct span data;
		size_t used;

		if (front_body_next(c, &used, &data) < 0) {
			front_refuse(f, c, 400, "the body's chunks make no sense");
			return;
		}
		if (!c->json)
			c->json = malloc(PROXY_BODY_MAX);
#ifdef MUTANT_BODY_CUT
		if (data.len > PROXY_BODY_MAX - c->json_len)
			data.len = PROXY_BODY_MAX - c->json_len;
#endif
		if (!c->json || data.len > PROXY_BODY_MAX - c->json_len) {
			front_refuse(f, c, 413, "the request's body is too long");
			return;
		}
		memcpy(c->json + c->json_len, data.at, data.len);
		c->json_len += data.len;
		front_body_took(c, used, data.len, data.len);
		c->len -= used;
		memmove(c->buf, c->buf + used, c->len);
	}
	if (!front_body_done(c))
		return;
	submit_json(f, c);
}
