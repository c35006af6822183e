/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder: bytes from one descriptor to another, and what of them is waited for.
 */
#include "config.h"
#include "sockproxy/back.h"

#include "lib/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/**
 * link_watch() - wait for other events of one of a link's descriptors
 * @part: which of them, for the event
 * @have: what is waited for; updated
 */
void link_watch(const struct link *l, int fd, int part, uint32_t *have, uint32_t want)
{
	struct epoll_event ev = { .events = want, .data.u64 = (uint64_t)l->id << 2 | part };

	if (fd < 0 || *have == want)
		return;
	epoll_ctl(back_epoll,
		  !want	  ? EPOLL_CTL_DEL
		  : *have ? EPOLL_CTL_MOD
			  : EPOLL_CTL_ADD,
		  fd, &ev);
	*have = want;
}

/**
 * link_close() - close one of a link's descriptors, if it is open
 * @fd: -1 afterwards
 * @events: what is waited for, as link_watch() has it; 0 afterwards
 */
void link_close(struct link *l, int *fd, uint32_t *events)
{
	link_watch(l, *fd, 0, events, 0);
	if (*fd >= 0)
		fd_close(*fd);
	*fd = -1;
	*events = 0;
}

/* For what moves on at once, which is most of all: the same few pages whoever's it is. */
static char lent[PROXY_BUFFER + FLOW_FRAMING];

/**
 * flow_free() - give up what was read and not sent
 */
void flow_free(struct flow *f)
{
	if (f->buf != lent)
		free(f->buf);
	*f = (struct flow){ 0 };
}

/**
 * flow_lend() - a buffer until flow_keep(); nobody else's meanwhile
 */
void flow_lend(struct flow *f)
{
	if (!f->buf)
		f->buf = lent;
}

static bool get_buffer(struct flow *f)
{
	if (!f->buf)
		f->buf = malloc(PROXY_BUFFER + FLOW_FRAMING);
	return f->buf != NULL;
}

/**
 * flow_keep() - what has not moved on gets a buffer of its own
 */
bool flow_keep(struct flow *f)
{
	if (f->buf != lent)
		return true;
	f->buf = NULL;
	if (f->at == f->len)
		return true;
	if (!get_buffer(f))
		return false;
	memcpy(f->buf + f->at, lent + f->at, f->len - f->at);
	return true;
}

/**
 * flow_send() - pass on what has been read
 *
 * Return: 1: all is sent; 0: the other side is full; -errno
 */
int flow_send(struct flow *f, int fd)
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

/**
 * flow_receive() - read what there is room for
 *
 * Return: 1: something was read; 0: nothing there now; -EPIPE: the end; another -errno
 */
int flow_receive(struct flow *f, int fd)
{
	ssize_t n;

	if (!get_buffer(f))
		return -ENOMEM;
	n = recv(fd, f->buf + f->len, PROXY_BUFFER - f->len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	f->len += n;
	return n > 0 ? 1 : -EPIPE;
}

/* More of the request's body, from the parser. Return as flow_receive(); -EACCES: it may not go on
 */
int body_receive(struct link *l)
{
	struct flow *f = &l->up;
	bool chunked = l->length == HTTP_LENGTH_CHUNK;
	char size[FLOW_FRAMING];
	ssize_t n;
	int digits;

	if (!get_buffer(f))
		return -ENOMEM;
	/* The chunk's size is known afterwards, and goes before it: "1a2b\r\n". */
	n = read(l->pipe, f->buf + (chunked ? 16 : 0), PROXY_BUFFER - 32);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	if (!archive_may_pass(&l->archive, f->buf + (chunked ? 16 : 0), n))
		return -EACCES;
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

/**
 * body_end() - the pipe's end: of the body if the parser has said so, else of a client that died
 *
 * Return: as flow_receive()
 */
int body_end(struct link *l)
{
	link_close(l, &l->pipe, &l->pipe_events);
	if (!l->body_complete || (l->length >= 0 && l->body_left != 0))
		return -ECONNABORTED;
	if (l->length == HTTP_LENGTH_CHUNK) {
		memcpy(l->up.buf, "0\r\n\r\n", 5);
		l->up.at = 0;
		l->up.len = 5;
	}
	return 1;
}
