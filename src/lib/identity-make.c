/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making what is the container's own of /proc and /sys: a small tmpfs of the host's, read-only for
 * the container, with the files and directories of the table. It needs no server, so that nothing
 * that dies changes a boot id.
 */
#include "config.h"
#include "lib/identity.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTENT_MAX 4096

static int make_uuid(char text[37])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return -errno;
	b[6] = (b[6] & 0x0f) | 0x40; /* RFC 9562: version 4, random */
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
	return 0;
}

/**
 * identity_values_make() - ids of a new container
 */
int identity_values_make(struct identity_values *values, uid_t uid, gid_t gid)
{
	int r = make_uuid(values->boot_id);

	values->uid = uid;
	values->gid = gid;
	return r < 0 ? r : make_uuid(values->product_uuid);
}

/* What the kernel has at @path, by name only: these are the container's procfs and sysfs. */
static int open_native(int base, const char *path, uint64_t flags)
{
	return sys_openat2(base, path, flags,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static int make_dir(int own, const char *path);

/* Make the directory that @path lies in. */
static int make_parent(int own, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[256];

	if (!slash || snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path) >=
			      (int)sizeof(parent))
		return -ENAMETOOLONG;
	return make_dir(own, parent);
}

/* Most have neighbours that were made before: what is above them is looked at only if it is not. */
static int make_dir(int own, const char *path)
{
	int r = mkdirat(own, path, 0555) < 0 ? -errno : 0;

	if (r == -ENOENT) {
		r = make_parent(own, path);
		if (r == 0 && mkdirat(own, path, 0555) < 0)
			r = -errno;
	}
	return r == -EEXIST ? 0 : r;
}

/* Return: a descriptor to write to. */
static int make_file(int own, const char *path, mode_t mode)
{
	int fd = openat(own, path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	int r;

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	r = make_parent(own, path);
	if (r < 0)
		return r;
	fd = openat(own, path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

static int make_text(int own, const char *path, mode_t mode, const char *text)
{
	autofd fd = make_file(own, path, mode);

	return fd < 0 ? fd : fd_write_all(fd, text, strlen(text));
}

/* An id of the container's: unlike the rest it may be readable for its root only. */
static int make_value(int own, const struct identity *row, const struct identity_values *values)
{
	autofd fd = make_file(own, row->path, row->mode & 0777);
	char text[64];
	int n;

	if (fd < 0)
		return fd;
	n = snprintf(text, sizeof(text), "%s\n", (const char *)values + row->value);
	if (!(row->mode & 0044) && fchown(fd, values->uid, values->gid) < 0)
		return -errno;
	return fd_write_all(fd, text, n);
}

/* An empty file or directory, as the kernel has it; nothing if it has none. */
static int make_point(int own, int base, const char *path)
{
	autofd native = open_native(base, path, O_PATH);
	autofd file = -1;
	struct stat st;

	if (native < 0)
		return native == -ENOENT || native == -ENOTDIR || native == -ELOOP ? 0 : native;
	if (fstat(native, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return make_dir(own, path);
	file = make_file(own, path, st.st_mode & 0777);
	return file < 0 ? file : 0;
}

/* A constant of the kernel's, as it is now. */
static int make_copy(int own, int base, const char *path)
{
	char text[CONTENT_MAX + 1];
	int r = fd_read_file_at(base, path, text, CONTENT_MAX);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	strcpy(text + r, "\n");
	return make_text(own, path, 0444, text);
}

static int make_own(int own, int base, const struct identity *row,
		    const struct identity_values *values)
{
	int r;

	if (row->make)
		return row->make(own, base, row->path);
	if (S_ISDIR(row->mode))
		return make_dir(own, row->path);
	if (!S_ISLNK(row->mode))
		return row->text ? make_text(own, row->path, row->mode & 0777, row->text)
				 : make_value(own, row, values);
	r = make_parent(own, row->path);
	return r == 0 && symlinkat(row->text, own, row->path) < 0 ? -errno : r;
}

/* What lies below a directory of our own, and has to be there for the mount that comes onto it. */
static int make_below(int own, int base, const struct identity *row)
{
	switch (row->policy) {
	case IDENTITY_HARMLESS:
		return make_copy(own, base, row->path);
	case IDENTITY_NATIVE:
		return make_point(own, base, row->path);
	case IDENTITY_VIEW:
		if (identity_has_view(row->path) || identity_has_views_below(row->path))
			return make_point(own, base, row->path);
		return 0;
	case IDENTITY_EMPTY:
	case IDENTITY_POINT:
		return make_dir(own, row->path);
	default:
		return 0;
	}
}

static int make_row(int own, int base, const struct identity *row,
		    const struct identity_values *values)
{
	if (row->policy == IDENTITY_OWN)
		return make_own(own, base, row, values);
	return identity_cover_of(row->path) ? make_below(own, base, row) : 0;
}

/**
 * identity_make() - fill @own, a new tmpfs, with what is the container's own of @part
 * @base: directory with the container's procfs as "proc" and its sysfs as "sys"
 * @part: "proc" or "sys"
 * @points: paths on which something else will be mounted, "sys/…", up to NULL; or NULL
 * @what: receives the path that failed
 */
int identity_make(int own, int base, const char *part, const struct identity_values *values,
		  const char *const *points, char *what, size_t size)
{
	for (int i = 0; i < identities_count; i++) {
		const struct identity *row = &identities[i];
		int r;

		if (!identity_is_below(row->path, part))
			continue;
		r = make_row(own, base, row, values);
		if (r < 0)
			return snprintf(what, size, "%s", row->path), r;
	}
	for (; points && *points; points++) {
		int r = identity_is_below(*points, part) && identity_cover_of(*points)
				? make_point(own, base, *points)
				: 0;

		if (r < 0)
			return snprintf(what, size, "%s", *points), r;
	}
	return 0;
}

/**
 * identity_make_cgroups() - /proc/cgroups with one cgroup in each hierarchy
 *
 * The numbers of the hierarchies stay: /proc/PID/cgroup has them too. Columns: see cgroups(7).
 */
int identity_make_cgroups(int own, int base, const char *path)
{
	char native[CONTENT_MAX], text[CONTENT_MAX], name[64], *rest = native, *line;
	unsigned int hierarchy, count, enabled;
	size_t used = 0;
	int r = fd_read_file_at(base, path, native, sizeof(native));

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%63s %u %u %u", name, &hierarchy, &count, &enabled) == 4)
			used += snprintf(text + used, sizeof(text) - used, "%s\t%u\t1\t%u\n", name,
					 hierarchy, enabled);
		else if (*line == '#')
			used += snprintf(text + used, sizeof(text) - used, "%s\n", line);
		if (used >= sizeof(text))
			return -EFBIG;
	}
	text[used] = '\0';
	return make_text(own, path, 0444, text);
}

/* One file with "0" for all, by hard links: each file of a tmpfs takes a page. */
static int make_hugepage_size(int own, const char *dir)
{
	static const char *const others[] = { "nr_overcommit_hugepages", "free_hugepages",
					      "resv_hugepages", "surplus_hugepages" };
	char first[512], path[512];
	int r;

	snprintf(first, sizeof(first), "%s/nr_hugepages", dir);
	r = make_text(own, first, 0444, "0\n");
	for (size_t i = 0; r == 0 && i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, others[i]);
		r = linkat(own, first, own, path, 0) < 0 ? -errno : 0;
	}
	return r;
}

/**
 * identity_make_hugepages() - the page sizes of this processor, with no page reserved
 */
int identity_make_hugepages(int own, int base, const char *path)
{
	autofd fd = open_native(base, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char name[384];
	int r = fd < 0 ? (fd == -ENOENT ? 0 : fd) : (dir ? make_dir(own, path) : -errno);

	if (!dir)
		return r;
	fd_steal(&fd);
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		if (strncmp(e->d_name, "hugepages-", 10) != 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		r = make_hugepage_size(own, name);
	}
	closedir(dir);
	return r;
}
