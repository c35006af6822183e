/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last pid of the container's pid namespace, for loadavg.
 *
 * The kernel tells it only to a process that is in the namespace (fs/proc/loadavg.c). But whoever
 * lists a procfs of that namespace sees the highest pid that is there, and that is nearly always
 * the one that reads loadavg right now. Processes come in the order of their pids, and the position
 * in that list is the pid and a constant (proc_pid_readdir() in fs/proc/base.c): so only those
 * above the last one seen are listed. When the pids have come round it stays until a restart of the
 * server.
 *
 * The directory does not exist yet when the server is started with its container: then the source
 * is a socket, over which the warden sends it, and the container's /proc/net/dev (netdev.c) with
 * it.
 */
#include "config.h"
#include "pids.h"
#include "lib/fd.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_POSITION 258 /* FIRST_PROCESS_ENTRY and the two entries "self", "thread-self" */
#define PID_LIMIT      (4u << 20)
#define ROOM	       64 /* more than the entry of a process needs */

struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

/* The highest number among the names of @len bytes of entries, or @highest. */
static uint64_t highest_name(const char *buf, long len, uint64_t highest)
{
	for (long at = 0; at < len;) {
		const struct linux_dirent64 *e = (const struct linux_dirent64 *)(buf + at);
		const char *name = e->name;
		uint64_t pid;

		if (parse_u64(&name, &pid) && *name == '\0' && pid > highest && pid <= PID_LIMIT)
			highest = pid;
		at += e->reclen;
	}
	return highest;
}

/*
 * Several threads may do this at once, on one position: each sees a part of the list, and what one
 * leaves out the other has.
 */
static int list(int dir, uint64_t *highest)
{
	char buf[2048] __attribute__((aligned(8)));
	uint64_t from = *highest;
	long n;

	if (lseek(dir, from ? from + FIRST_POSITION : 0, SEEK_SET) < 0)
		return -errno;
	do {
		n = syscall(SYS_getdents64, dir, buf, sizeof(buf));
		if (n > 0)
			*highest = highest_name(buf, n, *highest);
	} while (n > (long)sizeof(buf) - ROOM); /* else it was all */
	return n < 0 ? -errno : 0;
}

/* The directory, and the list of devices, if they have come meanwhile. */
static int receive(struct pid_watch *w, int sock)
{
	int fds[2] = { -1, -1 };
	char byte;
	size_t n = 0;

	if (fd_recv(sock, &byte, 1, fds, 2, &n) != 1 || n < 1)
		return -1;
	atomic_store(&w->devices, fds[1]);
	atomic_store(&w->dir, fds[0]);
	return fds[0];
}

/**
 * pids_last() - the highest pid seen so far; 0 if none can be seen
 */
uint64_t pids_last(const struct facts *facts)
{
	struct pid_watch *w = facts->pids;
	uint64_t last, before;
	int dir;

	if (!w || !facts_have(facts, FACT_PIDS))
		return 0;
	dir = atomic_load(&w->dir);
	if (dir < 0)
		dir = facts->fd[FACT_PIDS][0];
	last = before = atomic_load(&w->last);
	if (list(dir, &last) == -ESPIPE) { /* the socket */
		dir = receive(w, facts->fd[FACT_PIDS][0]);
		if (dir >= 0)
			list(dir, &last);
	}
	while (before < last && !atomic_compare_exchange_weak(&w->last, &before, last))
		;
	return before > last ? before : last;
}

static int devices_fd(const struct facts *facts)
{
	struct pid_watch *w = facts->pids;

	if (facts_have(facts, FACT_NET_DEV))
		return facts->fd[FACT_NET_DEV][0];
	if (!w || !facts_have(facts, FACT_PIDS))
		return -1;
	if (atomic_load(&w->dir) < 0)
		receive(w, facts->fd[FACT_PIDS][0]);
	return atomic_load(&w->devices);
}

/**
 * pids_read_devices() - append the first @max bytes of the container's /proc/net/dev; terminated
 *
 * Return: 0, -ENODATA if it is not known, or -errno.
 */
int pids_read_devices(const struct facts *facts, size_t max, struct text *t)
{
	return source_read_text(devices_fd(facts), max, t);
}
