/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file of an engine: read, replaced as a whole, and never lost.
 *
 * The new text is written beside the file under a fixed name, so that a setup that was killed
 * leaves at most that one, and the next run overwrites it. Then the two change places in one step
 * (RENAME_EXCHANGE); what comes out has to be what was read, or an editor was quicker, and they
 * change back. Two runs of ours are kept apart by a lock on the directory.
 */
#include "config.h"
#include "launcher/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/options.h"
#include "lib/fd.h"
#include "runtime/error.h"

#define NEW_SUFFIX    ".cloister-new"
#define TRY_SUFFIX    ".cloister-try"
#define BACKUP_SUFFIX ".before-cloister"

/* A file of more is no configuration. */
#define MAX_CONFIG (16 << 20)

static char *name_beside(const struct setup_file *f, const char *suffix)
{
	g_autofree char *base = g_path_get_basename(f->path);

	return g_strconcat(base, suffix, NULL);
}

/* The whole of a regular file; *@text NULL if there is none. Return: 0 or -errno. */
static int read_whole(int dir, const char *name, char **text, gsize *len, struct stat *st)
{
	autofd fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (st->st_size > MAX_CONFIG)
		return -EFBIG;
	*text = g_malloc0(st->st_size + 1);
	while (*len < (gsize)st->st_size) {
		ssize_t n = read(fd, *text + *len, st->st_size - *len);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*len += n;
	}
	return 0;
}

static bool open_dir(struct setup_file *f, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(f->path);

	f->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir_fd < 0)
		return errno == ENOENT
			       ? true
			       : error_set_errno(error, -errno, "open directory \"%s\"", dir);
	if (flock(f->dir_fd, LOCK_EX) < 0)
		return error_set_errno(error, -errno, "lock directory \"%s\"", dir);
	return true;
}

/* The file behind symlinks, so that it is what gets replaced, and they stay. */
static char *resolve(const char *path, GError **error)
{
	g_autofree char *real = NULL;
	struct stat st;
	char *found;

	if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
		return option_path("--config", path, error);
	found = realpath(path, NULL);
	if (!found) {
		error_set_errno(error, -errno,
				"\"%s\" is a symlink that leads nowhere; mend it first", path);
		return NULL;
	}
	real = g_strdup(found);
	free(found);
	return g_steal_pointer(&real);
}

/**
 * setup_file_open() - read the file @path and lock its directory
 *
 * A file that does not exist is one without text. Return: owned by the caller, or NULL and *@error.
 */
struct setup_file *setup_file_open(const char *path, GError **error)
{
	g_autoptr(setup_file_t) f = g_new0(struct setup_file, 1);
	g_autofree char *name = NULL;
	struct stat st = { 0 };
	int r;

	f->dir_fd = -1;
	f->mode = 0644;
	f->path = resolve(path, error);
	if (!f->path || !open_dir(f, error))
		return NULL;
	if (f->dir_fd < 0)
		return g_steal_pointer(&f);
	name = name_beside(f, "");
	r = read_whole(f->dir_fd, name, &f->text, &f->len, &st);
	if (r == -EINVAL) {
		error_set(error, "\"%s\" is not a regular file", path);
		return NULL;
	}
	if (r < 0) {
		error_set_errno(error, r, "read \"%s\"", path);
		return NULL;
	}
	if (f->text && strlen(f->text) != f->len) {
		error_set(error, "\"%s\" contains a NUL byte; mend it first, it was not touched",
			  path);
		return NULL;
	}
	if (f->text) {
		f->mode = st.st_mode & 07777;
		f->uid = st.st_uid;
		f->gid = st.st_gid;
	}
	return g_steal_pointer(&f);
}

/**
 * setup_file_free() - give back what setup_file_open() gave, and the lock of its directory
 */
void setup_file_free(struct setup_file *f)
{
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	g_free(f->path);
	g_free(f->text);
	g_free(f);
}

static bool make_dir(struct setup_file *f, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(f->path);

	if (f->dir_fd >= 0)
		return true;
	if (g_mkdir_with_parents(dir, 0755) < 0)
		return error_set_errno(error, -errno, "make directory \"%s\"", dir);
	return open_dir(f, error);
}

