/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visiting a cgroup and all below it, and listing the processes there.
 *
 * The container may have built a tree of any depth (nothing limits it in v1), so trees are walked
 * with one descriptor and ".." instead of one descriptor or stack frame for each level.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

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

struct pid_list {
	pid_t *pids;
	size_t n, size;
};

static int add_pid(struct pid_list *list, pid_t pid)
{
	if (list->n == list->size) {
		size_t size = list->size * 2 + 256;
		pid_t *pids = realloc(list->pids, size * sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		list->pids = pids;
		list->size = size;
	}
	list->pids[list->n++] = pid;
	return 0;
}

/* cgroup.procs of any length. */
static int list_here(int dir_fd, void *arg)
{
	int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
	int pid, r = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	if (!file) {
		fd_close(fd);
		return -ENOMEM;
	}
	/* 0 is a process of a pid namespace that we cannot see. */
	while (r == 0 && fscanf(file, "%d", &pid) == 1)
		if (pid > 0)
			r = add_pid(arg, pid);
	/* A threaded cgroup answers an error; its processes are listed where its domain begins. */
	fclose(file);
	return r;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/**
 * cgroup_pids() - the processes of the container's cgroup and of all below it
 * @pids: receives pids of the caller's namespace, ascending, each once; to be freed
 *
 * One hierarchy is looked at: a container's processes are in all of them.
 * Return: 0; -ENOENT if the container has no cgroup; or another -errno.
 */
int cgroup_pids(const struct cgroups *cg, pid_t **pids, size_t *n)
{
	const struct cgroup_hierarchy *h = NULL;
	struct pid_list list = { 0 };
	size_t unique = 0;
	int r;

	for (int i = 0; i < cg->n && !h; i++)
		if (cg->h[i].dir_fd >= 0)
			h = &cg->h[i];
	if (!h)
		return -ENOENT;
	r = cgroup_walk(h->dir_fd, list_here, &list);
	if (r < 0) {
		free(list.pids);
		return r;
	}
	if (list.n)
		qsort(list.pids, list.n, sizeof(*list.pids), by_number);
	for (size_t i = 0; i < list.n; i++)
		if (i == 0 || list.pids[i] != list.pids[unique - 1])
			list.pids[unique++] = list.pids[i];
	*pids = list.pids;
	*n = unique;
	return 0;
}
