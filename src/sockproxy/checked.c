/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder: is what the parser hands on a request that may be sent? The same code, asked
 * again, since a parser that was taken over hands on what it likes.
 */
#include "config.h"
#include "sockproxy/back.h"

#include "sockproxy/body.h"
#include "sockproxy/request.h"

#include <stdlib.h>
#include <string.h>

static struct proxy_msg told[2]; /* the last answers to MSG_RUNTIME, the newest first */

/**
 * request_told() - the parser is told this of the engine's runtimes
 */
void request_told(const struct proxy_msg *answer)
{
	told[1] = told[0];
	told[0] = *answer;
}

/* Were builds contained, by what the parser was last told, or just before? */
static bool is_contained(enum request_need need)
{
	if (need == NEEDS_BUILDS)
		return told[0].builds || told[1].builds;
	if (need == NEEDS_BUILDKIT)
		return told[0].buildkit || told[1].buildkit;
	return true;
}

/* Is this what body_rewrite() makes of it, with the runtime that the parser was told? */
static bool body_is_checked(const struct endpoint *e, const char *text, size_t len)
{
	bool same = false;

	for (int i = 0; i < 2 && !same; i++) {
		char why[256], *again = NULL;
		int n = body_rewrite(e, text, len, told[i].runtime, &again, why, sizeof(why));

		same = n >= 0 && (size_t)n == len && memcmp(again, text, len) == 0;
		free(again);
	}
	return same;
}

/**
 * request_is_checked() - is this, word for word, what request_write() makes of it, and allowed?
 */
bool request_is_checked(struct link *l, const char *text, const struct proxy_msg *msg, int fd)
{
	static struct target t;
	char again[HTTP_HEAD_MAX + 512];
	struct http_head h;
	const char *why;
	size_t used;
	int n;

	if (http_head_parse(text, msg->head_len, &h, &used) < 0 || used != msg->head_len ||
	    target_parse(h.target, &t) < 0 ||
	    request_check(&h, &t, &back_proxy->commands, &l->endpoint, &why) < 0)
		return false;
	n = request_write(&h, &t, l->endpoint, h.length, again, sizeof(again));
	if (n != (int)msg->head_len || memcmp(again, text, n) != 0)
		return false;
	l->length = h.length;
	l->body_left = h.length > 0 ? h.length : 0;
	if (!is_contained(request_needs(l->endpoint, &t)))
		return false;
	if (fd >= 0)
		return l->endpoint->body == BODY_STREAM && msg->body_len == 0 &&
		       msg->early_len == 0 && msg->again_len == 0 && h.length != HTTP_LENGTH_NONE;
	if (msg->again_len && (l->endpoint->body != BODY_NONE || l->endpoint->reach != REACH_NONE ||
			       h.length != HTTP_LENGTH_NONE || msg->again_len > PROXY_AGAIN_MAX))
		return false;
	return (h.length == HTTP_LENGTH_NONE ? 0 : h.length) == msg->body_len &&
	       (msg->early_len == 0 ||
		(l->endpoint->body == BODY_HIJACK && msg->early_len <= PROXY_BUFFER)) &&
	       (msg->body_len == 0 ||
		body_is_checked(l->endpoint, text + msg->head_len, msg->body_len));
}
