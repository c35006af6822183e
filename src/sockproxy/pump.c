/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder: a request to the engine and its response to the client, or bytes both ways.
 */
#include "config.h"
#include "sockproxy/back.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

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

				back_read_channel();
				if (link_find(id) != l)
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
		link_tell(l->id, MSG_RAW);
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
	bool drained = false;

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
		if (drained)
			return 0;
		r = flow_receive(&l->down, l->engine);
		if (r == -EPIPE) {
			l->down.end = true;
			continue;
		}
		if (r <= 0)
			return r;
		/* What comes later, epoll tells. */
		drained = l->down.len < PROXY_BUFFER / 2;
		r = judge_down(l);
		if (r < 0 && r != -EAGAIN)
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
		client |= EPOLLRDHUP | (l->client_events & EPOLLIN);
	link_watch(l, l->client, PART_CLIENT, &l->client_events, client);
	link_watch(l, l->engine, PART_ENGINE, &l->engine_events,
		   (up_full ? EPOLLOUT : 0) | (down_full || l->down.end ? 0 : EPOLLIN));
	link_watch(l, l->pipe, PART_PIPE, &l->pipe_events, up_full ? 0 : EPOLLIN);
}

/*
 * The connections stay watched: of one that says nothing between two requests that costs nothing.
 */
static void response_done(struct link *l)
{
	/* A body that was not wanted to its end is still on its way: nothing can follow it. */
	bool keep = l->response.keep && l->pipe < 0 && l->up.at == l->up.len && !l->client_gone &&
		    !l->early;

	if (!keep) {
		link_finish(l);
		return;
	}
	flow_free(&l->up);
	flow_free(&l->down);
	l->mode = l->again ? LINK_AGAIN : LINK_IDLE;
	if (l->again) {
		link_watch(l, l->client, PART_CLIENT, &l->client_events, EPOLLIN | EPOLLRDHUP);
		return;
	}
	if (send(back_proxy->done, &l->id, sizeof(l->id), MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    sizeof(l->id))
		link_tell(l->id, MSG_DONE);
}

/**
 * link_pump() - move on what can be moved
 * @fresh: a request that has just come: of its response there is nothing yet
 */
void link_pump(struct link *l, bool fresh)
{
	uint32_t id = l->id;
	int r = pump_up(l);

	if (link_find(id) != l)
		return;
	/* An engine that has had enough of a body may have said why. */
	if (r == -EPIPE || r == -ECONNRESET) {
		link_close(l, &l->pipe, &l->pipe_events);
		l->up.at = l->up.len = 0;
		l->response.keep = false;
		r = 0;
	}
	if (r == -EACCES) {
		link_answer(l, 403, archive_refusal);
		return;
	}
	if (r >= 0 && !fresh) {
		flow_lend(&l->down);
		r = pump_down(l);
		if (!flow_keep(&l->down))
			r = -ENOMEM;
	}
	if (r == 1)
		response_done(l);
	else if (r < 0)
		link_finish(l);
	else if (l->early && l->mode == LINK_RAW && l->up.at == l->up.len)
		link_pump(l, false);
	else
		await(l);
}
