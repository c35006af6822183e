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
#include "sockproxy/body.h"
#include "sockproxy/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define FRAMING	  32  /* room in a flow for what frames a chunk */
#define LOG_BURST 20U /* lines of blocked commands; then one a second */

/* What epoll tells: the client's number and which of its descriptors, or the channel. */
enum { PART_CLIENT, PART_ENGINE, PART_PIPE };
#define EVENT_CHANNEL UINT64_MAX

static struct link *links[PROXY_CONNECTIONS];
static const struct proxy *proxy;
static int epoll_fd;
static struct proxy_msg told[2]; /* the last answers to MSG_RUNTIME, the newest first */

static struct link *find(uint32_t id)
{
	struct link *l = links[id % PROXY_CONNECTIONS];

	return l && l->id == id ? l : NULL;
}

static void watch(const struct link *l, int fd, int part, uint32_t *have, uint32_t want)
{
	struct epoll_event ev = { .events = want, .data.u64 = (uint64_t)l->id << 2 | part };

	if (fd < 0 || *have == want)
		return;
	epoll_ctl(epoll_fd, !want ? EPOLL_CTL_DEL : *have ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
	*have = want;
}

static void close_part(struct link *l, int *fd, uint32_t *events)
{
	watch(l, *fd, 0, events, 0);
	if (*fd >= 0)
		fd_close(*fd);
	*fd = -1;
	*events = 0;
}

static void flow_free(struct flow *f)
{
	free(f->buf);
	*f = (struct flow){ 0 };
}

static bool flow_ready(struct flow *f)
{
	if (!f->buf)
		f->buf = malloc(PROXY_BUFFER + FRAMING);
	return f->buf != NULL;
}

static void destroy(struct link *l)
{
	links[l->id % PROXY_CONNECTIONS] = NULL;
	close_part(l, &l->client, &l->client_events);
	close_part(l, &l->engine, &l->engine_events);
	close_part(l, &l->pipe, &l->pipe_events);
	flow_free(&l->up);
	flow_free(&l->down);
	free(l->early);
	free(l);
}

static void tell(uint32_t id, enum proxy_msg_type type, bool keep)
{
	struct proxy_msg msg = { .type = type, .id = id, .keep = keep };

	proxy_send(proxy->channel, &msg, NULL, 0, -1);
}

/* The client gets no other response: the parser forgets it, and so do we. */
static void finish(struct link *l)
{
	tell(l->id, MSG_GONE, false);
	destroy(l);
}

/* Return: 1: all is sent; 0: the other side is full; -errno */
static int flow_send(struct flow *f, int fd)
{
	while (f->at < f->len) {
		ssize_t n = send(fd, f->buf + f->at, f->len - f->at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		f->at += n;
	}
	f->at = f->len = 0;
	return 1;
}

/* Return: 1: something was read; 0: nothing there now; -EPIPE: the end; another -errno */
static int flow_receive(struct flow *f, int fd)
{
	ssize_t n;

	if (!flow_ready(f))
		return -ENOMEM;
	n = recv(fd, f->buf + f->len, PROXY_BUFFER - f->len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	f->len += n;
	return n > 0 ? 1 : -EPIPE;
}

/* More of the request's body, from the parser. Return as flow_receive(). */
static int body_receive(struct link *l)
{
	struct flow *f = &l->up;
	bool chunked = l->length == HTTP_LENGTH_CHUNK;
	char size[FRAMING];
	ssize_t n;
	int digits;

	if (!flow_ready(f))
		return -ENOMEM;
	/* The chunk's size is known afterwards, and goes before it: "1a2b\r\n". */
	n = read(l->pipe, f->buf + (chunked ? 16 : 0), PROXY_BUFFER - 32);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	if (!chunked) {
		l->body_left -= n;
		f->at = 0;
		f->len = n;
		return l->body_left < 0 ? -EBADMSG : 1;
	}
	digits = snprintf(size, sizeof(size), "%zx\r\n", (size_t)n);
	f->at = 16 - digits;
	memcpy(f->buf + f->at, size, digits);
	memcpy(f->buf + 16 + n, "\r\n", 2);
	f->len = 16 + n + 2;
	return 1;
}

/* The pipe's end: of the body if the parser has said so, else of a client that died. */
static int body_end(struct link *l)
{
	close_part(l, &l->pipe, &l->pipe_events);
	if (!l->body_complete || (l->length >= 0 && l->body_left != 0))
		return -ECONNABORTED;
	if (l->length == HTTP_LENGTH_CHUNK) {
		memcpy(l->up.buf, "0\r\n\r\n", 5);
		l->up.at = 0;
		l->up.len = 5;
	}
	return 1;
}

static void channel_read(void);

/* Only now: to an engine that had answered in HTTP it would have been another request. */
static void take_early(struct link *l)
{
	memcpy(l->up.buf, l->early, l->early_len);
	l->up.at = 0;
	l->up.len = l->early_len;
	free(l->early);
	l->early = NULL;
}

/* Towards the engine. Return: -errno if the link is over */
static int pump_up(struct link *l)
{
	for (;;) {
		int r = l->up.at < l->up.len ? flow_send(&l->up, l->engine) : 1;

		if (r <= 0)
			return r;
		if (l->up.end)
			return 0;
		if (l->early && l->mode == LINK_RAW) {
			take_early(l);
			continue;
		}
		if (l->mode == LINK_RAW) {
			r = flow_receive(&l->up, l->client);
			if (r == -EPIPE) {
				l->up.end = true;
				shutdown(l->engine, SHUT_WR);
				return 0;
			}
		} else if (l->pipe >= 0) {
			r = body_receive(l);
			if (r == -EPIPE) {
				uint32_t id = l->id;

				channel_read();
				if (find(id) != l)
					return 0;
				r = body_end(l);
			}
		} else {
			return 0;
		}
		if (r <= 0)
			return r;
	}
}

/* Look at what came from the engine; what may go to the client stays in l->down. */
static int judge_down(struct link *l)
{
	struct flow *f = &l->down;
	size_t used = 0, more = 0;
	int r = 0;

	if (l->mode == LINK_RAW)
		return 0;
	while (l->response.state == RESPONSE_HEAD && l->mode == LINK_ANSWER) {
		r = response_head(l, f->buf, f->len, &used);
		if (r == 1) {
			f->len -= used;
			memmove(f->buf, f->buf + used, f->len);
			continue;
		}
		if (r < 0)
			return r;
	}
	if (l->mode == LINK_RAW) {
		/* The parser has nothing to read from it any more. */
		tell(l->id, MSG_RAW, false);
		return 0;
	}
	r = response_track(l, f->buf + used, f->len - used, &more);
	/* What follows a response belongs to nothing. */
	if (r == 0 && used + more < f->len)
		return -EBADMSG;
	return r;
}

/* Towards the client. Return: -errno if the link is over; 1: the response is complete */
static int pump_down(struct link *l)
{
	for (;;) {
		bool head = l->mode == LINK_ANSWER && l->response.state == RESPONSE_HEAD;
		int r = l->down.len && !head ? flow_send(&l->down, l->client) : 1;

		if (r <= 0)
			return r;
		if (l->mode == LINK_ANSWER && l->response.state == RESPONSE_DONE)
			return 1;
		if (l->down.end) {
			shutdown(l->client, SHUT_WR);
			return l->mode == LINK_RAW && !l->up.end ? 0 : -EPIPE;
		}
		r = flow_receive(&l->down, l->engine);
		if (r == -EPIPE) {
			l->down.end = true;
			continue;
		}
		if (r <= 0)
			return r;
		r = judge_down(l);
		if (r == -EAGAIN)
			continue;
		if (r < 0)
			return r;
	}
}

static void await(struct link *l)
{
	bool raw = l->mode == LINK_RAW;
	bool up_full = l->up.at < l->up.len;
	bool head = !raw && l->response.state == RESPONSE_HEAD;
	bool down_full = l->down.at < l->down.len && !head;
	uint32_t client = (down_full ? EPOLLOUT : 0) |
			  (raw && !up_full && !l->up.end ? EPOLLIN : 0);

	/* Only that both its directions are closed, and that once. */
	if (raw && !client)
		client = EPOLLET;
	/* As the engine would see it without us. */
	if (!raw && l->client_gone && !up_full && l->pipe < 0)
		shutdown(l->engine, SHUT_WR);
	/* Who hangs up on a stream of events wants to hear no more. */
	if (!raw && l->mode == LINK_ANSWER && !l->client_gone)
		client |= EPOLLRDHUP;
	watch(l, l->client, PART_CLIENT, &l->client_events, client);
	watch(l, l->engine, PART_ENGINE, &l->engine_events,
	      (up_full ? EPOLLOUT : 0) | (down_full || l->down.end ? 0 : EPOLLIN));
	watch(l, l->pipe, PART_PIPE, &l->pipe_events, up_full ? 0 : EPOLLIN);
}

static void response_done(struct link *l)
{
	/* A body that was not wanted to its end is still on its way: nothing can follow it. */
	bool keep = l->response.keep && l->pipe < 0 && l->up.at == l->up.len && !l->client_gone &&
		    !l->early;

	if (!keep) {
		finish(l);
		return;
	}
	watch(l, l->client, PART_CLIENT, &l->client_events, 0);
	watch(l, l->engine, PART_ENGINE, &l->engine_events, 0);
	flow_free(&l->up);
	flow_free(&l->down);
	l->mode = LINK_IDLE;
	tell(l->id, MSG_DONE, true);
}

static void pump(struct link *l)
{
	uint32_t id = l->id;
	int r = pump_up(l);

	if (find(id) != l)
		return;
	/* An engine that has had enough of a body may have said why. */
	if (r == -EPIPE || r == -ECONNRESET) {
		close_part(l, &l->pipe, &l->pipe_events);
		l->up.at = l->up.len = 0;
		l->response.keep = false;
		r = 0;
	}
	if (r >= 0)
		r = pump_down(l);
	if (r == 1)
		response_done(l);
	else if (r < 0)
		finish(l);
	else if (l->early && l->mode == LINK_RAW && l->up.at == l->up.len)
		pump(l);
	else
		await(l);
}

/* Return: 0, or -errno: the engine cannot be had */
static int engine_ready(struct link *l)
{
	char byte;

	/* One that was kept may have ended with the engine. */
	if (l->engine >= 0 &&
	    (recv(l->engine, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN))
		close_part(l, &l->engine, &l->engine_events);
	if (l->engine < 0)
		l->engine = engine_connect(proxy->engine_socket, false);
	return l->engine < 0 ? l->engine : 0;
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

/* Is this, word for word, what request_write() makes of it, and allowed? */
static bool is_checked(struct link *l, const char *text, const struct proxy_msg *msg, int fd)
{
	static struct target t;
	char again[HTTP_HEAD_MAX + 512];
	struct http_head h;
	const char *why;
	size_t used;
	int n;

	if (http_head_parse(text, msg->head_len, &h, &used) < 0 || used != msg->head_len ||
	    target_parse(h.target, &t) < 0 ||
	    request_check(&h, &t, &proxy->commands, &l->endpoint, &why) < 0)
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
		       msg->early_len == 0 && h.length != HTTP_LENGTH_NONE;
	return (h.length == HTTP_LENGTH_NONE ? 0 : h.length) == msg->body_len &&
	       (msg->early_len == 0 ||
		(l->endpoint->body == BODY_HIJACK && msg->early_len <= PROXY_BUFFER)) &&
	       (msg->body_len == 0 ||
		body_is_checked(l->endpoint, text + msg->head_len, msg->body_len));
}

static void on_request(struct link *l, const struct proxy_msg *msg, const char *text, size_t len,
		       int fd)
{
	if ((uint64_t)msg->head_len + msg->body_len + msg->early_len != len ||
	    l->mode != LINK_IDLE || !is_checked(l, text, msg, fd)) {
		syslog(LOG_ALERT,
		       "the request parser of container %s is not itself; its socket is closed",
		       proxy->container);
		exit(1);
	}
	l->mode = LINK_ANSWER;
	l->response = (struct response){ 0 };
	l->body_complete = false;
	l->pipe = fd;
#ifndef MUTANT_EARLY_SENT
	len -= msg->early_len;
#endif
	l->early_len = msg->early_len;
	l->early = msg->early_len ? malloc(msg->early_len) : NULL;
	flow_free(&l->up);
	l->up.buf = malloc((len > PROXY_BUFFER ? len : PROXY_BUFFER) + FRAMING);
	if (!l->up.buf || !flow_ready(&l->down) || (msg->early_len && !l->early)) {
		finish(l);
		return;
	}
	if (engine_ready(l) < 0) {
		l->down.len = proxy_response(l->down.buf, PROXY_BUFFER, 502,
					     "the engine does not answer on its socket");
		flow_send(&l->down, l->client);
		finish(l);
		return;
	}
	if (l->early)
		memcpy(l->early, text + msg->head_len + msg->body_len, l->early_len);
	memcpy(l->up.buf, text, len);
	l->up.at = 0;
	l->up.len = len;
	pump(l);
}

static void on_open(uint32_t id, int fd)
{
	struct link *l = fd >= 0 && !links[id % PROXY_CONNECTIONS] ? calloc(1, sizeof(*l)) : NULL;

	if (!l) {
		if (fd >= 0)
			close(fd);
		return;
	}
	*l = (struct link){ .id = id, .client = fd, .engine = -1, .pipe = -1 };
	links[id % PROXY_CONNECTIONS] = l;
}

/* A container that asks in a loop shall not fill the host's log. */
static bool may_log(void)
{
	static unsigned int left = LOG_BURST, missed;
	static time_t last;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > last) {
		time_t more = now.tv_sec - last;

		left = more > LOG_BURST - left ? LOG_BURST : left + more;
		last = now.tv_sec;
	}
	if (!left) {
		missed++;
		return false;
	}
	if (missed)
		syslog(LOG_WARNING, "container %s, image %s: %u more were blocked",
		       proxy->container, proxy->image, missed);
	missed = 0;
	left--;
	return true;
}

static void on_denied(const char *target, size_t len)
{
	char text[512];
	size_t n = 0;

	if (!may_log())
		return;
	for (size_t i = 0; i < len && n < sizeof(text) - 1; i++)
		text[n++] = target[i] > ' ' && target[i] < 0x7f ? target[i] : '?';
	text[n] = '\0';
	syslog(LOG_WARNING, "container %s, image %s: docker command \"%s\" blocked",
	       proxy->container, proxy->image, text);
}

static void on_message(const struct proxy_msg *msg, const char *text, size_t len, int fd)
{
	struct proxy_msg answer = { .type = MSG_RUNTIME };
	struct link *l = find(msg->id);

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
		engine_runtime(proxy->engine_socket, &answer);
		answer.buildkit = proxy->buildkit &&
				  engine_pid(proxy->engine_socket) == proxy->buildkit;
		told[1] = told[0];
		told[0] = answer;
		proxy_send(proxy->channel, &answer, NULL, 0, -1);
	} else if (msg->type == MSG_DENIED) {
		on_denied(text, len);
	} else if (l && msg->type == MSG_BODY_END) {
		l->body_complete = true;
	} else if (l && msg->type == MSG_CLOSE && l->mode != LINK_RAW) {
		destroy(l);
	}
}

static void channel_read(void)
{
	static char text[PROXY_MESSAGE_MAX];
	struct proxy_msg msg;
	int fd, n;

	while ((n = proxy_receive(proxy->channel, &msg, text, sizeof(text), &fd)) >= 0)
		on_message(&msg, text, n, fd);
	if (n != -EAGAIN)
		exit(n == -EPIPE ? 0 : 1);
}

static void on_event(uint64_t what, uint32_t events)
{
	struct link *l = find(what >> 2);

	if (!l)
		return;
	if ((what & 3) == PART_CLIENT && l->mode == LINK_ANSWER && (events & EPOLLRDHUP)) {
		/* As the engine would see it without us. */
		l->client_gone = true;
		if (l->up.at == l->up.len && l->pipe < 0)
			shutdown(l->engine, SHUT_WR);
	}
	if ((what & 3) != PART_CLIENT || !(events & (EPOLLERR | EPOLLHUP))) {
		pump(l);
		return;
	}
	/* Nobody reads an answer any more; but what was sent before may still be on its way. */
	if (l->mode == LINK_RAW) {
		pump(l);
		l = find(what >> 2);
		if (!l || l->up.at < l->up.len || !l->up.end)
			return;
	}
	finish(l);
}

/**
 * back_run() - the forwarder's loop; never returns
 *
 * The current directory is the one with the engine's socket.
 */
void back_run(const struct proxy *p)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = EVENT_CHANNEL }, events[64];

	proxy = p;
	openlog("cloister-sockproxy", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->channel, &ev) < 0 ||
	    confine_back(p->engine_socket) < 0)
		exit(1);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 == EVENT_CHANNEL)
				channel_read();
			else
				on_event(events[i].data.u64, events[i].events);
		}
	}
}
