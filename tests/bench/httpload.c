// SPDX-License-Identifier: Apache-2.0
/*
 * httpload SOCKET PATH CONNECTIONS SECONDS: GET it on that many connections that are kept, one
 * request at a time on each; prints requests a second.
 * httpload SOCKET PATH: GET it once; prints the bytes a second of what comes until its end.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define RESPONSE_MAX (1024 * 1024)

struct connection {
	int fd;
	size_t len;
	char buf[RESPONSE_MAX];
};

static char request[512];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die(path);
	return fd;
}

static void ask(int fd)
{
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		die("send");
}

static bool is_complete(const struct connection *c)
{
	const char *body = memmem(c->buf, c->len, "\r\n\r\n", 4);
	const char *length = strcasestr(c->buf, "\r\nContent-Length:");

	if (!body)
		return false;
	body += 4;
	if (length && length < body)
		return c->len - (body - c->buf) >= strtoull(length + 17, NULL, 10);
	return c->len >= 5 && memcmp(c->buf + c->len - 5, "0\r\n\r\n", 5) == 0;
}

/* Return: 1 if this completed a response, and another request is on its way */
static int receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->buf + c->len, RESPONSE_MAX - 1 - c->len, 0);

	if (n <= 0)
		die("recv");
	c->len += n;
	c->buf[c->len] = '\0';
	if (!is_complete(c))
		return 0;
	if (strncmp(c->buf, "HTTP/1.1 200", 12) != 0)
		die(c->buf);
	c->len = 0;
	ask(c->fd);
	return 1;
}

static double load(const char *path, int connections, double seconds)
{
	int epoll = epoll_create1(0);
	struct epoll_event events[64];
	double start, took;
	long done = 0;

	for (int i = 0; i < connections; i++) {
		struct connection *c = calloc(1, sizeof(*c));
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		c->fd = open_socket(path);
		epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev);
		ask(c->fd);
	}
	for (start = now(); (took = now() - start) < seconds;) {
		int n = epoll_wait(epoll, events, 64, 1000);

		for (int i = 0; i < n; i++)
			done += receive(events[i].data.ptr);
	}
	return done / took;
}

static double stream(const char *path)
{
	static char buf[65536];
	int fd = open_socket(path);
	double start = now();
	uint64_t all = 0;
	ssize_t n;
	char end[5] = "";

	ask(fd);
	do {
		n = recv(fd, buf, sizeof(buf), 0);
		all += n > 0 ? n : 0;
		if (n >= 5)
			memcpy(end, buf + n - 5, 5);
	} while (n > 0 && memcmp(end, "0\r\n\r\n", 5) != 0);
	return all / (now() - start);
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 5)
		return 2;
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: docker\r\n\r\n", argv[2]);
	printf("%.0f\n", argc == 3 ? stream(argv[1]) : load(argv[1], atoi(argv[3]), atof(argv[4])));
	return 0;
}
