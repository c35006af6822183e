/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at the running kernel's sysctls, once for each container: which rows of the table exist,
 * and which directories hold nothing else, so that one cover hides all of it, also what is removed
 * and comes again with a module. A directory in which there is one file that has to stay the
 * kernel's own, or that nobody knows, is covered file by file.
 *
 * Files of the network namespace are not looked at: the host's are others.
 */
#include "config.h"
#include "lib/sysctl-scan.h"

#include "lib/dir.h"
#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PATH_LEN  128 /* of a sysctl; the longest has half of it */
#define DEPTH_MAX 8

struct scan {
	struct sysctl_store *store; /* NULL: only tell of what is left to the kernel */
	sysctl_left_fn *left;
	void *arg;
};

/* Return: whether the file is one that may be covered together with its neighbours. */
static bool see_file(const struct scan *scan, const char *path)
{
	const struct sysctl *s = sysctl_find(path);

	if (scan->left && (!s || s->policy == SYSCTL_KERNEL || s->quirk == SYSCTL_PER_PID))
		scan->left(path, s, scan->arg);
	if (!s || s->policy == SYSCTL_KERNEL)
		return false;
	if (scan->store)
		sysctl_store_mark(scan->store, s, SYSCTL_IS_THERE);
	return true;
}

static int see_dir(const struct scan *scan, int parent, const char *name, char *path, int depth,
		   bool *whole);

static int see_entry(const struct scan *scan, DIR *dir, const struct dirent *e, char *path,
		     int depth, bool *whole)
{
	size_t len = strlen(path);
	const struct sysctl *s;
	int r = 0;

	if (len + strlen(e->d_name) + 2 > PATH_LEN) {
		*whole = false;
		return 0;
	}
	sprintf(path + len, "/%s", e->d_name);
	s = sysctl_find(path);
	if (e->d_type != DT_DIR)
		*whole &= see_file(scan, path);
	else if (s || sysctl_namespaced(strcat(path, "/"))) /* binfmt_misc: may be an automount */
		*whole = false;
	else {
		bool below = true;

		path[strlen(path) - 1] = '\0';
		r = see_dir(scan, dirfd(dir), e->d_name, path, depth + 1, &below);
		*whole &= below;
	}
	path[len] = '\0';
	return r;
}

/* All rows below @path can be hidden with it. Deeper directories have said so before: overruled. */
static void mark_whole(struct sysctl_store *store, const char *path)
{
	size_t len = strlen(path);

	for (int i = 0; i < sysctls_count; i++)
		if (strncmp(sysctls[i].path, path, len) == 0 && sysctls[i].path[len] == '/')
			sysctl_store_mark_dir(store, &sysctls[i], len);
}

static int see_dir(const struct scan *scan, int parent, const char *name, char *path, int depth,
		   bool *whole)
{
	autodir dir = depth > DEPTH_MAX ? NULL : dir_open_at(parent, name);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		*whole = false;
		return depth > 0 ? 0 : -errno; /* came and went with its module */
	}
	while (r == 0 && (e = dir_next(dir)))
		r = see_entry(scan, dir, e, path, depth, whole);
	if (r == 0 && *whole && scan->store)
		mark_whole(scan->store, path);
	return r;
}

static int see_tree(const struct scan *scan, int root_fd, const char *name)
{
	char path[PATH_LEN];
	bool whole = true;

	snprintf(path, sizeof(path), "%s", name);
	return see_dir(scan, root_fd, name, path, 0, &whole);
}

/**
 * sysctl_scan() - mark in @store what this kernel has
 * @root_fd: the host's "/"
 * @fn: called for each that is left to the kernel; or NULL
 */
int sysctl_scan(int root_fd, struct sysctl_store *store, sysctl_left_fn *fn, void *arg)
{
	struct scan scan = { .store = store, .left = fn, .arg = arg };
	int r = see_tree(&scan, root_fd, "proc/sys");

	if (r < 0)
		return r;
	scan.left = NULL;
	see_tree(&scan, root_fd, "sys/module/nf_conntrack/parameters"); /* if there is one */
	sysctl_store_set_scanned(store);
	return 0;
}

/**
 * sysctl_scan_left() - call @fn for each sysctl of this kernel that is left to it
 * @root_fd: the host's "/"
 */
int sysctl_scan_left(int root_fd, sysctl_left_fn *fn, void *arg)
{
	struct scan scan = { .left = fn, .arg = arg };

	return see_tree(&scan, root_fd, "proc/sys");
}
