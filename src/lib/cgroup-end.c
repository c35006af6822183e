/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending and removing a container's cgroup with everything that the container made below it.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fuseconn.h"
#include "lib/sys.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define KILL_MS	  2000
/* Who has not ended by then waits for something. */
#define STUCK_MS  500
#define REMOVE_MS 1000
/* What was killed ends, if slowly: of a mount namespace, on a machine that is busy. */
#define REMOVE_KILLED_MS 5000
/* How long the end of those that were signalled is waited for before others are looked for. */
#define ROUND_MS 20

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/**
 * cgroup_deadline_in() - a time limit of @ms from now on, for cgroup_deadline_pause()
 */
struct cgroup_deadline cgroup_deadline_in(unsigned int ms)
{
	return (struct cgroup_deadline){ .end_ns = now_ns() + ms * 1000000ULL, .pause_us = 200 };
}

/**
 * cgroup_deadline_pause() - sleep, longer each time; false once the time is over
 */
bool cgroup_deadline_pause(struct cgroup_deadline *deadline)
{
	struct timespec ts = { .tv_nsec = deadline->pause_us * 1000L };

	if (now_ns() >= deadline->end_ns)
		return false;
	nanosleep(&ts, NULL);
	if (deadline->pause_us < 20000)
		deadline->pause_us *= 2;
	return true;
}

#define KILL_BATCH 256

/* The pids in a buffer of lines; the last line may be cut off and is left out then. */
static int parse_pids(const char *text, pid_t pids[KILL_BATCH])
{
	int n = 0;

	while (n < KILL_BATCH && *text) {
		char *end;
		long pid = strtol(text, &end, 10);

		if (end == text || *end != '\n')
			break;
		/* 0 is a process of a pid namespace that we cannot see. */
		if (pid > 0 && pid != getpid())
			pids[n++] = pid;
		text = end + 1;
	}
	return n;
}

