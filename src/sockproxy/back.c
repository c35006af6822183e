/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder: has the engine's socket, and sends it only requests that pass request_check() here
 * as well, in the words of request_write(). Taking this process over is having the engine, and so
 * the host: it parses nothing that a container wrote but what the parser has made of it.
 *
 * The response goes from here straight to the client, whose descriptor came with MSG_OPEN, and the
 * parser does not read the client meanwhile. Once a connection is no HTTP any more the parser lets
 * go of it, and bytes go both ways until both ends have closed.
 */
#include "config.h"
#include "sockproxy/back.h"

#include "lib/fd.h"
#include "lib/look.h"
#include "sockproxy/body.h"
#include "sockproxy/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

/* What epoll tells: the client's number and which of its descriptors, or the channel. */
#define EVENT_CHANNEL UINT64_MAX

/* With more of them somebody is always awake. */
#define LOOK_LINKS 2

static struct link *links[PROXY_CONNECTIONS];
static int n_links;
const struct proxy *back_proxy;
int back_epoll;

/**
 * link_find() - the link of that number; NULL if it has gone
 */
struct link *link_find(uint32_t id)
{
	struct link *l = links[id % PROXY_CONNECTIONS];

	return l && l->id == id ? l : NULL;
}

static void link_destroy(struct link *l)
{
	links[l->id % PROXY_CONNECTIONS] = NULL;
	n_links--;
	link_close(l, &l->client, &l->client_events);
	link_close(l, &l->engine, &l->engine_events);
	link_close(l, &l->pipe, &l->pipe_events);
	flow_free(&l->up);
	flow_free(&l->down);
	guard_free(l);
	free(l->again);
	free(l->early);
	free(l);
}

/**
 * link_connect() - a connection to the engine, if there is none that was kept
 * Return: 0, or -errno: the engine cannot be had
 */
