/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups of a container and of its helpers: finding the hierarchies, making the cgroups,
 * entering them, and handing them to the container.
 *
 * Theory of operation. A host has one v2 hierarchy, or several of v1, or both (hybrid). A container
 * has the same path in each of them ("cloister/web1"), so most functions are a loop over
 * hierarchies. In v1 a process enters a cgroup by writing to it; in v2 it is born there
 * (CLONE_INTO_CGROUP). What an attacker controls: once delegated, every directory, process and
 * attribute below the container's cgroup, but not the limits of that cgroup itself.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/fd.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* As many as a node of a cluster has, several times over. */
#define DESCENDANTS_MAX "4096"

static int read_text(const char *path, char **ret)
{
	autofd fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0, size = 8192;
	char *buf = NULL;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		char *grown = !buf || size - len < 4097 ? realloc(buf, size *= 2) : buf;

		if (!grown) {
			free(buf);
			return -ENOMEM;
		}
		buf = grown;
		n = read(fd, buf + len, size - len - 1);
		if (n > 0)
			len += n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0) {
		int r = -errno;

		free(buf);
		return r;
	}
	buf[len] = '\0';
	*ret = buf;
	return 0;
}

/* False if another file system is mounted over it, or it cannot be reached. */
static bool open_mount(struct cgroup_hierarchy *h)
{
	struct statfs fs;

	h->mount_fd = open(h->mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->mount_fd < 0 || fstatfs(h->mount_fd, &fs) < 0)
		return false;
	return fs.f_type == (h->v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

static void free_hierarchy(struct cgroup_hierarchy *h)
{
	if (h->mount_fd >= 0)
		close(h->mount_fd);
	if (h->dir_fd >= 0)
		close(h->dir_fd);
	free(h->mount_point);
	free(h->own);
}

/**
 * cgroup_detect() - find and open the cgroup hierarchies of this host
 * @cg: overwritten; give back with cgroup_free()
 *
 * Return: 0, also if there is none (@cg->n is 0 then), or -errno.
 */
int cgroup_detect(struct cgroups *cg)
{
	char *mountinfo = NULL, *self = NULL;
	int r = read_text("/proc/self/cgroup", &self);
	struct statfs fs;
	int n = 0;

	*cg = (struct cgroups){ 0 };
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	/* Nothing but v2, at the usual place: no need to read what may be thousands of mounts. */
	if (strncmp(self, "0::", 3) == 0 && !strchr(strchrnul(self, '\n'), ':') &&
	    statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		r = cgroup_parse(cg, "0 0 0:0 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", self);
	else if ((r = read_text("/proc/self/mountinfo", &mountinfo)) == 0)
		r = cgroup_parse(cg, mountinfo, self);
	free(mountinfo);
	free(self);
	for (int i = 0; i < cg->n; i++) {
		if (open_mount(&cg->h[i]))
			cg->h[n++] = cg->h[i];
		else
			free_hierarchy(&cg->h[i]);
	}
	cg->n = n;
	return r;
}

/**
 * cgroup_mode() - what kind of host this is; hybrid: v1 controllers beside a v2 hierarchy
 */
enum cgroup_mode cgroup_mode(const struct cgroups *cg)
{
	bool v1 = false, v2 = false;

	for (int i = 0; i < cg->n; i++)
		*(cg->h[i].v2 ? &v2 : &v1) = true;
	if (v1)
		return v2 ? CGROUP_HYBRID : CGROUP_V1;
	return v2 ? CGROUP_V2 : CGROUP_NONE;
}

/**
 * cgroup_free() - close and free; the cgroups themselves stay
 */
void cgroup_free(struct cgroups *cg)
{
	for (int i = 0; i < cg->n; i++)
		free_hierarchy(&cg->h[i]);
	cg->n = 0;
}

/**
 * cgroup_find_v1() - the v1 hierarchy with @controller, or NULL; part of @cg
 */
struct cgroup_hierarchy *cgroup_find_v1(const struct cgroups *cg, const char *controller)
{
	for (int i = 0; i < cg->n; i++)
		if (!cg->h[i].v2 && cgroup_list_has(cg->h[i].controllers, controller))
			return (struct cgroup_hierarchy *)&cg->h[i];
	return NULL;
}

/**
 * cgroup_find_v2() - the v2 hierarchy, or NULL; part of @cg
 */
struct cgroup_hierarchy *cgroup_find_v2(const struct cgroups *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->h[i].v2)
			return (struct cgroup_hierarchy *)&cg->h[i];
	return NULL;
}

/**
 * cgroup_open() - open the cgroup @path where it exists; elsewhere dir_fd is -1
 */
int cgroup_open(struct cgroups *cg, const char *path)
{
	path += strspn(path, "/");
	for (int i = 0; i < cg->n; i++) {
		struct cgroup_hierarchy *h = &cg->h[i];

		if (h->dir_fd >= 0)
			close(h->dir_fd);
		h->made = false;
		h->dir_fd = openat(h->mount_fd, *path ? path : ".", DIR_FLAGS);
		if (h->dir_fd < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int chown_files(int dir_fd, const char *names, uid_t uid, gid_t gid)
{
	char name[64];

	if (fchown(dir_fd, uid, gid) < 0)
		return -errno;
	for (; *names; names += strspn(names, "\n")) {
		size_t len = strcspn(names, "\n");

		if (len < sizeof(name)) {
			memcpy(name, names, len);
			name[len] = '\0';
			if (!strchr(name, '/') &&
			    fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 &&
			    errno != ENOENT)
				return -errno;
		}
		names += len;
	}
	return 0;
}

/*
 * There are 65535 memory cgroups on the machine at a time (mm/memcontrol.c: MEM_CGROUP_ID_MAX):
 * with all of them in one container no service of the host's and no other container would start any
 * more. What the specification says stands; cgroup v1 has no such limit.
 */
static int limit_descendants(int dir_fd)
{
	static const char file[] = "cgroup.max.descendants";
	char value[32];
	int r = fd_read_file_at(dir_fd, file, value, sizeof(value));

#ifdef MUTANT_CGROUPS_ENDLESS
	return 0;
#endif
	if (r == -ENOENT || (r >= 0 && strncmp(value, "max", 3) != 0))
		return 0;
	if (r < 0)
		return r;
	return fd_write_file_at(dir_fd, file, DESCENDANTS_MAX);
}

/**
 * cgroup_delegate() - let @uid and @gid manage what is below the container's cgroup
 *
 * They own the directory and the files that move processes and, in v2, hand controllers down
 * (/sys/kernel/cgroup/delegate lists them); the limits of the cgroup itself stay root's.
 */
int cgroup_delegate(struct cgroups *cg, uid_t uid, gid_t gid)
{
	const struct cgroup_hierarchy *v2;
	char v2_files[1024];
	int r = 0;

	if (fd_read_file_at(AT_FDCWD, "/sys/kernel/cgroup/delegate", v2_files, sizeof(v2_files)) <=
	    0)
		strcpy(v2_files, "cgroup.procs\ncgroup.threads\ncgroup.subtree_control");
#ifdef MUTANT_LIMITS_GIVEN
	for (int i = 0; i < cg->n; i++)
		fchownat(cg->h[i].dir_fd, cg->h[i].v2 ? "memory.max" : "memory.limit_in_bytes", uid,
			 gid, 0);
#endif
	for (int i = 0; r == 0 && i < cg->n; i++)
		if (cg->h[i].dir_fd >= 0)
			r = chown_files(cg->h[i].dir_fd,
					cg->h[i].v2 ? v2_files : "cgroup.procs\ntasks", uid, gid);
	v2 = cgroup_find_v2(cg);
	return r == 0 && v2 && v2->dir_fd >= 0 ? limit_descendants(v2->dir_fd) : r;
}

/**
 * cgroup_v2_fd() - the container's v2 cgroup for CLONE_INTO_CGROUP; borrowed; -1 if none
 */
int cgroup_v2_fd(const struct cgroups *cg)
{
	const struct cgroup_hierarchy *h = cgroup_find_v2(cg);

	return h ? h->dir_fd : -1;
}

/**
 * cgroup_tasks_fds() - open the file by which a process enters each v1 cgroup of the container
 * @fds: receives descriptors, the caller's to close
 *
 * Return: how many, or -errno and none.
 */
int cgroup_tasks_fds(const struct cgroups *cg, int fds[CGROUP_MAX_HIERARCHIES])
{
	int n = 0;

	for (int i = 0; i < cg->n; i++) {
		if (cg->h[i].v2 || cg->h[i].dir_fd < 0)
			continue;
		fds[n] = openat(cg->h[i].dir_fd, "tasks", O_WRONLY | O_CLOEXEC);
		if (fds[n] < 0) {
			int r = -errno;

			while (n > 0)
				close(fds[--n]);
			return r;
		}
		n++;
	}
	return n;
}

/**
 * cgroup_enter_self() - move the calling thread into the cgroups behind @tasks_fds
 *
 * Async-signal-safe: for the child between clone and exec. The kernel moves a thread that writes
 * "0" to `tasks` without stopping all forks and exits on the machine, as it does for another
 * process' pid in cgroup.procs (cgroup_procs_write_start() in kernel/cgroup/cgroup.c); that wait
 * is an RCU grace period.
 */
int cgroup_enter_self(const int *tasks_fds, int n)
{
	for (int i = 0; i < n; i++)
		if (write(tasks_fds[i], "0", 1) < 0)
			return -errno;
	return 0;
}

/**
 * cgroup_controller_fd() - where the files of @controller are
 * @controller: name in v1; "" for the v2 hierarchy, whatever its controllers
 * @v2: whether they are named and meant as in v2
 *
 * Return: the container's cgroup, borrowed, or -1 if nothing has that controller.
 */
int cgroup_controller_fd(const struct cgroups *cg, const char *controller, bool *v2)
{
	const struct cgroup_hierarchy *h = cgroup_find_v1(cg, controller);
	char list[256];

	*v2 = false;
	if (h && *controller)
		return h->dir_fd;
	h = cgroup_find_v2(cg);
	if (!h || h->dir_fd < 0)
		return -1;
	*v2 = true;
	/* In v2 these two are not controllers: every cgroup has them. */
	if (!*controller || !strcmp(controller, "freezer") || !strcmp(controller, "cpuacct"))
		return h->dir_fd;
	if (!strcmp(controller, "blkio"))
		controller = "io";
	if (fd_read_file_at(h->dir_fd, "cgroup.controllers", list, sizeof(list)) < 0)
		return -1;
	return cgroup_list_has(list, controller) ? h->dir_fd : -1;
}

/**
 * cgroup_oom_kills() - how often the kernel killed in a cgroup for want of memory
 * @dir, @v2: as cgroup_controller_fd() says of "memory"
 *
 * Return: -1 once the cgroup is gone.
 */
long long cgroup_oom_kills(int dir, bool v2)
{
	char text[1024];
	const char *at;

	if (fd_read_file_at(dir, v2 ? "memory.events" : "memory.oom_control", text, sizeof(text)) <
	    0)
		return -1;
	at = strstr(text, "oom_kill ");
	return at ? atoll(at + strlen("oom_kill ")) : 0;
}
