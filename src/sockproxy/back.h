/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The forwarder's own: a client, its connection to the engine, and what is on its way.
 */
#include "sockproxy/proxy.h"

/* Bytes on their way in one direction. */
struct flow {
	char *buf; /* PROXY_BUFFER and room for framing; NULL while nothing moves */
	size_t at, len;
	bool end; /* nothing follows */
};

enum link_mode {
	LINK_IDLE,   /* between requests: the parser reads the client */
	LINK_ANSWER, /* a request is on its way, or its response */
	LINK_RAW,    /* no HTTP any more */
};

/* How far a response has come. */
struct response {
	enum {
		RESPONSE_HEAD,
		RESPONSE_LENGTH,
		RESPONSE_CHUNKS,
		RESPONSE_TO_END,
		RESPONSE_DONE
	} state;
	uint64_t left;
	struct http_chunks chunks;
	bool keep;
};

struct link {
	uint32_t id;
	int client, engine, pipe;
	enum link_mode mode;
	const struct endpoint *endpoint;
	int64_t length;	    /* of the request's body, as in struct http_head */
	int64_t body_left;  /* of that, if it is a number */
	bool body_complete; /* the parser says so */
	struct flow up, down;
	char *early; /* what the client sent before it knew that the connection is no HTTP any more
		      */
	size_t early_len;
	struct response response;
	uint32_t client_events, engine_events, pipe_events;
	bool client_gone;
};

int response_head(struct link *l, const char *buf, size_t len, size_t *used);
int response_track(struct link *l, const char *buf, size_t len, size_t *used);
void engine_runtime(const char *name, struct proxy_msg *answer);
pid_t engine_pid(const char *name);
pid_t engine_buildkit(const char *name);
int engine_connect(const char *name, bool block);
