/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping and removing a container's cgroup with everything that the container made below it.
 *
 * The container may have built a tree of any depth (nothing limits it in v1), so trees are walked
 * with one descriptor and ".." instead of one descriptor or stack frame for each level.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/sys.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define KILL_MS	  2000
#define FREEZE_MS 2000
#define REMOVE_MS 1000

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

struct cgroup_deadline cgroup_deadline_in(unsigned int ms)
{
	return (struct cgroup_deadline){ .end_ns = now_ns() + ms * 1000000ULL, .pause_us = 200 };
}

/* Sleeps, longer each time; false once the time is over. */
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

/* A cgroup still to be visited, or (leave) to be removed now that all below it was tried. */
struct walk_item {
	struct walk_item *below;
	size_t depth;
	bool leave;
	char name[];
};

struct walk {
	int fd; /* where we are */
	size_t depth;
	struct walk_item *stack;
	bool removing;
	cgroup_visit visit;
	void *arg;
};

static int push_item(struct walk *w, const char *name)
{
	size_t len = strlen(name) + 1;
	struct walk_item *item = malloc(sizeof(*item) + len);

	if (!item)
		return -ENOMEM;
	*item = (struct walk_item){ .below = w->stack, .depth = w->depth };
	memcpy(item->name, name, len);
	w->stack = item;
	return 0;
}

/*
 * All at once, and not by seeking back later: positions in kernfs are hashes of the names, and
 * whoever chooses names can make them collide.
 */
static int push_subdirs(struct walk *w)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct dirent64))));
	ssize_t n;
	int r = 0;

	while ((n = getdents64(w->fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; r == 0 && at < n;) {
			const struct dirent64 *entry = (const struct dirent64 *)(buf + at);

			at += entry->d_reclen;
			if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
			    strcmp(entry->d_name, "..") != 0)
				r = push_item(w, entry->d_name);
		}
	}
	/* One that vanished has nothing below it. */
	return n < 0 && errno != ENOENT && errno != ENODEV ? -errno : r;
}

static int enter_dir(struct walk *w, const char *name)
{
	int fd = openat(w->fd, name, DIR_FLAGS);

	if (fd < 0)
		return -errno;
	close(w->fd);
	w->fd = fd;
	return 0;
}

static int visit_here(struct walk *w)
{
	int r = w->visit ? w->visit(w->fd, w->arg) : 0;

	return r < 0 ? r : push_subdirs(w);
}

/* Deals with the item on top of the stack. */
static int walk_step(struct walk *w)
{
	struct walk_item *item = w->stack;
	int r = 0;

	for (; r == 0 && w->depth > item->depth; w->depth--)
		r = enter_dir(w, "..");
	if (r == 0 && !(w->removing && unlinkat(w->fd, item->name, AT_REMOVEDIR) == 0) &&
	    !item->leave) {
		r = enter_dir(w, item->name);
		if (r == 0) {
			w->depth++;
			if (w->removing) {
				item->leave = true;
				return visit_here(w);
			}
			w->stack = item->below;
			free(item);
			return visit_here(w);
		}
		if (r == -ENOENT)
			r = 0;
	}
	w->stack = item->below;
	free(item);
	return r;
}

static int walk_tree(struct walk *w, int top_fd)
{
	int r;

	w->fd = openat(top_fd, ".", DIR_FLAGS);
	if (w->fd < 0)
		return -errno;
	r = visit_here(w);
	while (r == 0 && w->stack)
		r = walk_step(w);
	while (w->stack) {
		struct walk_item *item = w->stack;

		w->stack = item->below;
		free(item);
	}
	close(w->fd);
	return r;
}

/* Calls @visit for @top_fd and each cgroup below it; -errno of @visit ends the walk. */
int cgroup_walk(int top_fd, cgroup_visit visit, void *arg)
{
	struct walk w = { .visit = visit, .arg = arg };

	return walk_tree(&w, top_fd);
}

/* Removes what is below @top_fd, as far as it is empty. */
int cgroup_remove_below(int top_fd)
{
	struct walk w = { .removing = true };

	return walk_tree(&w, top_fd);
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
};

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
			if (fds[i] < 0)
				continue;
			if (contains(after, m, before[i]))
				sys_pidfd_send_signal(fds[i], k->sig);
			close(fds[i]);
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
 * cgroup_kill() - signal every process of the container's cgroup and of those below it
 *
 * SIGKILL is repeated until no process is left, for at most two seconds; in v1 the cgroups are
 * thawed. Other signals are sent once. The caller is never signalled one by one, but must not be
 * in a v2 cgroup that it kills.
 *
 * Return: 0; -EBUSY if processes are left (one in an uninterruptible sleep); or another -errno.
 */
int cgroup_kill(const struct cgroups *cg, int sig)
{
	struct cgroup_deadline deadline = cgroup_deadline_in(KILL_MS);
	const struct cgroup_hierarchy *v2 = cgroup_find_v2(cg);
	struct kill k = { .sig = sig };
	int r;

	/* Since 5.14: all at once, and none can fork out of it. What v1 has is looked at below. */
	if (sig == SIGKILL && v2 && v2->dir_fd >= 0)
		fd_write_file_at(v2->dir_fd, "cgroup.kill", "1");
	do {
		r = kill_round(cg, &k, sig == SIGKILL);
		if (r < 0 || sig != SIGKILL || k.seen == 0)
			return r;
	} while (cgroup_deadline_pause(&deadline));
	return -EBUSY;
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
 * One hierarchy is looked at: a container's processes are in all of them.
 * Return: 0; -EBUSY if there is one; or another -errno.
 */
int cgroup_populated(const struct cgroups *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->h[i].dir_fd >= 0)
			return cgroup_walk(cg->h[i].dir_fd, is_populated, NULL);
	return 0;
}

/**
 * cgroup_kill_start() - send SIGKILL to every process, once, and do not wait
 */
void cgroup_kill_start(const struct cgroups *cg)
{
	const struct cgroup_hierarchy *v2 = cgroup_find_v2(cg);
	struct kill k = { .sig = SIGKILL };

	if (!v2 || v2->dir_fd < 0 || fd_write_file_at(v2->dir_fd, "cgroup.kill", "1") < 0)
		kill_round(cg, &k, false);
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
	const struct cgroup_hierarchy *h = cgroup_find_v1(cg, "freezer");
	int r;

	if (!h)
		h = cgroup_find_v2(cg);
	if (!h || h->dir_fd < 0)
		return -ENODEV;
	r = h->v2 ? fd_write_file_at(h->dir_fd, "cgroup.freeze", frozen ? "1" : "0")
		  : fd_write_file_at(h->dir_fd, "freezer.state", frozen ? "FROZEN" : "THAWED");
	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	return wait_frozen(h->dir_fd, h->v2, frozen);
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
	struct cgroup_deadline deadline = cgroup_deadline_in(REMOVE_MS);
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
 * cgroup_is_frozen() - are its processes stopped by the freezer?
 */
bool cgroup_is_frozen(const struct cgroups *cg)
{
	const struct cgroup_hierarchy *h = cgroup_find_v1(cg, "freezer");
	char text[256];

	if (h)
		return fd_read_file_at(h->dir_fd, "freezer.state", text, sizeof(text)) > 0 &&
		       strncmp(text, "THAWED", 6) != 0;
	for (int i = 0; i < cg->n; i++)
		if (cg->h[i].v2 && cg->h[i].dir_fd >= 0)
			return fd_read_file_at(cg->h[i].dir_fd, "cgroup.freeze", text,
					       sizeof(text)) > 0 &&
			       text[0] == '1';
	return false;
}
