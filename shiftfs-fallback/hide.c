/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are not there. A name is hidden in a directory, which is known by its identity: under
 * whatever path it is reached, and wherever it is moved to. So the thing itself cannot be renamed
 * or removed through the mount, nor another put in its place, and no request can even ask for it.
 */
#include "config.h"
#include "hide.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Return: O_PATH descriptor of the directory that the last name of @path is in, or -errno. */
static int open_parent(int root, const char *path, size_t len)
{
	char dir[PATH_MAX];

	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return sys_openat2(root, len ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/**
 * hide_add() - hide @path below the directory that is served
 *
 * The directory that it is in must exist, the name itself need not. Symbolic links are not
 * followed.
 *
 * Return: 0, -EINVAL for what ends with no name, or another -errno.
 */
int hide_add(struct hide *h, int root, const char *path)
{
	const char *name;
	struct node_stat st;
	struct hidden *more;
	autofd dir = -1;
	int r;

	while (*path == '/')
		path++;
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	dir = open_parent(root, path, name - path);
	r = dir < 0 ? dir : node_stat(dir, &st);
	if (r < 0)
		return r;
	more = reallocarray(h->list, h->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	h->list = more;
	more[h->n++] = (struct hidden){ .dev = st.dev, .ino = st.x.stx_ino, .name = name };
	return 0;
}

/**
 * hide_has() - whether @name in the directory @dir is hidden
 */
bool hide_has(const struct hide *h, const struct node *dir, const char *name)
{
#ifndef MUTANT_HIDE_NOTHING
	for (size_t i = 0; i < h->n; i++) {
		const struct hidden *e = &h->list[i];

		if (e->dev == dir->dev && e->ino == dir->ino && !strcmp(e->name, name))
			return true;
	}
#endif
	return false;
}
