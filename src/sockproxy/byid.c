/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder: a container that was judged is named by its whole id in what is sent then, which
 * nothing else can be called while it is there.
 */
#include "config.h"
#include "sockproxy/back.h"

#include "sockproxy/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_LENGTH 64

/* In a HostConfig.NetworkMode, before the other's name. */
const char shares_network[] = "container:";

/**
 * is_whole_id() - is that the whole id of a container, 64 digits of hexadecimal?
 */
bool is_whole_id(const char *id)
{
	return strlen(id) == ID_LENGTH && strspn(id, "0123456789abcdef") == ID_LENGTH;
}

/* Write the request in l->up anew. @name: in the place of what endpoint_name() says; or NULL */
static int rewrite(struct link *l, const char *name, const char *body, size_t len)
{
	static struct target t;
	char head[HTTP_HEAD_MAX + 512], id[ID_LENGTH + 1], *text;
	struct http_head h;
	size_t used;
	int n;

	snprintf(id, sizeof(id), "%s", name ?: "");
	if (http_head_parse(l->up.buf, l->head_len, &h, &used) < 0 ||
	    target_parse(h.target, &t) < 0 || (name && endpoint_set_name(l->endpoint, &t, id) < 0))
		return -EBADMSG;
	n = request_write(&h, &t, l->endpoint, name ? h.length : (int64_t)len, head, sizeof(head));
	if (n < 0)
		return n;
	text = malloc(n + len > PROXY_BUFFER ? n + len : PROXY_BUFFER + FLOW_FRAMING);
	if (!text)
		return -ENOMEM;
	memcpy(text, head, n);
	memcpy(text + n, body, len);
	free(l->up.buf);
	l->up.buf = text;
	l->up.len = n + len;
	return 0;
}

/**
 * name_by_id() - in the place of the name that the request in l->up was given
 */
int name_by_id(struct link *l, const char *id)
{
	return rewrite(l, id, l->up.buf + l->head_len, l->up.len - l->head_len);
}

/**
 * share_by_id() - the same for whose network a container that is to be made shares
 * @doc: its description
 */
int share_by_id(struct link *l, json_t *doc, const char *id)
{
	char mode[sizeof(shares_network) + ID_LENGTH], *body;
	int r;

	snprintf(mode, sizeof(mode), "%s%s", shares_network, id);
	json_object_set_new(json_object_get(doc, "HostConfig"), "NetworkMode", json_string(mode));
	body = json_dumps(doc, JSON_COMPACT);
	r = body ? rewrite(l, NULL, body, strlen(body)) : -ENOMEM;
	free(body);
	return r;
}
