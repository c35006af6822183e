/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder: a client that says, word for word, what it has said before, as pollers do. The
 * parser has told its words, and what they came to was checked then; so it is sent again, and
 * neither process takes it apart. At the first other word the parser has to see it.
 *
 * This is what is done most, so it is four system calls: nothing is asked for that they tell.
 */
#include "config.h"
#include "sockproxy/back.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/**
 * again_remember() - the client may say that word for word again
 */
void again_remember(struct link *l, const struct proxy_msg *msg, const char *text)
{
	l->again_len = msg->again_len;
	l->again = msg->again_len ? malloc(msg->again_len + msg->head_len) : NULL;
	if (!l->again)
		return;
	memcpy(l->again, text + msg->head_len, msg->again_len);
	memcpy(l->again + msg->again_len, text, msg->head_len);
}

/* Return: bytes that the engine has taken; -EPIPE: it has closed, and seen nothing; -errno */
static ssize_t send_to_engine(struct link *l)
{
	ssize_t n = -1;

	errno = EPIPE;
	if (l->engine >= 0)
		n = send(l->engine, l->again + l->again_len, l->head_len,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? 0 : -EPIPE;
}

static void send_again(struct link *l)
{
	ssize_t n = send_to_engine(l);

	l->response = (struct response){ 0 };
	l->mode = LINK_ANSWER;
	if (n == (ssize_t)l->head_len) {
		link_watch(l, l->engine, PART_ENGINE, &l->engine_events, EPOLLIN);
		return;
	}
	if (n < 0 && link_connect(l) < 0) {
		link_answer(l, 502, "the engine does not answer on its socket");
		return;
	}
	l->up.buf = malloc(l->head_len);
	if (!l->up.buf) {
		link_finish(l);
		return;
	}
	memcpy(l->up.buf, l->again + l->again_len, l->head_len);
	l->up.at = n < 0 ? 0 : n;
	l->up.len = l->head_len;
	link_pump(l, true);
}

/**
 * again_read() - it has said something: what it said before, or what the parser has to see
 */
void again_read(struct link *l)
{
	struct proxy_msg other = { .type = MSG_DONE, .id = l->id };
	char text[2 * PROXY_AGAIN_MAX];
	ssize_t n = recv(l->client, text, sizeof(text), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		link_finish(l);
		return;
	}
	if ((size_t)n == l->again_len && memcmp(text, l->again, n) == 0) {
		send_again(l);
		return;
	}
	free(l->again);
	l->again = NULL;
	l->mode = LINK_IDLE;
	link_watch(l, l->client, PART_CLIENT, &l->client_events, 0);
	proxy_send(back_proxy->channel, &other, text, n, -1);
}
