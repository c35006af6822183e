/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cloister-fs has to know of a container that somebody else made: its cgroups, when it began,
 * and which id its root has.
 */
#include "config.h"
#include "subject.h"
#include "lib/cgroup.h"
#include "lib/fd.h"
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static int read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fd_read_file_at(AT_FDCWD, path, buf, size);
}

/* systemd inside sits in a cgroup of its own below the container's. */
static void strip_suffix(char *path, const char *suffix)
{
	size_t len = strlen(path), n = strlen(suffix);

	if (len >= n && strcmp(path + len - n, suffix) == 0)
		path[len - n] = '\0';
}

/*
 * Opens, in each hierarchy, the cgroup @path, or that of the process that cg->h[].own is of.
 * -EPERM: that is the root of all.
 */
static int open_cgroups(struct cgroups *cg, const char *path)
{
	int found = 0;

	for (int i = 0; i < cg->n; i++) {
		struct cgroup_hierarchy *h = &cg->h[i];
		char *here = strdup(path ? path : h->own ? h->own : "/");
		const char *below = here ? here + strspn(here, "/") : "";

		if (!here)
			return -ENOMEM;
		if (!path)
			strip_suffix(here, "/init.scope");
		h->mount_fd = open(h->mount_point, DIR_FLAGS);
		if (h->mount_fd >= 0)
			h->dir_fd = openat(h->mount_fd, *below ? below : ".", DIR_FLAGS);
		/* the host's own numbers are not a container's */
		if (h->dir_fd >= 0 && *below)
			found++;
		free(here);
	}
	return found ? 0 : path && path[strspn(path, "/")] ? -ENOENT : -EPERM;
}

/* Why a container has no cgroup that could be served; NULL: as the error has it. */
static const char *no_cgroup(int r)
{
	if (r == -EPERM)
		return "in no cgroup but the root, whose numbers are the host's; give it one below";
	return r == -ENOENT ? "no such cgroup; /proc/PID/cgroup has the name" : NULL;
}

static int controller_dir(const char *controller, void *arg)
{
	bool v2 = false;
	int fd = cgroup_controller_fd(arg, controller, &v2);

	return fd >= 0 && v2 == (controller[0] == '\0') ? fd : -1;
}

static int open_sources(struct server *s, struct cgroups *cg)
{
	struct fact_fd fds[FACT_MAX_FDS];
	autofd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int n = facts_open_all(root, controller_dir, cg, fds, FACT_MAX_FDS), r = 0;

	for (int i = 0; i < n && r >= 0; i++)
		r = facts_add(&s->facts, fds[i].name, fds[i].fd);
	return n < 0 ? n : r;
}

/* The process of the cgroup that started first, 0 if there is none. */
static pid_t oldest(const struct cgroups *cg)
{
	struct proc_id first = { 0 }, id;
	pid_t *pids = NULL;
	size_t n = 0;

	if (cgroup_pids(cg, &pids, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (proc_identify(pids[i], &id) == 0 && (!first.pid || id.start < first.start))
			first = id;
	free(pids);
	return first.pid;
}

/* "boottime SECONDS NANOSECONDS": what a time namespace adds to the host's clock. */
static bool time_offset(pid_t pid, int64_t *ns)
{
	char text[256];
	int64_t s, rest;
	char *line;

	if (read_proc(pid, "timens_offsets", text, sizeof(text)) < 0)
		return false;
	line = strstr(text, "boottime");
	if (!line || sscanf(line, "boottime %" SCNd64 " %" SCNd64, &s, &rest) != 2)
		return false;
	*ns = s * 1000000000 + rest;
	return *ns != 0;
}

/* When its clocks began: as its time namespace has it, else the start of @pid, else now. */
static uint64_t begin_ns(pid_t pid)
{
	struct timespec now;
	struct proc_id id;
	int64_t offset;

	if (pid && time_offset(pid, &offset) && offset < 0)
		return -offset;
	if (pid && proc_identify(pid, &id) == 0)
		return id.start * (1000000000u / sysconf(_SC_CLK_TCK));
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
}

/* The host's id of the container's root: the files belong to it. */
static uint32_t root_of(pid_t pid, const char *map)
{
	char text[4096];
	uint32_t inside, outside;

	if (pid && read_proc(pid, map, text, sizeof(text)) >= 0 &&
	    sscanf(text, "%" SCNu32 " %" SCNu32, &inside, &outside) == 2 && inside == 0)
		return outside;
	return 0;
}

/**
 * subject_open() - find out what is to be served, and open all sources of it
 * @s: its sources, owner and start are filled in
 * @pid: a process of the container, in decimal, or NULL
 * @cgroup: without a process: its cgroup, as in /proc/PID/cgroup; in v1 the same in each hierarchy
 * @what: receives what is wrong and what to do, NULL if the error says it
 *
 * Return: 0 or -errno.
 */
int subject_open(struct server *s, const char *pid, const char *cgroup, const char **what)
{
	static char text[65536], own[4096];
	struct cgroups cg;
	uint64_t number = 0;
	pid_t first;
	int r;

	*what = "no such process; give the number of one that runs";
	if (pid && (!parse_u64(&pid, &number) || *pid || number == 0 || number > INT32_MAX))
		return -EINVAL;
	if (read_proc(number ? (pid_t)number : getpid(), "cgroup", own, sizeof(own)) < 0)
		return -ESRCH;
	*what = NULL;
	r = read_proc(getpid(), "mountinfo", text, sizeof(text));
	if (r >= 0)
		r = cgroup_parse(&cg, text, own);
	if (r < 0)
		return r;
	r = open_cgroups(&cg, cgroup);
	*what = no_cgroup(r);
	if (r == 0)
		r = open_sources(s, &cg);
	first = pid ? (pid_t)number : oldest(&cg);
	s->facts.boot_offset_ns = begin_ns(first);
	s->uid = root_of(first, "uid_map");
	s->gid = root_of(first, "gid_map");
	cgroup_free(&cg);
	return r;
}
