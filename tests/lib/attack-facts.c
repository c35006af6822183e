// SPDX-License-Identifier: Apache-2.0
/*
 * attack: no attacks, but what suites ask for from inside any root file system: facts, and
 * ordinary work that must succeed.
 */
#include "config.h"
#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int show_kernel(char **a)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0)
		printf("seccomp-notify %u\n", sizes.seccomp_notif);
	if (set_attr(-1, "", 0, 0, 0, 0) != -ENOSYS)
		printf("mount_setattr\n");
	return 0;
}

/* Seconds of a clock, as programs see it: realtime, monotonic, boottime. */
static int show_clock(char **a)
{
	struct timespec ts;
	clockid_t id = a[0][0] == 'r'	? CLOCK_REALTIME
		       : a[0][0] == 'm' ? CLOCK_MONOTONIC
					: CLOCK_BOOTTIME;

	clock_gettime(id, &ts);
	printf("%lld.%02ld\n", (long long)ts.tv_sec, ts.tv_nsec / 10000000);
	return 0;
}

/* An ICMP echo without a raw socket, as ping(8) does it where net.ipv4.ping_group_range allows it.
 */
static int ping(char **a)
{
	struct icmphdr request = { .type = ICMP_ECHO };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval limit = { .tv_sec = 5 };
	struct icmphdr answer = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	if (fd < 0 || inet_pton(AF_INET, a[0], &to.sin_addr) != 1)
		return result(-1);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (sendto(fd, &request, sizeof(request), 0, (void *)&to, sizeof(to)) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return result(-1);
	puts(answer.type == ICMP_ECHOREPLY ? "answered" : "something else");
	return 0;
}

/* @first: 1: of an abstract socket, 0: of one in the file system */
static int connect_unix(const char *name, size_t first)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t n = snprintf(to.sun_path + first, sizeof(to.sun_path) - first, "%s", name);

	return result(connect(fd, (void *)&to, offsetof(struct sockaddr_un, sun_path) + first + n));
}

static int connect_abstract(char **a)
{
	return connect_unix(a[0], 1);
}

static int connect_path(char **a)
{
	return connect_unix(a[0], 0);
}

/* Holds a[0] MiB of touched memory until it is read from stdin. */
static int hold_memory(char **a)
{
	size_t size = (size_t)atoi(a[0]) << 20;
	char *p = malloc(size), c;

	if (!p)
		return -ENOMEM;
	memset(p, 1, size);
	printf("held\n");
	fflush(stdout);
	return read(0, &c, 1) < 0 ? -errno : p[0] == 1 ? 0 : -EIO;
}

const struct call attack_facts[] = {
	{ "kernel", show_kernel, 0, "" },
	{ "clock", show_clock, 1, "realtime|monotonic|boottime" },
	{ "ping", ping, 1, "ADDRESS" },
	{ "connect-abstract", connect_abstract, 1, "NAME" },
	{ "connect", connect_path, 1, "SOCKET" },
	{ "hold-memory", hold_memory, 1, "MIB" },
	{ 0 },
};
