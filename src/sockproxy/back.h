/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The forwarder's own: a client, its connection to the engine, and what is on its way.
 */
#include "sockproxy/archive.h"
#include "sockproxy/proxy.h"

#include <jansson.h>

/* Bytes on their way in one direction. */
struct flow {
	char *buf; /* PROXY_BUFFER and room for framing, or flow_lend()'s; NULL while nothing moves
		    */
	size_t at, len;
	bool end; /* nothing follows */
};

/* What epoll tells of: the client's number, and which of its descriptors. */
enum link_part { PART_CLIENT, PART_ENGINE, PART_PIPE, PART_QUESTION };

#define FLOW_FRAMING 32 /* room in a flow for what frames a chunk */

enum link_mode {
	LINK_IDLE,   /* between requests: the parser reads the client */
	LINK_AGAIN,  /* between requests that are the same: so do we, until it says another */
	LINK_GUARD,  /* the engine is asked whether a request may be sent */
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
	int client, engine, pipe, question;
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
	uint32_t client_events, engine_events, pipe_events, question_events;
	bool client_gone;
	size_t head_len; /* of the request that is in up */
	char *again;	 /* a request in its client's words, and then as it is sent; or NULL */
	size_t again_len;
	struct guard *guard;	/* what is known of the container that it is about */
	struct archive archive; /* its body, if that is one */
};

/* What is said to a client whose request is not sent. */
struct guard_verdict {
	int status;
	char text[TARGET_MAX];
};

extern const struct proxy *back_proxy;
extern int back_epoll;

struct link *link_find(uint32_t id);
void link_tell(uint32_t id, enum proxy_msg_type type);
void link_finish(struct link *l);
int link_connect(struct link *l);
void link_answer(struct link *l, int status, const char *text);
void link_watch(const struct link *l, int fd, int part, uint32_t *have, uint32_t want);
void link_close(struct link *l, int *fd, uint32_t *events);
void link_pump(struct link *l, bool fresh);
void back_read_channel(void);

void again_remember(struct link *l, const struct proxy_msg *msg, const char *text);
void again_read(struct link *l);

void flow_free(struct flow *f);
void flow_lend(struct flow *f);
bool flow_keep(struct flow *f);
int flow_send(struct flow *f, int fd);
int flow_receive(struct flow *f, int fd);
int body_receive(struct link *l);
int body_end(struct link *l);

bool request_is_checked(struct link *l, const char *text, const struct proxy_msg *msg, int fd);
void request_told(const struct proxy_msg *answer);
int guard_begin(struct link *l, struct guard_verdict *v);
int guard_read(struct link *l, struct guard_verdict *v);
void guard_free(struct link *l);
extern const char shares_network[sizeof("container:")];
bool is_whole_id(const char *id);
int name_by_id(struct link *l, const char *id);
int share_by_id(struct link *l, json_t *doc, const char *id);
void log_denied(const char *target, size_t len);

int response_head(struct link *l, const char *buf, size_t len, size_t *used);
int response_track(struct link *l, const char *buf, size_t len, size_t *used);
bool runtime_is_ours(json_t *runtime);
void engine_runtime(const char *name, struct proxy_msg *answer);
pid_t engine_pid(const char *name);
pid_t engine_buildkit(const char *name);
int engine_connect(const char *name, bool block);
