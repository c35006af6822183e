/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the two processes, and the answers that the proxy gives itself.
 */
#include "config.h"
#include "sockproxy/proxy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/**
 * proxy_send() - send one message, whole
 * @fd: goes along, and stays the caller's; or -1
 */
int proxy_send(int channel, const struct proxy_msg *msg, const void *text, size_t len, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov[] = { { (void *)msg, sizeof(*msg) }, { (void *)text, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;

	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						   .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	do
		n = sendmsg(channel, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int take_fd(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* Return: bytes of the text of a message of @n bytes, or -EBADMSG */
static int text_len(const struct msghdr *m, size_t n)
{
	if (n < sizeof(struct proxy_msg) || (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -EBADMSG;
	return n - sizeof(struct proxy_msg);
}

/**
 * proxy_receive() - take the next message
 * @text: what follows the struct
 * @fd: receives its descriptor, or -1
 *
 * Return: bytes in @text; -EAGAIN; -EPIPE when the other side is gone; -EBADMSG
 */
int proxy_receive(int channel, struct proxy_msg *msg, char *text, size_t size, int *fd)
{
	union control control;
	struct iovec iov[] = { { msg, sizeof(*msg) }, { text, size } };
	struct msghdr m = { .msg_iov = iov,
			    .msg_iovlen = 2,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(channel, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	*fd = take_fd(&m);
	return text_len(&m, n);
}

/**
 * proxy_receive_batch() - take the messages that are there
 *
 * Return: as proxy_receive(), 0 if @batch has some
 */
int proxy_receive_batch(int channel, struct proxy_batch *batch)
{
	union control control[PROXY_BATCH];
	struct iovec iov[PROXY_BATCH][2];
	struct mmsghdr m[PROXY_BATCH] = { 0 };
	int n;

	for (int i = 0; i < PROXY_BATCH; i++) {
		iov[i][0] = (struct iovec){ &batch->got[i].msg, sizeof(batch->got[i].msg) };
		iov[i][1] = (struct iovec){ batch->got[i].text, PROXY_MESSAGE_MAX };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = iov[i],
						.msg_iovlen = 2,
						.msg_control = &control[i],
						.msg_controllen = sizeof(control[i]) };
	}
	batch->at = batch->n = 0;
	do
		n = recvmmsg(channel, m, PROXY_BATCH, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* The end is a message of no bytes, and the last. */
	while (batch->n < n && m[batch->n].msg_len) {
		struct proxy_received *r = &batch->got[batch->n];

		r->fd = take_fd(&m[batch->n].msg_hdr);
		r->len = text_len(&m[batch->n].msg_hdr, m[batch->n].msg_len);
		batch->n++;
	}
	return batch->n ? 0 : -EPIPE;
}

static const char *reason(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 409:
		return "Conflict";
	case 413:
		return "Content Too Large";
	case 431:
		return "Request Header Fields Too Large";
	default:
		return "Bad Gateway";
	}
}

/**
 * proxy_response() - an answer of the proxy's own, as the engine words its errors
 * @message: printable
 * @upgrade: raw streams were asked for. docker(1) takes whatever says that the connection ends for
 *	those, so this does not say so
 *
 * Return: its length
 */
size_t proxy_response(char *buf, size_t size, int status, const char *message, bool upgrade)
{
	char json[2 * TARGET_MAX + 1024];
	size_t n = snprintf(json, sizeof(json), "{\"message\":\"");
	int len;

	for (; *message && n + 8 < sizeof(json); message++) {
		if (*message == '"' || *message == '\\')
			json[n++] = '\\';
		json[n++] = *message;
	}
	n += snprintf(json + n, sizeof(json) - n, "\"}\n");
	len = snprintf(buf, size,
		       "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
		       "Content-Length: %zu\r\n%s\r\n%s",
		       status, reason(status), n, upgrade ? "" : "Connection: close\r\n", json);
	return len < (int)size ? (size_t)len : 0;
}
