/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_getaffinity(2): where a quota gives a container fewer CPUs than its cpuset has, as many as
 * the views show. What is answered is always a part of the kernel's own answer: no CPU is invented,
 * and a process that has chosen fewer sees its choice.
 *
 * The kernel's answer is asked for the caller alone (pid 0, or its own thread's); for other
 * processes the kernel answers.
 */
#include "config.h"
#include "warden/notify.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MASK_BYTES 1024 /* 8192 CPUs */

/* The pid of the caller as itself sees it: the last one of NSpid. */
static int own_pid(const struct request *r)
{
	autofd fd = request_open(r, "status", O_RDONLY);
	char text[4096];
	const char *line;
	int pid = -1, used;
	ssize_t n = fd < 0 ? fd : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	line = strstr(text, "\nNSpid:");
	for (line = line ? line + 7 : NULL; line && sscanf(line, " %d%n", &pid, &used) == 1;)
		line = line[used] == '\t' ? line + used : NULL;
	return pid;
}

static bool is_caller(const struct request *r)
{
	int pid = (int)r->notif->data.args[0];

	return pid == 0 || pid == own_pid(r);
}

/* Keep the first @count of the CPUs in @mask. */
static void trim(unsigned char *mask, size_t len, unsigned int count)
{
	for (size_t i = 0; i < len; i++)
		for (int bit = 0; bit < 8; bit++) {
			if (!(mask[i] & (1U << bit)))
				continue;
			if (count)
				count--;
			else
				mask[i] &= ~(1U << bit);
		}
}

/* The kernel's own answer for the caller, checks of the length included. */
static long ask_kernel(const struct request *r, unsigned char mask[MASK_BYTES])
{
	uint32_t len = (uint32_t)r->notif->data.args[1];
	long n;

	if (len > MASK_BYTES)
		len = MASK_BYTES;
	/* The words of a 32-bit caller are half as long. */
	if (r->abi == MEDIATE_ABI_COMPAT && len % 4 == 0)
		n = syscall(SYS_sched_getaffinity, (pid_t)r->notif->pid, (len + 7) & ~7U, mask);
	else
		n = syscall(SYS_sched_getaffinity, (pid_t)r->notif->pid, len, mask);
	if (n < 0)
		return -errno;
	return n < (long)len ? n : (long)len;
}

/**
 * affinity_handle() - sched_getaffinity(pid, len, mask)
 */
void affinity_handle(struct request *r)
{
	unsigned char mask[MASK_BYTES];
	struct notify_facts f;
	long n;
	int e;

	if (!is_caller(r)) {
		request_continue(r);
		return;
	}
	n = ask_kernel(r, mask);
	e = n < 0 ? (int)n : notify_facts_get(r->notify, &f);
	if (e == 0) {
		trim(mask, n, f.cpus);
		e = request_write(r, r->notif->data.args[2], mask, n);
	}
	request_answer(r, e < 0 ? e : n);
}
