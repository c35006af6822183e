/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying the table of identity.c over a container's procfs or sysfs.
 *
 * Each cover is a clone of a file or directory of identity-make.c's tmpfs, or an empty one. What is
 * native below a directory of ours is cloned before it is covered and mounted on its old place. All
 * this holds only if the container's copy of the mounts is locked afterwards.
 */
#include "config.h"
#include "lib/identity.h"

#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NATIVES_MAX 8

struct laying {
	int base;
	const char *part;
	struct {
		const char *path;
		int fd;
	} natives[NATIVES_MAX];
	int n_natives;
};

/* Never through a symlink: one of the kernel's leads to where its target's cover is. */
static int open_target(const struct laying *l, const char *path)
{
	return sys_openat2(l->base, path, O_PATH,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* Nothing to cover, or nothing that could be. */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
}

/* Both from the base, which is the working directory; on what was seen to be no symlink. */
static int bind_on(const struct laying *l, const char *from, const char *path)
{
	int r = mnt_bind(from, path);

	return is_absent(r) && faccessat(l->base, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : r;
}

static int lay_own(const struct laying *l, const char *path)
{
	char from[256];

	if (snprintf(from, sizeof(from), IDENTITY_OWN_DIR "/%s", path) >= (int)sizeof(from))
		return -ENAMETOOLONG;
	return bind_on(l, from, path);
}

static int lay_mask(const struct laying *l, const char *path, unsigned char type,
		    bool only_if_readable)
{
	struct stat st;

	if (type == DT_UNKNOWN || only_if_readable) {
		if (fstatat(l->base, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -errno;
		type = IFTODT(st.st_mode);
		/* The owner is the host's root, which no capability inside stands in for. */
		if (only_if_readable && !(st.st_mode & 0077) && st.st_uid == 0)
			return 0;
	}
#ifdef MUTANT_MASK_MISSING
	return 0;
#endif
	if (type == DT_LNK)
		return 0;
	return bind_on(l, type == DT_DIR ? IDENTITY_EMPTY_DIR "/dir" : IDENTITY_EMPTY_DIR "/file",
		       path);
}

static int lay_top(const struct laying *l, const char *path, unsigned char type)
{
	const struct identity *row = identity_find(path);

	switch (row ? row->policy : IDENTITY_MASKED) {
	case IDENTITY_NATIVE:
	case IDENTITY_HARMLESS:
		return 0;
	case IDENTITY_VIEW:
		if (identity_has_view(path) || identity_has_views_below(path))
			return 0;
		break;
	case IDENTITY_OWN:
#ifdef MUTANT_CLASS_SHOWN
		if (strcmp(path, "sys/class") == 0)
			return 0;
#endif
		return type == DT_LNK ? 0 : lay_own(l, path);
	case IDENTITY_DENIED:
		return lay_mask(l, path, type, true);
	default:
		break;
	}
	return lay_mask(l, path, type, false);
}

/* Everything at the top that this kernel has, whether the table knows it or not. */
static int lay_tops(const struct laying *l, char *path, size_t size)
{
	autodir dir = dir_open_at(l->base, l->part);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (errno = 0, e = dir_next(dir))) {
		if (isdigit((unsigned char)e->d_name[0]))
			continue;
		if (snprintf(path, size, "%s/%s", l->part, e->d_name) >= (int)size)
			r = -ENAMETOOLONG;
		else
			r = lay_top(l, path, e->d_type);
	}
	if (r == 0 && errno)
		r = -errno;
	return r;
}

static bool is_native(const struct identity *row)
{
	return row->policy == IDENTITY_NATIVE ||
	       (row->policy == IDENTITY_VIEW && !identity_has_view(row->path) &&
		identity_has_views_below(row->path));
}

/* What stays the kernel's below a directory of ours, before that is in the way. */
static int keep_native(struct laying *l, const struct identity *row)
{
	autofd target = open_target(l, row->path);
	int fd;

	if (target < 0)
		return is_absent(target) ? 0 : target;
	if (l->n_natives == NATIVES_MAX)
		return -E2BIG;
	fd = mnt_clone(target, "", false);
	if (fd < 0)
		return fd;
	l->natives[l->n_natives].path = row->path;
	l->natives[l->n_natives++].fd = fd;
	return 0;
}

static int lay_native(const struct laying *l, int i)
{
	autofd target = open_target(l, l->natives[i].path);

	return target < 0 ? target : mnt_attach_fd(l->natives[i].fd, target);
}

/* What the table has further down: files of ours in a native directory, mount points in ours. */
static int lay_deeper(const struct laying *l, const struct identity *row)
{
	if (!strchr(row->path + strlen(l->part) + 1, '/'))
		return 0;
	if (row->policy == IDENTITY_POINT)
		return bind_on(l, IDENTITY_EMPTY_DIR "/dir", row->path);
	if (row->policy != IDENTITY_OWN || identity_cover_of(row->path))
		return 0;
#ifdef MUTANT_BOOT_ID_SHOWN
	return 0;
#endif
	return lay_own(l, row->path);
}

static int each_row(struct laying *l, char *what, size_t size, bool before)
{
	for (int i = 0; i < identities_count; i++) {
		const struct identity *row = &identities[i];
		int r = 0;

		if (!identity_is_below(row->path, l->part))
			continue;
		if (!before)
			r = lay_deeper(l, row);
		else if (is_native(row) && identity_cover_of(row->path))
			r = keep_native(l, row);
		if (r < 0)
			return snprintf(what, size, "%s", row->path), r;
	}
	return 0;
}

static int lay(struct laying *l, char *what, size_t size)
{
	int r = each_row(l, what, size, true);

	if (r == 0)
		r = lay_tops(l, what, size);
	for (int i = 0; r == 0 && i < l->n_natives; i++) {
		r = lay_native(l, i);
		if (r < 0)
			snprintf(what, size, "%s", l->natives[i].path);
	}
	return r < 0 ? r : each_row(l, what, size, false);
}

/**
 * identity_lay() - cover what @part tells of the machine
 * @base: directory in which @part, "proc" or "sys", is a mount of the container's procfs or sysfs,
 *	IDENTITY_OWN_DIR what identity_make() filled, and IDENTITY_EMPTY_DIR has an empty "dir" and
 *	an empty "file", both mounted and read-only. It becomes the working directory.
 * @what: receives the path that failed
 *
 * The views that lie in a directory of ours are laid afterwards, on the places made for them.
 */
int identity_lay(int base, const char *part, char *what, size_t size)
{
	struct laying l = { .base = base, .part = part };
	int r = fchdir(base) < 0 ? -errno : lay(&l, what, size);

	for (int i = 0; i < l.n_natives; i++)
		close(l.natives[i].fd);
	return r;
}
