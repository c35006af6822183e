/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are not there. A name is hidden in two directories: in the one that it was in when the
 * mount was made, which is known by its identity, under whatever path it is reached and wherever it
 * is moved to; and in the one that its path leads to now, should the host, or who uses the mount,
 * have put another in its place. So the thing itself cannot be renamed or removed through the
 * mount, nor another put in its place, and no request can even ask for it.
 *
 * Where the backing may know one thing by several names (it ignores case, has short names too, or
 * cannot be asked), what is the same inode is hidden as well; and as long as there is nothing,
 * nothing can be made of which the name differs in case alone.
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
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <linux/fs.h>

/* A directory of ext4, f2fs or tmpfs that ignores case. */
#define CASEFOLD 0x40000000

/* Return: O_PATH descriptor of the directory that the last name of @path is in, or -errno. */
static int open_parent(int root, const char *path, size_t len, uint64_t resolve)
{
	char dir[PATH_MAX];

	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return sys_openat2(root, len ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC,
			   RESOLVE_BENEATH | RESOLVE_NO_XDEV | resolve);
}

/* Whether names in @dir may be more than what is listed: by its file system, or its own flag. */
static bool may_have_many_names(int dir)
{
	static const uint32_t types[] = { 0x4d44 /* fat */,
					  0x2011bab0 /* exfat */,
					  0x5346544e /* ntfs */,
					  0x7366746e /* ntfs3 */,
					  0xff534d42 /* cifs */,
					  0xfe534d42 /* smb2 */,
					  0x4244 /* hfs */,
					  0x482b /* hfsplus */,
					  0x9660 /* iso9660 */,
					  0x3153464a /* jfs */,
					  0xadff /* affs */,
					  0xf995e849 /* hpfs */,
					  0x786f4256 /* vboxsf */,
					  0x01021997 /* 9p */,
					  0x65735546 /* FUSE */ };
	autofd fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	int flags = 0;

	if (fstatfs(dir, &fs) < 0)
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if ((uint32_t)fs.f_type == types[i])
			return true;
	return fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & CASEFOLD;
}

/**
 * hide_add() - hide @path below the directory that is served
 * @root: O_PATH descriptor of that, good as long as @h
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
	bool many;
	int r;

	while (*path == '/')
		path++;
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	dir = open_parent(root, path, name - path, RESOLVE_NO_SYMLINKS);
	r = dir < 0 ? dir : node_stat(dir, &st);
	if (r < 0)
		return r;
	more = reallocarray(h->list, h->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	many = may_have_many_names(dir);
	h->root = root;
	h->list = more;
	more[h->n++] = (struct hidden){ .dev = st.dev,
					.ino = st.x.stx_ino,
					.path = path,
					.name = name,
					.many_names = many,
					.dir = fd_steal(&dir) };
	return 0;
}

/*
 * Whether the path of @e leads to @dir now. Links within the mount lead to where they lead in it.
 * What cannot be found out, because there is no descriptor left or no right, counts as so.
 */
static bool leads_to(const struct hide *h, const struct hidden *e, const struct node *dir)
{
	autofd now = -1;
	struct node_stat st;

	if (e->name == e->path) /* in what is served, which stays */
		return false;
#ifdef MUTANT_HIDE_BY_INODE
	return false;
#endif
	now = open_parent(h->root, e->path, e->name - e->path, RESOLVE_NO_MAGICLINKS);
	if (now == -ENOENT || now == -ENOTDIR || now == -ELOOP || now == -EXDEV)
		return false;
	return now < 0 || node_stat(now, &st) < 0 ||
	       (st.dev == dir->dev && st.x.stx_ino == dir->ino);
}

static bool is_in(const struct hide *h, const struct hidden *e, const struct node *dir)
{
	return (e->dev == dir->dev && e->ino == dir->ino) || leads_to(h, e, dir);
}

/**
 * hide_has() - whether @name in the directory @dir is hidden
 */
bool hide_has(const struct hide *h, const struct node *dir, const char *name)
{
#ifndef MUTANT_HIDE_NOTHING
	for (size_t i = 0; i < h->n; i++) {
		const struct hidden *e = &h->list[i];

		if (!strcmp(e->name, name) && is_in(h, e, dir))
			return true;
	}
#endif
	return false;
}

/**
 * hide_has_aliases() - whether there may be other names in @dir for what is hidden there
 */
bool hide_has_aliases(const struct hide *h, const struct node *dir)
{
#ifndef MUTANT_HIDE_ONE_NAME
	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].many_names && is_in(h, &h->list[i], dir))
			return true;
#endif
	return false;
}

/* One that is there without the other shows that they are two. */
static bool are_one(int dir, const char *a, const char *b)
{
	struct node_stat x, y;
	bool has_a = node_stat_at(dir, a, &x) == 0, has_b = node_stat_at(dir, b, &y) == 0;

	if (has_a && has_b)
		return x.dev == y.dev && x.x.stx_ino == y.x.stx_ino;
	return !has_a && !has_b && !strcasecmp(a, b);
}

/**
 * hide_has_alias() - whether @name is another one for what is hidden in @dir
 * @dirfd: descriptor of it
 */
bool hide_has_alias(const struct hide *h, const struct node *dir, int dirfd, const char *name)
{
	if (!hide_has_aliases(h, dir))
		return false;
	for (size_t i = 0; i < h->n; i++) {
		const struct hidden *e = &h->list[i];

		if (e->many_names && is_in(h, e, dir) && are_one(dirfd, e->name, name))
			return true;
	}
	return false;
}
