/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the two processes of the proxy share: the messages between them, and what one container may
 * have them hold.
 */
#include "lib/sockcommands.h"
#include "sockproxy/commands.h"
#include "sockproxy/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROXY_CONNECTIONS 512
#define PROXY_BODY_MAX	  (256 * 1024)	/* of a JSON document */
#define PROXY_MESSAGE_MAX (1024 * 1024) /* more than any message, for the socket's buffer */
#define PROXY_BUFFER	  (64 * 1024)
#define PROXY_RUNTIME_MAX 64
#define PROXY_AGAIN_MAX	  1024
#define PROXY_BATCH	  8 /* messages that are taken at once */

enum proxy_msg_type {
	MSG_OPEN = 1, /* to the forwarder: a client; its descriptor comes along */
	MSG_REQUEST,  /* a request; with a descriptor if its body comes through a pipe */
	MSG_BODY_END, /* the pipe's end is the body's end, and not that of a client that died */
	MSG_CLOSE,    /* forget the client */
	MSG_RUNTIME,  /* which of the engine's runtimes is Cloister? and the answer */
	MSG_DENIED,   /* for the log */
	MSG_DONE,     /* to the parser: the response has been sent; the next request may come.
		       * As long as there is room the client's number says so on the other pair */
	MSG_RAW,  /* no HTTP any more: let go of the client, but keep its number until MSG_GONE */
	MSG_GONE, /* no other request will: forget the client */
};

/* One message of the SOCK_SEQPACKET pair: this, then the texts. */
struct proxy_msg {
	enum proxy_msg_type type;
	uint32_t id;	    /* of the client */
	uint32_t head_len;  /* of the request as it will be sent; of MSG_DENIED its target */
	uint32_t body_len;  /* of a body that follows here */
	uint32_t early_len; /* what the client sent after a request that ends HTTP */
	uint32_t again_len; /* the client's own words of a request that it may repeat */
	bool builds;	    /* MSG_RUNTIME: it is the default, so classic builds use it too */
	bool buildkit;	    /* MSG_RUNTIME: and so do the steps of BuildKit */
	char runtime[PROXY_RUNTIME_MAX]; /* MSG_RUNTIME: ""  if there is none */
};

struct proxy {
	int listen_fd, channel;
	int done; /* numbers of clients that have their answer: nobody wakes for them */
	const char *engine_socket; /* name, in the current directory */
	const char *image, *container;
	struct sockcommands commands;
	pid_t buildkit; /* the engine whose BuildKit runs Cloister; 0: none does */
};

int proxy_send(int channel, const struct proxy_msg *msg, const void *text, size_t len, int fd);
/* Messages that have come together. */
struct proxy_batch {
	int at, n; /* the next, and how many there are */
	struct proxy_received {
		struct proxy_msg msg;
		int len, fd; /* of text, or -EBADMSG; and what came along, or -1 */
		char text[PROXY_MESSAGE_MAX];
	} got[PROXY_BATCH];
};

int proxy_receive_batch(int channel, struct proxy_batch *batch);
int proxy_receive(int channel, struct proxy_msg *msg, char *text, size_t size, int *fd);
size_t proxy_response(char *buf, size_t size, int status, const char *message, bool upgrade);

void front_run(const struct proxy *p);
void back_run(const struct proxy *p);

int confine_front(void);
int confine_back(const char *engine_socket);
