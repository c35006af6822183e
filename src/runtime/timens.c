/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time namespace for the next child: its monotonic and boot-time clocks begin at zero, so that
 * uptime, boot time and process start times agree without anything being emulated.
 */
#include "config.h"
#include "runtime/timens.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#define NSEC 1000000000LL

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

/**
 * timens_boottime() - the host's CLOCK_BOOTTIME now, ns
 */
int64_t timens_boottime(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

/* "-5.25 s" is written as seconds -6 and 750000000 ns: the kernel wants ns in [0, 1e9). */
static int format(char *buf, size_t size, const char *clock, int64_t offset)
{
	int64_t sec = offset / NSEC, ns = offset % NSEC;

	if (ns < 0) {
		ns += NSEC;
		sec--;
	}
	return snprintf(buf, size, "%s %" PRId64 " %" PRId64 "\n", clock, sec, ns);
}

/**
 * timens_enter() - children of the caller get a new time namespace
 * @boot_offset: host CLOCK_BOOTTIME (ns) that is the container's zero
 */
int timens_enter(int host_proc, int64_t boot_offset)
{
	int64_t mono = clock_ns(CLOCK_MONOTONIC);
	char buf[160];
	int len;

	if (unshare(CLONE_NEWTIME) < 0)
		return -errno;
	len = format(buf, sizeof(buf), "monotonic", -mono);
	format(buf + len, sizeof(buf) - len, "boottime", -boot_offset);
	return fd_write_file_at(host_proc, "self/timens_offsets", buf);
}

/**
 * timens_leave() - further children stay in the caller's own time namespace
 */
int timens_leave(int host_proc)
{
	autofd own = -1;

	if (host_proc < 0)
		return 0;
	own = openat(host_proc, "self/ns/time", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return -errno;
	return setns(own, CLONE_NEWTIME) < 0 ? -errno : 0;
}
