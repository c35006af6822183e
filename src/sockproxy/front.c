/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser: accepts clients, reads their requests, judges them, and hands on what is allowed as a
 * request of its own wording.
 *
 * It has no engine's socket and no rights; what it hands on is judged again at the other side
 * (back.c), with the same code, so that taking it over opens nothing that the list of commands does
 * not. It reads a client only while no request of that client is on its way: one at a time,
 * whatever a client pipelines.
 *
 *   HEAD -> (JSON) -> WAIT -> HEAD …    HEAD -> STREAM -> WAIT -> HEAD …
 */
#include "config.h"
#include "sockproxy/front.h"

#include "lib/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What epoll tells; below: the number of a client. */
#define EVENT_LISTENER (UINT64_C(1) << 32)
#define EVENT_CHANNEL  (UINT64_C(1) << 33)
#define EVENT_DONE     (UINT64_C(1) << 34)

static struct client *clients[PROXY_CONNECTIONS];
static bool raw[PROXY_CONNECTIONS]; /* the other side still uses this number */

static struct client *find(uint32_t id)
{
	struct client *c = clients[id % PROXY_CONNECTIONS];

	return c && c->id == id ? c : NULL;
}

/**
 * front_watch() - wait for other events of a client; 0: for none
 */
void front_watch(struct front *f, struct client *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = c->id };

	if (events == c->watched)
		return;
	if (events && !c->watched)
		epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &ev);
	else if (events)
		epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->fd, &ev);
	else if (c->watched)
		epoll_ctl(f->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	c->watched = events;
}

/*
 * Which client has its answer the forwarder says on a socket of its own. Most clients ask again
 * only when they have their answer, and then it is read (on_client()), so that nobody has to be
 * woken for it. It is waited for only as long as there is a client that has said more before that.
 */
static void want_done(struct front *f, struct client *c, bool want)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = EVENT_DONE };

	if (c->wants_done == want)
		return;
	c->wants_done = want;
	f->n_waiting += want ? 1 : -1;
	if (f->n_waiting == (want ? 1 : 0))
		epoll_ctl(f->epoll, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, f->proxy->done, &ev);
}

static void close_pipe(struct client *c)
{
	if (c->pipe >= 0)
		close(c->pipe); /* leaves the epoll set with its only descriptor */
	c->pipe = -1;
}

static void release_number(struct front *f)
{
	f->n_clients--;
	if (f->paused) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u64 = EVENT_LISTENER };

		f->paused = false;
		epoll_ctl(f->epoll, EPOLL_CTL_MOD, f->proxy->listen_fd, &ev);
	}
}

static void let_go(struct front *f, struct client *c)
{
	clients[c->id % PROXY_CONNECTIONS] = NULL;
	want_done(f, c, false);
	front_watch(f, c, 0);
	close_pipe(c);
	close(c->fd);
	free(c->json);
	free(c);
}

static void forget(struct front *f, struct client *c)
{
	let_go(f, c);
	release_number(f);
}

/* The client died or is told off: the other side, which has its descriptor, must let go as well. */
static void drop(struct front *f, struct client *c)
{
	struct proxy_msg msg = { .type = MSG_CLOSE, .id = c->id };

	proxy_send(f->proxy->channel, &msg, NULL, 0, -1);
	forget(f, c);
}

/*
 * No other answer comes. To close with something unread would tell a client that is still sending
 * of a broken connection, and some then do not look for the answer: so read until it has closed.
 */
static void linger(struct front *f, struct client *c)
{
	close_pipe(c);
	want_done(f, c, false);
	free(c->json);
	c->json = NULL;
	c->state = CLIENT_LINGER;
	shutdown(c->fd, SHUT_WR);
	front_watch(f, c, EPOLLIN);
}

/**
 * front_refuse() - answer a client ourselves
 *
 * That ends the connection: what else the client sent was meant for another.
 */
