/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a container's cgroup in each hierarchy, level by level, with what each kind of hierarchy
 * wants before there are children: use_hierarchy (v1 memory), CPUs and memory nodes (v1 cpuset),
 * controllers handed down (v2).
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* How often a parent may be removed by another launcher between our two steps. */
#define CREATE_TRIES 100

/*
 * The last ones are for hosts that have v2 alone: beside v1, handing them down in v2 would only
 * keep others from mounting them as v1 hierarchies.
 */
static const char *const v2_controllers[] = { "cpu", "cpuset",	"memory", "pids",
					      "io",  "hugetlb", "rdma",	  "misc" };
#define N_V2_CONTROLLERS (sizeof(v2_controllers) / sizeof(*v2_controllers))
#define N_V2_BESIDE_V1	 5

struct making {
	struct cgroup_hierarchy *h;
	size_t n_controllers; /* how many of v2_controllers */
};

/*
 * Before 5.11 a v1 memory cgroup counts what is below it only if it was told so before it had
 * children: otherwise a container could get round its limit with cgroups of its own.
 */
static int set_use_hierarchy(int dir_fd)
{
	char value[8];
	int r = fd_read_file_at(dir_fd, "memory.use_hierarchy", value, sizeof(value));

	if (r == -ENOENT || (r > 0 && value[0] == '1'))
		return 0;
	return r < 0 ? r : fd_write_file_at(dir_fd, "memory.use_hierarchy", "1");
}