static int read_pids(int dir_fd, pid_t pids[KILL_BATCH])
{
	char buf[8192];
	autofd fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	while (len < sizeof(buf) - 1 && (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += n;
	/* EOPNOTSUPP: a threaded cgroup; its processes are listed where its domain begins. */
	if (len == 0 && n < 0 && errno != ENODEV && errno != EOPNOTSUPP)
		return -errno;
	buf[len] = '\0';
	return parse_pids(buf, pids);
}

static bool contains(const pid_t *pids, int n, pid_t pid)
{
	for (int i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

struct kill {
	int sig;
	int seen;
	bool thaw;
	bool stuck;		    /* end what they may wait for */
	struct cgroup_dying *dying; /* or NULL */
};

static void keep(struct cgroup_dying *d, int pidfd)
{
	if (d && d->n < CGROUP_DYING_MAX)
		d->pidfds[d->n++] = pidfd;
	else
		close(pidfd);
}

/*
 * A pid may be used again between reading and killing, so: open first, then read the list again,
 * and only then signal what is open *and* still listed. If the number changed hands before it was
 * opened, the list says whether the new owner belongs to us; if after, the descriptor is a dead
 * process' and the signal goes nowhere.
 */
static int kill_cgroup(int dir_fd, void *arg)
{
	struct kill *k = arg;
	pid_t before[KILL_BATCH], after[KILL_BATCH];
	int fds[KILL_BATCH];
	int n = read_pids(dir_fd, before), m;

	if (n > 0) {
		for (int i = 0; i < n; i++)
			fds[i] = sys_pidfd_open(before[i]);
		m = read_pids(dir_fd, after);
		for (int i = 0; i < n; i++) {
			bool ours = fds[i] >= 0 && contains(after, m, before[i]);
			bool sent = ours && sys_pidfd_send_signal(fds[i], k->sig) == 0;

			if (ours && k->stuck)
				fuseconn_abort(before[i], fds[i]);
			if (sent)
				keep(k->dying, fds[i]);
			else
				fd_close(fds[i]);
		}
		k->seen += n;
	}
	/* In v1 a frozen process does not even take SIGKILL. */
	if (k->thaw)
		fd_write_file_at(dir_fd, "freezer.state", "THAWED");
	return n < 0 ? n : 0;
}

static int kill_round(const struct cgroups *cg, struct kill *k, bool all)
{
	int r = 0;

	k->seen = 0;
	for (int i = 0; r == 0 && i < cg->n; i++) {
		const struct cgroup_hierarchy *h = &cg->h[i];

		if (h->dir_fd < 0)
			continue;
		k->thaw = k->sig == SIGKILL && !h->v2 && cgroup_list_has(h->controllers, "freezer");
		r = cgroup_walk(h->dir_fd, kill_cgroup, k);
		/* ENODEV, ENOENT: the cgroup is gone, and nobody is in it. */
		if (r == -ENODEV || r == -ENOENT)
			r = 0;
		if (!all && k->seen > 0)
			break;
	}
	return r;
}

/**
 * cgroup_wait_dying() - wait until those have ended that were killed
 * @ms: in all
 *
 * A cgroup cannot be removed before, though they are not listed in it any more: a process leaves it
 * after it has let go of all else, mounts too, right before its end is told.
 */
void cgroup_wait_dying(struct cgroup_dying *dying, unsigned int ms)
{
	uint64_t end = now_ns() + ms * 1000000ULL;

	for (int i = 0; i < dying->n; i++) {
		struct pollfd p = { .fd = dying->pidfds[i], .events = POLLIN };
		uint64_t now = now_ns();

		poll(&p, 1, now < end ? (int)((end - now + 999999) / 1000000) : 0);
		close(p.fd);
	}
	dying->n = 0;
}

static int kill_within(const struct cgroups *cg, int sig, unsigned int ms, unsigned int stuck_ms)
{
	struct cgroup_deadline deadline = cgroup_deadline_in(ms);
	uint64_t stuck = now_ns() + stuck_ms * 1000000ULL;
	const struct cgroup_hierarchy *v2 = cgroup_find_v2(cg);
	struct cgroup_dying dying = { .n = 0 };
	struct kill k = { .sig = sig, .dying = sig == SIGKILL ? &dying : NULL };
	int r;

	/* Since 5.14: all at once, and none can fork out of it. What v1 has is looked at below. */
	if (sig == SIGKILL && v2 && v2->dir_fd >= 0)
		fd_write_file_at(v2->dir_fd, "cgroup.kill", "1");
	for (;;) {
		bool waited;

		k.stuck = sig == SIGKILL && now_ns() >= stuck;
		r = kill_round(cg, &k, sig == SIGKILL);
		waited = dying.n > 0;
		cgroup_wait_dying(&dying, r < 0 ? 0 : ROUND_MS);
		if (r < 0 || sig != SIGKILL || k.seen == 0)
			return r;
		if (waited ? now_ns() >= deadline.end_ns : !cgroup_deadline_pause(&deadline))
			return -EBUSY;
	}
}

/**
 * cgroup_kill() - signal every process of the container's cgroup and of those below it
 *
 * SIGKILL is repeated until no process is left, for at most two seconds; in v1 the cgroups are
 * thawed, and FUSE connections of the container's that keep them waiting are aborted.  Other
 * signals are sent once. The caller is never signalled one by one, but must not be in a v2 cgroup
 * that it kills.
 *
 * Return: 0; -EBUSY if processes are left (one in an uninterruptible sleep); or another -errno.
 */
int cgroup_kill(const struct cgroups *cg, int sig)
{
	return kill_within(cg, sig, KILL_MS, STUCK_MS);
}

/**
 * cgroup_kill_try() - the same with SIGKILL, for at most @ms, to be tried again
 * @stuck: they have had their time: what they may wait for is aborted
 */
int cgroup_kill_try(const struct cgroups *cg, unsigned int ms, bool stuck)
{
	return kill_within(cg, SIGKILL, ms, stuck ? 0 : ms + 1);
}

static int is_populated(int dir_fd, void *arg)
{
	pid_t pids[KILL_BATCH];
	int n = read_pids(dir_fd, pids);

	return n > 0 ? -EBUSY : n;
}

/**
 * cgroup_populated() - is there a process in the container's cgroup or below it?
 *
 * Every hierarchy is looked at: a container's processes are in all of them, but those of somebody
 * else, to whom the cgroup may belong, need not be. But not where cgroup_create() has just made it.
 * Return: 0; -EBUSY if there is one; or another -errno.
 */
int cgroup_populated(const struct cgroups *cg)
{
	int r = 0;

	for (int i = 0; r == 0 && i < cg->n; i++) {
		if (cg->h[i].dir_fd >= 0 && !cg->h[i].made)
			r = cgroup_walk(cg->h[i].dir_fd, is_populated, NULL);
#ifdef MUTANT_FOREIGN_CGROUP
		break;
#endif
	}
	return r;
}

/**
 * cgroup_kill_start() - send SIGKILL to every process, once, and do not wait
 * @dying: receives who they are, for cgroup_wait_dying()
 */
void cgroup_kill_start(const struct cgroups *cg, struct cgroup_dying *dying)
{
	const struct cgroup_hierarchy *v2 = cgroup_find_v2(cg);
	struct kill look = { .dying = dying }, k = { .sig = SIGKILL };

	dying->n = 0;
	kill_round(cg, &look, false);
	if (!v2 || v2->dir_fd < 0 || fd_write_file_at(v2->dir_fd, "cgroup.kill", "1") < 0)
		kill_round(cg, &k, false);
}

static int remove_one(int mount_fd, const char *path, struct cgroup_deadline *deadline)
{
	for (;;) {
		if (unlinkat(mount_fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -errno;
		{
			autofd fd = openat(mount_fd, path, DIR_FLAGS);

			if (fd >= 0)
				cgroup_remove_below(fd);
		}
		if (unlinkat(mount_fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (!cgroup_deadline_pause(deadline))
			return -EBUSY;
	}
}

static int remove_within(const struct cgroups *cg, const char *path, unsigned int ms)
{
	struct cgroup_deadline deadline = cgroup_deadline_in(ms);
	size_t shared = strlen(CGROUP_SHARED_PARENT);
	int result = 0;

	path += strspn(path, "/");
	if (!*path)
		return -EINVAL;
	for (int i = 0; i < cg->n; i++) {
		int r = remove_one(cg->h[i].mount_fd, path, &deadline);

		if (r < 0 && result == 0 && r != -EROFS)
			result = r;
		if (strncmp(path, CGROUP_SHARED_PARENT "/", shared + 1) == 0)
			unlinkat(cg->h[i].mount_fd, CGROUP_SHARED_PARENT, AT_REMOVEDIR);
	}
	return result;
}

/**
 * cgroup_remove() - remove the cgroup @path, with what is below it, from every hierarchy
 *
 * What is not there is no error. A cgroup with processes is tried for a second in all: they may be
 * on their way out. The parent "cloister" goes with its last container; cgroup_create() copes with
 * that happening at any moment.
 *
 * Return: 0 or the first -errno; the other hierarchies are done nevertheless.
 */
int cgroup_remove(const struct cgroups *cg, const char *path)
{
	return remove_within(cg, path, REMOVE_MS);
}

/**
 * cgroup_remove_killed() - the same of one whose processes have all been killed: it takes as long
 * as they do to end
 */
int cgroup_remove_killed(const struct cgroups *cg, const char *path)
{
	return remove_within(cg, path, REMOVE_KILLED_MS);
}

/**
 * cgroup_remove_try() - the same for at most @ms, to be tried again
 */
int cgroup_remove_try(const struct cgroups *cg, const char *path, unsigned int ms)
{
	return remove_within(cg, path, ms);
}