int link_connect(struct link *l)
{
	char byte;

	/* One that was kept may have ended with the engine. */
	if (l->engine >= 0 &&
	    (recv(l->engine, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN))
		link_close(l, &l->engine, &l->engine_events);
	if (l->engine < 0)
		l->engine = engine_connect(back_proxy->engine_socket, false);
	return l->engine < 0 ? l->engine : 0;
}

/**
 * link_tell() - tell the parser something about the client @id
 */
void link_tell(uint32_t id, enum proxy_msg_type type)
{
	struct proxy_msg msg = { .type = type, .id = id };

	proxy_send(back_proxy->channel, &msg, NULL, 0, -1);
}

/* The client gets no other response: the parser forgets it, and so do we. */
void link_finish(struct link *l)
{
	link_tell(l->id, MSG_GONE);
	link_destroy(l);
}

/**
 * link_answer() - an answer of our own; it fits an empty socket's buffer, and is the last
 */
void link_answer(struct link *l, int status, const char *text)
{
	char buf[4 * TARGET_MAX];
	size_t n = proxy_response(buf, sizeof(buf), status, text, endpoint_is_raw(l->endpoint));

	/* Not into the midst of another. */
	if (l->response.state == RESPONSE_HEAD)
		send(l->client, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	link_finish(l);
}

static void send_request(struct link *l)
{
	l->mode = LINK_ANSWER;
	if (link_connect(l) < 0)
		link_answer(l, 502, "the engine does not answer on its socket");
	else
		link_pump(l, true);
}

/* @r: of guard_begin() or guard_read() */
static void guarded(struct link *l, int r, const struct guard_verdict *v)
{
	if (r == -EAGAIN) {
		/* Only that it has gone, and that once. */
		link_watch(l, l->client, PART_CLIENT, &l->client_events, EPOLLET);
		return;
	}
	guard_free(l);
	if (r == 0) {
		send_request(l);
		return;
	}
	if (v->status == 403) {
		const char *target = strchr(l->up.buf, ' ') + 1;

		log_denied(target, strcspn(target, " "));
	}
	link_answer(l, v->status, v->text);
}

/* Take what the parser has sent: the request, and what the client said behind it. */
static bool take_request(struct link *l, const struct proxy_msg *msg, const char *text, size_t len)
{
	len -= msg->again_len;
#ifndef MUTANT_EARLY_SENT
	len -= msg->early_len;
#endif
	size_t room = len;

	/* What is read later needs a whole buffer. */
	if (l->pipe >= 0 || l->endpoint->body == BODY_HIJACK)
		room = len > PROXY_BUFFER ? len : PROXY_BUFFER;
	flow_free(&l->up);
	l->head_len = msg->head_len;
	l->early_len = msg->early_len;
	l->early = msg->early_len ? malloc(msg->early_len) : NULL;
	l->up.buf = malloc(room + FLOW_FRAMING);
	if (!l->up.buf || (msg->early_len && !l->early))
		return false;
	if (l->early)
		memcpy(l->early, text + msg->head_len + msg->body_len, l->early_len);
	memcpy(l->up.buf, text, len);
	l->up.len = len;
	return true;
}

static void on_request(struct link *l, const struct proxy_msg *msg, const char *text, size_t len,
		       int fd)
{
	struct guard_verdict v;

	if ((uint64_t)msg->head_len + msg->body_len + msg->early_len + msg->again_len != len ||
	    l->mode != LINK_IDLE || !request_is_checked(l, text, msg, fd)) {
		syslog(LOG_ALERT,
		       "the request parser of container %s is not itself; its socket is closed",
		       back_proxy->container);
		exit(1);
	}
	l->response = (struct response){ 0 };
	l->archive = (struct archive){ 0 };
	l->body_complete = false;
	l->pipe = fd;
	again_remember(l, msg, text);
	if (!take_request(l, msg, text, len)) {
		link_finish(l);
	} else if (l->endpoint->reach == REACH_NONE) {
		send_request(l);
	} else {
		l->mode = LINK_GUARD;
		guarded(l, guard_begin(l, &v), &v);
	}
}

static void on_open(uint32_t id, int fd)
{
	struct link *l = fd >= 0 && !links[id % PROXY_CONNECTIONS] ? calloc(1, sizeof(*l)) : NULL;

	if (!l) {
		if (fd >= 0)
			close(fd);
		return;
	}
	*l = (struct link){ .id = id, .client = fd, .engine = -1, .pipe = -1, .question = -1 };
	links[id % PROXY_CONNECTIONS] = l;
	n_links++;
}

static void on_message(const struct proxy_msg *msg, const char *text, size_t len, int fd)
{
	struct proxy_msg answer = { .type = MSG_RUNTIME };
	struct link *l = link_find(msg->id);

	if (msg->type == MSG_OPEN) {
		on_open(msg->id, fd);
		return;
	}
	if (msg->type == MSG_REQUEST && l) {
		on_request(l, msg, text, len, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (msg->type == MSG_RUNTIME) {
		engine_runtime(back_proxy->engine_socket, &answer);
		answer.buildkit = back_proxy->buildkit &&
				  engine_pid(back_proxy->engine_socket) == back_proxy->buildkit;
		request_told(&answer);
		proxy_send(back_proxy->channel, &answer, NULL, 0, -1);
	} else if (msg->type == MSG_DENIED) {
		log_denied(text, len);
	} else if (l && msg->type == MSG_BODY_END) {
		l->body_complete = true;
	} else if (l && msg->type == MSG_CLOSE && l->mode != LINK_RAW) {
		link_destroy(l);
	}
}

static struct proxy_batch batch;

/* Handling one may have others handled before it is done with, see body_end(). */
static void handle_batch(void)
{
	while (batch.at < batch.n) {
		const struct proxy_received *r = &batch.got[batch.at++];
		struct proxy_msg msg = r->msg;

		if (r->len < 0)
			exit(1);
		on_message(&msg, r->text, r->len, r->fd);
	}
}

/* Return: was there something? */
static bool read_batch(void)
{
	int r;

	handle_batch();
	r = proxy_receive_batch(back_proxy->channel, &batch);
	if (r < 0 && r != -EAGAIN)
		exit(r == -EPIPE ? 0 : 1);
	handle_batch();
	return r == 0;
}

/**
 * back_read_channel() - all that the parser has said so far
 */
void back_read_channel(void)
{
	while (read_batch())
		;
}

/* Between two requests: an engine that has closed is of no use; a client's end the parser sees. */
static void on_idle(struct link *l, enum link_part part)
{
	if (part == PART_ENGINE)
		link_close(l, &l->engine, &l->engine_events);
	else if (l->mode == LINK_AGAIN)
		again_read(l);
	else if (part == PART_CLIENT)
		link_watch(l, l->client, PART_CLIENT, &l->client_events, 0);
}

static void on_event(uint64_t what, uint32_t events)
{
	struct link *l = link_find(what >> 2);

	if (!l)
		return;
	if (l->mode == LINK_IDLE || l->mode == LINK_AGAIN ||
	    (l->mode == LINK_GUARD && (what & 3) == PART_ENGINE)) {
		on_idle(l, what & 3);
		return;
	}
	/* More than one request at once: it waits. */
	if ((what & 3) == PART_CLIENT && l->mode == LINK_ANSWER && (events & EPOLLIN))
		link_watch(l, l->client, PART_CLIENT, &l->client_events,
			   l->client_events & ~EPOLLIN);
	if ((what & 3) == PART_CLIENT && l->mode == LINK_ANSWER && (events & EPOLLRDHUP)) {
		/* As the engine would see it without us. */
		l->client_gone = true;
		if (l->up.at == l->up.len && l->pipe < 0)
			shutdown(l->engine, SHUT_WR);
	}
	if ((what & 3) == PART_QUESTION && l->guard) {
		struct guard_verdict v;

		guarded(l, guard_read(l, &v), &v);
		return;
	}
	if ((what & 3) != PART_CLIENT || !(events & (EPOLLERR | EPOLLHUP))) {
		link_pump(l, false);
		return;
	}
	/* Nobody reads an answer any more; but what was sent before may still be on its way. */
	if (l->mode == LINK_RAW) {
		link_pump(l, false);
		l = link_find(what >> 2);
		if (!l || l->up.at < l->up.len || !l->up.end)
			return;
	}
	link_finish(l);
}

/*
 * A request that is said again wakes this process twice, on its way and on that of the answer.
 * Where a client is alone with the engine those are half of all wake-ups.
 */
static int wait_for_events(struct epoll_event *events, int max)
{
	struct look l;
	int n = 0;

	if (n_links && n_links <= LOOK_LINKS) {
		bool more = true;

		look_begin(&l);
		while ((n = epoll_wait(back_epoll, events, max, 0)) == 0 && more)
			more = look_on(&l);
	}
	return n > 0 ? n : epoll_wait(back_epoll, events, max, -1);
}

/**
 * back_run() - the forwarder's loop; never returns
 *
 * The current directory is the one with the engine's socket.
 */
void back_run(const struct proxy *p)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = EVENT_CHANNEL }, events[64];

	back_proxy = p;
	openlog("cloister-sockproxy", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	back_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (back_epoll < 0 || epoll_ctl(back_epoll, EPOLL_CTL_ADD, p->channel, &ev) < 0 ||
	    confine_back(p->engine_socket) < 0)
		exit(1);
	for (;;) {
		int n = wait_for_events(events, 64);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 == EVENT_CHANNEL)
				read_batch(); /* of more, epoll tells again */
			else
				on_event(events[i].data.u64, events[i].events);
		}
	}
}