/* A v1 cpuset begins empty, and no process can enter it until it has CPUs and memory nodes. */
static int inherit_cpuset(int parent_fd, int dir_fd, bool fresh)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	for (int i = 0; i < 2; i++) {
		char value[4096];
		int r = fresh ? 0 : fd_read_file_at(dir_fd, files[i], value, sizeof(value));

		if (r > 0)
			continue;
		if (r == 0)
			r = fd_read_file_at(parent_fd, files[i], value, sizeof(value));
		if (r >= 0)
			r = fd_write_file_at(dir_fd, files[i], value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int prepare_v1(const struct cgroup_hierarchy *h, int parent_fd, int dir_fd, bool fresh,
		      bool last)
{
	if (cgroup_list_has(h->controllers, "memory")) {
		int r = set_use_hierarchy(dir_fd);

		/* A parent that somebody else made, with children, can stay as it is; ours not. */
		if (r < 0 && last)
			return r;
	}
	if (cgroup_list_has(h->controllers, "cpuset"))
		return inherit_cpuset(parent_fd, dir_fd, fresh);
	return 0;
}

/* What of @have (cgroup.controllers) we use and @enabled lacks, as "+a +b". */
static void wanted_controllers(const char *have, const char *enabled, size_t n, char *ret,
			       size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (cgroup_list_has(have, v2_controllers[i]) &&
		    !cgroup_list_has(enabled, v2_controllers[i]))
			used += snprintf(ret + used, size - used, "%s+%s", used ? " " : "",
					 v2_controllers[i]);
}

/*
 * Hands the controllers of @dir_fd to its children. One that cannot be (cpu while there are
 * real-time threads, any in a cgroup with processes of its own) does not keep back the others:
 * cgroup_set_limits() says so when a limit needs it.
 */
static int enable_controllers(const struct making *m, int dir_fd)
{
	char have[256], enabled[256], wanted[256], *rest = wanted, *word;
	int r = fd_read_file_at(dir_fd, "cgroup.controllers", have, sizeof(have));

	if (r >= 0)
		r = fd_read_file_at(dir_fd, "cgroup.subtree_control", enabled, sizeof(enabled));
	if (r < 0)
		return r;
	wanted_controllers(have, enabled, m->n_controllers, wanted, sizeof(wanted));
	if (!wanted[0] || fd_write_file_at(dir_fd, "cgroup.subtree_control", wanted) == 0)
		return 0;
	while ((word = strsep(&rest, " ")))
		if (fd_write_file_at(dir_fd, "cgroup.subtree_control", word) == -ENODEV)
			return -ENODEV;
	return 0;
}

/* Makes, opens and prepares one level; @last is the container's own. */
static int make_level(const struct making *m, int parent_fd, const char *name, bool last)
{
	bool fresh = mkdirat(parent_fd, name, 0755) == 0;
	autofd dir = -1;
	int r = 0;

	if (!fresh && errno != EEXIST)
		return -errno;
	if (last)
		m->h->made = fresh;
	dir = openat(parent_fd, name, DIR_FLAGS);
	if (dir < 0)
		return -errno;
	if (!m->h->v2)
		r = prepare_v1(m->h, parent_fd, dir, fresh, last);
	else if (!last) /* the last one has the processes: nothing below it can have controllers */
		r = enable_controllers(m, dir);
	return r < 0 ? r : fd_steal(&dir);
}

/* Makes and opens @path below the mount; -ENOENT if a level vanished meanwhile. */
static int make_levels(const struct making *m, const char *path)
{
	autofd parent = -1;
	char name[NAME_MAX + 1];
	int r = m->h->v2 ? enable_controllers(m, m->h->mount_fd) : 0;

	while (r >= 0) {
		size_t len = strcspn(path, "/");

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		path += strspn(path, "/");
		r = make_level(m, parent >= 0 ? parent : m->h->mount_fd, name, !*path);
		if (r >= 0 && !*path)
			return r;
		if (parent >= 0)
			close(parent);
		parent = r;
	}
	return r;
}

/* Nothing to prepare, and the parent is there: one step, whatever the number of levels. */
static int make_at_once(struct cgroup_hierarchy *h, const char *path)
{
	int fd;

	if (h->v2 || cgroup_list_has(h->controllers, "memory") ||
	    cgroup_list_has(h->controllers, "cpuset"))
		return -ENOENT;
	h->made = mkdirat(h->mount_fd, path, 0755) == 0;
	if (!h->made && errno != EEXIST)
		return -errno;
	fd = openat(h->mount_fd, path, DIR_FLAGS);
	return fd < 0 ? -errno : fd;
}

static int make_cgroup(const struct making *m, const char *path)
{
	int r = make_at_once(m->h, path);

	/* ENODEV: the directory we hold was removed. */
	for (int i = 0; (r == -ENOENT || r == -ENODEV) && i < CREATE_TRIES; i++)
		r = make_levels(m, path);
	return r;
}

/**
 * cgroup_is_needed() - whether limits, accounting or device rules are missing without @h
 *
 * cgroup_create() passes over the others when they cannot be written.
 */
bool cgroup_is_needed(const struct cgroups *cg, const struct cgroup_hierarchy *h)
{
	static const char *const needed[] = { "cpu",	 "cpuacct", "cpuset", "memory",
					      "devices", "freezer", "blkio",  "pids" };

	if (h->v2)
		return cgroup_mode(cg) == CGROUP_V2;
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (cgroup_list_has(h->controllers, needed[i]))
			return true;
	return false;
}

static bool is_plain_path(const char *path)
{
	if (!*path)
		return false;
	while (*path) {
		size_t len = strcspn(path, "/");

		if ((len == 1 && path[0] == '.') || (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len;
		path += strspn(path, "/");
	}
	return true;
}

/**
 * cgroup_create() - make the cgroup @path in every hierarchy and open it
 * @path: below the mounts, such as "cloister/web1"; what exists of it is used
 * @what: receives the directory that failed
 *
 * A named hierarchy, or one whose controllers do nothing for a container, may fail: its dir_fd is
 * -1 then. After any other failure cgroup_remove() takes back what was made.
 *
 * Return: 0 or -errno: -EROFS, -EACCES, -EPERM where the hierarchy is not ours to change.
 */
int cgroup_create(struct cgroups *cg, const char *path, char *what, size_t what_size)
{
	size_t n = cgroup_mode(cg) == CGROUP_V2 ? N_V2_CONTROLLERS : N_V2_BESIDE_V1;

	path += strspn(path, "/");
	snprintf(what, what_size, "%s", path);
	if (!is_plain_path(path))
		return -EINVAL;
	for (int i = 0; i < cg->n; i++) {
		struct cgroup_hierarchy *h = &cg->h[i];
		struct making m = { .h = h, .n_controllers = n };
		int r = make_cgroup(&m, path);

		if (r < 0 && cgroup_is_needed(cg, h)) {
			snprintf(what, what_size, "%s/%s", h->mount_point, path);
			return r;
		}
		if (h->dir_fd >= 0)
			close(h->dir_fd);
		h->dir_fd = r < 0 ? -1 : r;
	}
	return 0;
}