void front_refuse(struct front *f, struct client *c, int status, const char *message)
{
	char buf[4 * TARGET_MAX];
	bool upgrade = c->endpoint && endpoint_is_raw(c->endpoint);
	size_t n = proxy_response(buf, sizeof(buf), status, message, upgrade);
	struct proxy_msg msg = { .type = MSG_CLOSE, .id = c->id };

	/* It fits an empty socket buffer, and the client is owed nothing else. */
	if (send(c->fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n) {
		drop(f, c);
		return;
	}
	proxy_send(f->proxy->channel, &msg, NULL, 0, -1);
	linger(f, c);
}

/**
 * front_deny() - refuse a request that the list of commands blocks, and have it written down
 * @why: NULL: the words of Enhanced Container Isolation
 */
void front_deny(struct front *f, struct client *c, struct span target, const char *why)
{
	struct proxy_msg msg = { .type = MSG_DENIED, .id = c->id };
	char text[TARGET_MAX + 512];

	msg.head_len = target.len < TARGET_MAX ? target.len : TARGET_MAX;
	proxy_send(f->proxy->channel, &msg, target.at, msg.head_len, -1);
	if (!why) {
		snprintf(text, sizeof(text),
			 "enhanced container isolation: docker command \"%.*s\" is blocked; if you "
			 "wish to allow it, configure the docker socket command list in the "
			 "Cloister settings or admin-settings.",
			 (int)msg.head_len, target.at);
		why = text;
	}
	front_refuse(f, c, 403, why);
}

static void consume(struct client *c, size_t n)
{
	c->len -= n;
	memmove(c->buf, c->buf + n, c->len);
}

/**
 * front_submit() - hand on a request whose body, if it has one, is complete or comes through @pipe
 * @pipe: or -1
 */
void front_submit(struct front *f, struct client *c, const char *body, size_t body_len, int pipe)
{
	struct proxy_msg msg = {
		.type = MSG_REQUEST, .id = c->id, .head_len = c->head_len, .body_len = body_len
	};
	char *text = f->text;
	int r;

	memcpy(text, c->head, c->head_len);
	if (body_len)
		memcpy(text + c->head_len, body, body_len);
	if (c->endpoint->body == BODY_HIJACK) {
		msg.early_len = c->len;
		memcpy(text + c->head_len + body_len, c->buf, c->len);
		c->len = 0;
	}
	if (c->again) {
		msg.again_len = c->last_len;
		memcpy(text + c->head_len, c->last, c->last_len);
	}
	r = proxy_send(f->proxy->channel, &msg, text,
		       c->head_len + body_len + msg.early_len + msg.again_len, pipe);
	if (r < 0) {
		drop(f, c);
		return;
	}
	/* It stays watched: most say nothing until they have their answer, see on_client(). */
	c->state = pipe >= 0 ? CLIENT_STREAM : CLIENT_WAIT;
	front_watch(f, c, c->again ? 0 : EPOLLIN);
}

/*
 * Move what has been read of a streamed body into the pipe. A pipe that is full is waited for, not
 * the client; see on_client().
 */
static void stream(struct front *f, struct client *c)
{
	struct proxy_msg end = { .type = MSG_BODY_END, .id = c->id };

	while (c->len && !front_body_done(c)) {
		struct span data = { c->buf, 0 };
		size_t used;
		ssize_t n;

		if (front_body_next(c, &used, &data) < 0) {
			drop(f, c);
			return;
		}
		n = data.len ? write(c->pipe, data.at, data.len) : 0;
		if (n < 0 && errno == EAGAIN) {
			struct epoll_event ev = { .events = EPOLLOUT | EPOLLONESHOT,
						  .data.u64 = c->id };

			front_watch(f, c, 0);
			if (epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->pipe, &ev) < 0)
				epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->pipe, &ev);
			return;
		}
		if (n < 0) { /* the other side has had enough: its answer ends the connection */
			close_pipe(c);
			c->state = CLIENT_WAIT;
			front_watch(f, c, EPOLLIN);
			return;
		}
		front_body_took(c, used, data.len, n);
		consume(c, data.len ? (size_t)(data.at - c->buf) + n : used);
	}
	if (!front_body_done(c)) {
		front_watch(f, c, EPOLLIN);
		return;
	}
	proxy_send(f->proxy->channel, &end, NULL, 0, -1);
	close_pipe(c);
	c->state = CLIENT_WAIT;
	front_watch(f, c, EPOLLIN);
	want_done(f, c, c->len > 0);
}

/* All that can be done with what has been read. */
static void advance(struct front *f, struct client *c)
{
	uint32_t id = c->id;

	while (clients[id % PROXY_CONNECTIONS] == c) {
		enum client_state before = c->state;
		size_t len = c->len;

		if (c->state == CLIENT_HEAD)
			front_read_head(f, c);
		else if (c->state == CLIENT_JSON)
			front_read_json(f, c);
		else if (c->state == CLIENT_STREAM) {
			stream(f, c);
			return;
		} else {
			want_done(f, c, c->state == CLIENT_WAIT && c->len > 0);
			return;
		}
		if (clients[id % PROXY_CONNECTIONS] == c && c->state == before && c->len == len)
			return;
	}
}

/* The client has its answer: what it says now, or has said, is its next request. */
static void on_done(struct front *f, struct client *c)
{
	if (c->state != CLIENT_WAIT)
		return;
	c->state = CLIENT_HEAD;
	want_done(f, c, false);
	front_watch(f, c, EPOLLIN);
	if (c->len)
		advance(f, c);
}

static void read_done(struct front *f)
{
	uint32_t ids[PROXY_CONNECTIONS];
	ssize_t n = recv(f->proxy->done, ids, sizeof(ids), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(ids[0]); i++)
		if (find(ids[i]))
			on_done(f, find(ids[i]));
}

