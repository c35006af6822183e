/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's mounts, and objects of the host with what says which they are, whatever their names:
 * device and inode; and the file system with the path in it, which is the same through every mount
 * of it.
 */
#include "config.h"
#include "policy/mounttab.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

static void clear_entry(void *p)
{
	struct mounttab_entry *e = p;

	g_free(e->root);
	g_free(e->point);
	g_free(e->fstype);
}

static void parse_line(GArray *entries, const char *line)
{
	struct mounttab_entry e = { 0 };
	unsigned long long id, parent;
	unsigned int major, minor;
	g_autofree char *root = NULL, *point = NULL;
	const char *dash = strstr(line, " - ");
	int n = 0;

	if (!dash || sscanf(line, "%llu %llu %u:%u %n", &id, &parent, &major, &minor, &n) != 4 ||
	    !n)
		return;
	line += n;
	root = g_strndup(line, strcspn(line, " "));
	line += strcspn(line, " ");
	line += *line == ' ';
	point = g_strndup(line, strcspn(line, " "));
	e.id = id;
	e.parent = parent;
	e.dev = makedev(major, minor);
	e.root = g_strcompress(root); /* \ooo as in C */
	e.point = g_strcompress(point);
	e.fstype = g_strndup(dash + 3, strcspn(dash + 3, " "));
	g_array_append_val(entries, e);
}

/**
 * mounttab_open() - from now on mounttab_changed() sees what changes
 */
bool mounttab_open(struct mounttab *tab)
{
	*tab = (struct mounttab){ .fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC) };
	return tab->fd >= 0;
}

/**
 * mounttab_read() - read the table, or read it again
 */
bool mounttab_read(struct mounttab *tab)
{
	g_autoptr(GString) text = g_string_sized_new(16384);
	char buf[16384], *save = NULL;
	ssize_t n;

	if (lseek(tab->fd, 0, SEEK_SET) < 0)
		return false;
	while ((n = read(tab->fd, buf, sizeof(buf))) > 0)
		g_string_append_len(text, buf, n);
	g_clear_pointer(&tab->entries, g_array_unref);
	tab->entries = g_array_new(false, false, sizeof(struct mounttab_entry));
	g_array_set_clear_func(tab->entries, clear_entry);
	g_free(tab->text);
	tab->text = g_strdup(text->str);
	for (char *l = strtok_r(text->str, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		parse_line(tab->entries, l);
	return n == 0 && tab->entries->len > 0;
}

/**
 * mounttab_changed() - has anything been mounted or unmounted since mounttab_open(), or since this
 * was asked last?
 */
bool mounttab_changed(const struct mounttab *tab)
{
	struct pollfd p = { .fd = tab->fd, .events = POLLPRI };

	return poll(&p, 1, 0) != 0 && p.revents & (POLLERR | POLLPRI);
}

/**
 * mounttab_close() - the end of mounttab_open(); what was read is gone
 */
void mounttab_close(struct mounttab *tab)
{
	if (tab->fd >= 0)
		fd_close(tab->fd);
	tab->fd = -1;
	g_clear_pointer(&tab->text, g_free);
	g_clear_pointer(&tab->entries, g_array_unref);
}

/* Later lines may lie on top of earlier ones, but an id is there once. */
static const struct mounttab_entry *find(const struct mounttab *tab, uint64_t id)
{
	for (guint i = 0; i < tab->entries->len; i++) {
		const struct mounttab_entry *e = &g_array_index(tab->entries, struct mounttab_entry,
								i);

		if (e->id == id)
			return e;
	}
	return NULL;
}

/**
 * path_is_below() - is @path @top, or below it?
 * @rest: set to what comes after, without a slash first; "" if it is the same. May be NULL
 */
bool path_is_below(const char *path, const char *top, const char **rest)
{
	size_t n = strlen(top);

	while (n && top[n - 1] == '/')
		n--;
	if (strncmp(path, top, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	if (rest)
		*rest = path + n + strspn(path + n, "/");
	return true;
}

/* Is @e, by its parents, below one of @found or directly on @top's mount below @top? */
static bool is_carried(const struct mounttab_entry *e, const struct object *top,
		       const GPtrArray *found)
{
	if (e->parent == top->mount_id && e->id != top->mount_id)
		return path_is_below(e->point, top->path, NULL);
	for (guint i = 0; i < found->len; i++)
		if (e->parent == ((const struct mounttab_entry *)found->pdata[i])->id)
			return true;
	return false;
}

/**
 * mounttab_below() - the mounts that a recursive clone of @top takes along
 * @ret: struct mounttab_entry *, borrowed
 *
 * By what each is mounted on, not by paths alone. A parent is always listed before what is on it.
 */
void mounttab_below(const struct mounttab *tab, const struct object *top, GPtrArray *ret)
{
	bool more = true;

	while (more) {
		more = false;
		for (guint i = 0; i < tab->entries->len; i++) {
			struct mounttab_entry *e = &g_array_index(tab->entries,
								  struct mounttab_entry, i);

			if (g_ptr_array_find(ret, e, NULL) || !is_carried(e, top, ret))
				continue;
			g_ptr_array_add(ret, e);
			more = true;
		}
	}
}

static char *read_path(int fd)
{
	char link[64];

	g_snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return g_file_read_link(link, NULL);
}

static int fill(const struct mounttab *tab, const struct statx *st, char *path, struct object *ret)
{
	const char *rest;

	ret->dev = makedev(st->stx_dev_major, st->stx_dev_minor);
	ret->ino = st->stx_ino;
	ret->mode = st->stx_mode;
	ret->links = st->stx_nlink;
	ret->mount_id = st->stx_mnt_id;
	ret->path = path;
	if (!path)
		return -ENOENT;
	ret->mount = st->stx_mask & STATX_MNT_ID ? find(tab, st->stx_mnt_id) : NULL;
	if (ret->mount && path_is_below(path, ret->mount->point, &rest))
		ret->fspath = *rest ? g_build_filename(ret->mount->root, rest, NULL)
				    : g_strdup(ret->mount->root);
	return 0;
}

/**
 * object_open() - what @fd stands for
 * @fd: O_PATH, borrowed for as long as @ret is used
 * @ret: cleared with object_clear()
 *
 * Return: 0 or -errno
 */
int object_open(const struct mounttab *tab, int fd, struct object *ret)
{
	struct statx st;

	*ret = (struct object){ .fd = fd };
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
		return -errno;
	return fill(tab, &st, read_path(fd), ret);
}

/**
 * object_at() - what @dirfd/@path is, which is canonical but for a symlink in its last component
 * @ret: without a descriptor; cleared with object_clear()
 */
int object_at(const struct mounttab *tab, int dirfd, const char *path, struct object *ret)
{
	struct statx st;

	*ret = (struct object){ .fd = -1 };
	if (statx(dirfd, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
		return -errno;
	return fill(tab, &st, g_strdup(path), ret);
}

/**
 * object_clear() - free what object_open() or object_at() found; its descriptor stays open
 */
void object_clear(struct object *o)
{
	g_clear_pointer(&o->path, g_free);
	g_clear_pointer(&o->fspath, g_free);
}