/* Write @text beside the file, whole and on disk, with the file's mode and owner. */
static int write_beside(const struct setup_file *f, const char *name, const char *text)
{
	autofd fd = -1;
	int r;

	if (unlinkat(f->dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, strlen(text));
	if (r < 0)
		return r;
	if (fchown(fd, f->uid, f->gid) < 0 || fchmod(fd, f->mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* Is what stands under @name still what we read? */
static bool as_read(const struct setup_file *f, const char *name)
{
	g_autofree char *text = NULL;
	struct stat st;
	gsize len;

	return read_whole(f->dir_fd, name, &text, &len, &st) == 0 && g_strcmp0(text, f->text) == 0;
}

/* Put the file @fresh in the place of @name, unless that one changed. */
static int exchange(const struct setup_file *f, const char *fresh, const char *name)
{
	if (!f->text)
		return renameat2(f->dir_fd, fresh, f->dir_fd, name, RENAME_NOREPLACE) < 0 ? -errno
											  : 0;
	if (renameat2(f->dir_fd, fresh, f->dir_fd, name, RENAME_EXCHANGE) < 0) {
		if (errno != EINVAL)
			return -errno;
		/* This file system cannot: look, and be quick. */
		if (!as_read(f, name))
			return -EEXIST;
		return renameat(f->dir_fd, fresh, f->dir_fd, name) < 0 ? -errno : 0;
	}
	if (as_read(f, fresh))
		return unlinkat(f->dir_fd, fresh, 0) < 0 ? -errno : 0;
	if (renameat2(f->dir_fd, fresh, f->dir_fd, name, RENAME_EXCHANGE) < 0)
		return -errno;
	return -EEXIST;
}

static bool put(struct setup_file *f, const char *text, GError **error)
{
	g_autofree char *stale = name_beside(f, TRY_SUFFIX);
	g_autofree char *fresh = NULL, *name = NULL;
	int r;

	if (!make_dir(f, error))
		return false;
	fresh = name_beside(f, NEW_SUFFIX);
	name = name_beside(f, "");
	unlinkat(f->dir_fd, stale, 0); /* of a run that was killed */
	r = write_beside(f, fresh, text);
	if (r == 0)
		r = exchange(f, fresh, name);
	if (r < 0)
		unlinkat(f->dir_fd, fresh, 0);
	if (r == -EEXIST || r == -ENOENT)
		return error_set(error,
				 "\"%s\" was changed by somebody else meanwhile; nothing was done, "
				 "run this again",
				 f->path);
	if (r < 0)
		return error_set_errno(error, r, "write \"%s\"; it was not touched", f->path);
	fsync(f->dir_fd);
	return true;
}

static bool drop(struct setup_file *f, GError **error)
{
	g_autofree char *name = name_beside(f, "");

	if (!as_read(f, name))
		return error_set(error,
				 "\"%s\" was changed by somebody else meanwhile; run this again",
				 f->path);
	if (unlinkat(f->dir_fd, name, 0) < 0)
		return error_set_errno(error, -errno, "remove \"%s\"", f->path);
	fsync(f->dir_fd);
	return true;
}

/**
 * setup_file_replace() - make @text (NULL: no file) what the file holds, and note the difference
 *
 * Does nothing if that is so already, and only notes the difference with --dry-run.
 */
bool setup_file_replace(struct setup *s, struct setup_file *f, const char *text, GError **error)
{
	if (g_strcmp0(text, f->text) == 0)
		return true;
	setup_diff(s->diff, f->path, f->text, text);
	s->changed++;
	if (s->opt.dry_run)
		return true;
	if (text ? !put(f, text, error) : !drop(f, error))
		return false;
	g_free(f->text);
	f->text = g_strdup(text);
	return true;
}

/**
 * setup_file_backup() - the text that was there before us, or NULL if none was kept
 */
char *setup_file_backup(const struct setup_file *f)
{
	g_autofree char *name = name_beside(f, BACKUP_SUFFIX);
	char *text = NULL;
	struct stat st;
	gsize len;

	if (f->dir_fd < 0 || read_whole(f->dir_fd, name, &text, &len, &st) < 0)
		return NULL;
	return text;
}

/**
 * setup_file_set_backup() - keep @text as what was there before us; NULL: keep nothing any more
 */
bool setup_file_set_backup(struct setup *s, struct setup_file *f, const char *text, GError **error)
{
	g_autofree char *name = name_beside(f, BACKUP_SUFFIX), *fresh = NULL;
	g_autofree char *old = setup_file_backup(f);
	int r;

	if (s->opt.dry_run || g_strcmp0(old, text) == 0)
		return true;
	if (!make_dir(f, error))
		return false;
	if (!text)
		return unlinkat(f->dir_fd, name, 0) == 0 ||
		       error_set_errno(error, -errno, "remove \"%s%s\"", f->path, BACKUP_SUFFIX);
	fresh = g_strconcat(name, NEW_SUFFIX, NULL);
	r = write_beside(f, fresh, text);
	if (r == 0 && renameat(f->dir_fd, fresh, f->dir_fd, name) < 0)
		r = -errno;
	return r == 0 || error_set_errno(error, r, "write \"%s%s\"", f->path, BACKUP_SUFFIX);
}

/**
 * setup_file_try() - write @text to a temporary file for the engine to judge
 *
 * Beside the file, since relative paths in it count from there; where nothing can be written (by
 * --dry-run of a user) in the directory for temporary files. The caller unlinks and frees *@path.
 */
bool setup_file_try(const struct setup_file *f, const char *text, char **path, GError **error)
{
	g_autofree char *name = name_beside(f, TRY_SUFFIX);
	autofd fd = -1;
	int r;

	*path = g_strconcat(f->path, TRY_SUFFIX, NULL);
	if (f->dir_fd >= 0 && write_beside(f, name, text) == 0)
		return true;
	g_clear_pointer(path, g_free);
	fd = g_file_open_tmp("cloister-XXXXXX", path, error);
	if (fd < 0)
		return false;
	r = fd_write_all(fd, text, strlen(text));
	if (r == 0)
		return true;
	unlink(*path);
	g_clear_pointer(path, g_free);
	return error_set_errno(error, r, "write a temporary file");
}