static void on_client(struct front *f, struct client *c)
{
	uint32_t id = c->id;
	ssize_t n;

	/* Woken for the pipe. */
	if (c->state == CLIENT_STREAM && !c->watched) {
		stream(f, c);
		return;
	}
	if (c->state == CLIENT_WAIT)
		read_done(f);
	if (find(id) != c)
		return;
	/* What it says before it has its answer has to wait. */
	if (c->state == CLIENT_WAIT) {
		front_watch(f, c, 0);
		want_done(f, c, true);
		return;
	}
	if (c->state == CLIENT_LINGER)
		c->len = 0;
	if (c->len == sizeof(c->buf)) {
		front_refuse(f, c, 431, "the request's head is too long");
		return;
	}
	n = recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 && c->state == CLIENT_LINGER) {
		forget(f, c);
		return;
	}
	if (n <= 0) {
		drop(f, c);
		return;
	}
	c->len += n;
	advance(f, c);
}

static void on_listener(struct front *f)
{
	struct proxy_msg msg = { .type = MSG_OPEN };
	struct client *c;
	int fd;

	if (f->n_clients == PROXY_CONNECTIONS) { /* others wait in the queue of the socket */
		struct epoll_event ev = { .events = 0, .data.u64 = EVENT_LISTENER };

		f->paused = true;
		epoll_ctl(f->epoll, EPOLL_CTL_MOD, f->proxy->listen_fd, &ev);
		return;
	}
	fd = accept4(f->proxy->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	c = malloc(sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	memset(c, 0, offsetof(struct client, target));
	while (clients[f->next_id % PROXY_CONNECTIONS] || raw[f->next_id % PROXY_CONNECTIONS])
		f->next_id++;
	c->fd = fd;
	c->id = f->next_id;
	c->pipe = -1;
	msg.id = f->next_id++;
	if (proxy_send(f->proxy->channel, &msg, NULL, 0, fd) < 0) {
		close(fd);
		free(c);
		return;
	}
	clients[c->id % PROXY_CONNECTIONS] = c;
	f->n_clients++;
	front_watch(f, c, EPOLLIN);
}

static void on_runtime(struct front *f, const struct proxy_msg *msg)
{
	memcpy(f->runtime, msg->runtime, sizeof(f->runtime));
	f->runtime[sizeof(f->runtime) - 1] = '\0';
	f->builds = msg->builds;
	f->buildkit = msg->buildkit;
	f->runtime_known = true;
	f->runtime_asked = false;
	for (int i = 0; i < PROXY_CONNECTIONS; i++)
		if (clients[i] && clients[i]->wants_runtime) {
			clients[i]->wants_runtime = false;
			front_watch(f, clients[i], EPOLLIN);
			advance(f, clients[i]);
		}
	f->runtime_known = false; /* the engine may be set up anew */
}

static void number_free(struct front *f, const struct proxy_msg *msg)
{
	if (msg->type != MSG_GONE || !raw[msg->id % PROXY_CONNECTIONS])
		return;
	raw[msg->id % PROXY_CONNECTIONS] = false;
	release_number(f);
}

static void on_channel(struct front *f)
{
	struct proxy_msg msg;
	struct client *c;
	int fd, n;

	while ((n = proxy_receive(f->proxy->channel, &msg, f->text, sizeof(f->text), &fd)) >= 0) {
		if (fd >= 0)
			close(fd);
		c = find(msg.id);
		if (msg.type == MSG_RUNTIME)
			on_runtime(f, &msg);
		else if (!c)
			number_free(f, &msg);
		else if (c->state == CLIENT_LINGER)
			continue;
		else if (msg.type == MSG_DONE && (size_t)n <= sizeof(c->buf) - c->len) {
			/* What it says now is something else than before. */
			memcpy(c->buf + c->len, f->text, n);
			c->len += n;
			on_done(f, c);
		} else if (msg.type == MSG_RAW) {
			raw[c->id % PROXY_CONNECTIONS] = true;
			let_go(f, c);
		} else if (msg.type == MSG_GONE) {
			linger(f, c);
		}
	}
	if (n != -EAGAIN)
		exit(n == -EPIPE ? 0 : 1);
}

/**
 * front_run() - the parser's loop; never returns
 */
void front_run(const struct proxy *p)
{
	static struct front f;
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = EVENT_LISTENER }, events[64];

	f.proxy = p;
	f.next_id = 1;
	f.epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(f.epoll, EPOLL_CTL_ADD, p->listen_fd, &ev);
	ev.data.u64 = EVENT_CHANNEL;
	epoll_ctl(f.epoll, EPOLL_CTL_ADD, p->channel, &ev);
	if (f.epoll < 0 || confine_front() < 0)
		exit(1);
	for (;;) {
		int n = epoll_wait(f.epoll, events, 64, -1);

		/* By number: an earlier event of this round may have ended a client. */
		for (int i = 0; i < n; i++) {
			uint64_t what = events[i].data.u64;
			struct client *c = what < EVENT_LISTENER ? find(what) : NULL;

			if (what == EVENT_LISTENER)
				on_listener(&f);
			else if (what == EVENT_CHANNEL)
				on_channel(&f);
			else if (what == EVENT_DONE)
				read_done(&f);
			else if (c)
				on_client(&f, c);
		}
	}
}
