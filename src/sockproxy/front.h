/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parser's own: a client and what has been read of its request.
 */
#include "sockproxy/proxy.h"

enum client_state {
	CLIENT_HEAD,   /* reading the head of a request */
	CLIENT_JSON,   /* reading a JSON body, whole */
	CLIENT_STREAM, /* passing on a body as it comes */
	CLIENT_WAIT,   /* the other side answers */
	CLIENT_LINGER, /* has its last answer; what it still sends is not read */
};

struct client {
	int fd, pipe;
	uint32_t id;
	enum client_state state;
	uint32_t watched; /* events */
	bool wants_runtime;
	bool wants_done; /* it has said something, and has to wait */
	const struct endpoint *endpoint;
	int64_t left; /* bytes of the body still to come; HTTP_LENGTH_CHUNK */
	struct http_chunks chunks;
	char *json; /* of the body so far */
	size_t json_len;
	size_t target_len, head_len, last_len, len;
	bool again; /* the request is the same as the one before */
	/* From here on nothing is cleared: most is never touched. */
	char target[TARGET_MAX];	/* as it was asked for, for messages */
	char last[PROXY_AGAIN_MAX];	/* request, in its own words, if it has no body */
	char head[HTTP_HEAD_MAX + 512]; /* of the request as it will be sent */
	char buf[HTTP_HEAD_MAX + 4096]; /* read, and not used yet */
};

struct front {
	const struct proxy *proxy;
	int epoll, n_clients;
	int n_waiting; /* clients with wants_done */
	uint32_t next_id;
	bool paused, runtime_known, runtime_asked, builds, buildkit;
	char runtime[PROXY_RUNTIME_MAX];
	char text[2 * (HTTP_HEAD_MAX + 4096) + PROXY_BODY_MAX];
};

void front_read_head(struct front *f, struct client *c);
void front_read_json(struct front *f, struct client *c);
bool front_body_done(const struct client *c);
int front_body_next(struct client *c, size_t *used, struct span *data);
void front_body_took(struct client *c, size_t used, size_t data_len, size_t written);

void front_submit(struct front *f, struct client *c, const char *body, size_t body_len, int pipe);
void front_refuse(struct front *f, struct client *c, int status, const char *message);
void front_deny(struct front *f, struct client *c, struct span target, const char *why);
void front_watch(struct front *f, struct client *c, uint32_t events);
