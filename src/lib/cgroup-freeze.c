/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping and continuing all processes of a container, and signalling them all.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/sys.h"

#define FREEZE_MS 2000
#define BATCH	  256

static const struct cgroup_hierarchy *find_freezer(const struct cgroups *cg)
{
	const struct cgroup_hierarchy *h = cgroup_find_v1(cg, "freezer");

	if (!h)
		h = cgroup_find_v2(cg);
	return h && h->dir_fd >= 0 ? h : NULL;
}

static int wait_frozen(int dir_fd, bool v2, bool frozen)
{
	struct cgroup_deadline deadline = cgroup_deadline_in(FREEZE_MS);
	char text[256];
	int r;

	do {
		r = fd_read_file_at(dir_fd, v2 ? "cgroup.events" : "freezer.state", text,
				    sizeof(text));
		if (r < 0)
			return r;
		if (v2 ? strstr(text, frozen ? "frozen 1" : "frozen 0") != NULL
		       : strcmp(text, frozen ? "FROZEN" : "THAWED") == 0)
			return 0;
		/* A v1 cgroup whose processes fork meanwhile has to be told again. */
		if (!v2)
			fd_write_file_at(dir_fd, "freezer.state", frozen ? "FROZEN" : "THAWED");
	} while (cgroup_deadline_pause(&deadline));
	return -ETIMEDOUT;
}

/**
 * cgroup_freeze() - stop or continue all processes of the container, and wait until it is so
 *
 * Return: 0; -ENODEV if there is no freezer; -ETIMEDOUT if one did not stop within two seconds
 * (the rest stay stopped; call again with false); or another -errno.
 */
int cgroup_freeze(const struct cgroups *cg, bool frozen)
{
	const struct cgroup_hierarchy *h = find_freezer(cg);
	int r;

	if (!h)
		return -ENODEV;
	r = h->v2 ? fd_write_file_at(h->dir_fd, "cgroup.freeze", frozen ? "1" : "0")
		  : fd_write_file_at(h->dir_fd, "freezer.state", frozen ? "FROZEN" : "THAWED");
	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	return wait_frozen(h->dir_fd, h->v2, frozen);
}

/**
 * cgroup_is_frozen() - are the container's processes stopped, or being stopped?
 *
 * What the kernel says, of this cgroup: what the container freezes below it is its own affair.
 */
bool cgroup_is_frozen(const struct cgroups *cg)
{
	const struct cgroup_hierarchy *h = find_freezer(cg);
	char text[64];

	if (!h || fd_read_file_at(h->dir_fd, h->v2 ? "cgroup.freeze" : "freezer.state", text,
				  sizeof(text)) <= 0)
		return false;
	return h->v2 ? text[0] == '1' : strcmp(text, "THAWED") != 0;
}

/**
 * cgroup_path_frozen() - the same of the cgroup @path, which need not be open in @cg
 */
bool cgroup_path_frozen(const struct cgroups *cg, const char *path)
{
	path += strspn(path, "/");
	for (int i = 0; i < cg->n; i++) {
		const struct cgroup_hierarchy *h = &cg->h[i];
		char file[4096 + 32], text[64];

		if (!h->v2 && !cgroup_list_has(h->controllers, "freezer"))
			continue;
		snprintf(file, sizeof(file), "%s/%s", path,
			 h->v2 ? "cgroup.freeze" : "freezer.state");
		if (fd_read_file_at(h->mount_fd, file, text, sizeof(text)) <= 0)
			continue;
		if (h->v2 ? text[0] == '1' : strcmp(text, "THAWED") != 0)
			return true;
	}
	return false;
}

static bool contains(const pid_t *pids, size_t n, pid_t pid)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pids[middle] == pid)
			return true;
		if (pids[middle] < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* As in cgroup_kill(): open, look that it is still ours, and only then signal. */
static int signal_batch(const struct cgroups *cg, const pid_t *pids, size_t n, int sig)
{
	int fds[BATCH];
	pid_t *now = NULL;
	size_t n_now = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		fds[i] = pids[i] == getpid() ? -1 : sys_pidfd_open(pids[i]);
	r = cgroup_pids(cg, &now, &n_now);
	for (size_t i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		if (contains(now, n_now, pids[i]))
			sys_pidfd_send_signal(fds[i], sig);
		close(fds[i]);
	}
	free(now);
	return r;
}

/**
 * cgroup_signal_all() - send @sig to every process of the container, in cgroups below its own too
 *
 * Stopped meanwhile, so that none forks out of reach. SIGKILL: cgroup_kill(), which also ends what
 * is frozen. A container that was paused stays so otherwise.
 *
 * Return: 0; -EBUSY if SIGKILL did not end them all in time; or another -errno.
 */
int cgroup_signal_all(const struct cgroups *cg, int sig)
{
	bool was_frozen, frozen;
	pid_t *pids = NULL;
	size_t n = 0;
	int r;

	if (sig == SIGKILL)
		return cgroup_kill(cg, sig);
	was_frozen = cgroup_is_frozen(cg);
	/* One that cannot stop (in an uninterruptible sleep) cannot fork either. */
	frozen = was_frozen || cgroup_freeze(cg, true) != -ENODEV;
	r = cgroup_pids(cg, &pids, &n);
	for (size_t i = 0; r == 0 && i < n; i += BATCH)
		r = signal_batch(cg, pids + i, n - i < BATCH ? n - i : BATCH, sig);
	free(pids);
	if (frozen && !was_frozen)
		cgroup_freeze(cg, false);
	return r;
}
