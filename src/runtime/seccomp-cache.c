/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled filters, kept in the state root: an engine gives every container the same profile, and
 * libseccomp takes longer over it than the rest of the start that is not the kernel's.
 *
 * One file per profile in ".seccomp", which only root may enter:
 *
 *   struct header    what it is, its length, SHA-256 of the instructions
 *   instructions     struct sock_filter
 *
 * Whatever is wrong with a file or the directory means compiling as if there were no cache. Files
 * appear whole or not at all; the hash is there for a disk that was full or a machine that went
 * down, not against an attacker, who would have to be root.
 */
#include "config.h"
#include "runtime/seccomp-internal.h"

#include "lib/dir.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CACHE_DIR     ".seccomp"
#define CACHE_ENTRIES 64

/* Part of the key and of the file: change it with whatever changes what a profile compiles to. */
#define CACHE_FORMAT "cloister seccomp 1"

struct header {
	char format[24];
	uint32_t len; /* instructions */
	uint8_t sha256[32];
};

static void digest(const void *data, size_t len, uint8_t ret[32])
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	gsize size = 32;

	g_checksum_update(sum, data, len);
	g_checksum_get_digest(sum, ret, &size);
	g_checksum_free(sum);
}

/**
 * seccomp_cache_key() - the name of a profile's filter in the cache
 *
 * It depends on the profile however that is written down, on the library (new names), on the
 * kernel (libseccomp asks it which actions it has) and on the architecture.
 *
 * Return: to be freed with g_free(); NULL if there can be none.
 */
char *seccomp_cache_key(json_t *profile)
{
	char *text = json_dumps(profile, JSON_COMPACT | JSON_SORT_KEYS);
	const struct scmp_version *v = seccomp_version();
	g_autofree char *rest = NULL;
	struct utsname kernel;
	GChecksum *sum;
	char *key;

	if (!text || uname(&kernel) < 0) {
		free(text);
		return NULL;
	}
	rest = g_strdup_printf("\n%s\n%s\n%u.%u.%u\n%x\n%s\n%s", CACHE_FORMAT, PACKAGE_VERSION,
			       v ? v->major : 0, v ? v->minor : 0, v ? v->micro : 0,
			       seccomp_arch_native(), kernel.machine, kernel.release);
	sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_checksum_update(sum, (const guchar *)text, strlen(text));
	g_checksum_update(sum, (const guchar *)rest, strlen(rest));
	key = g_strdup(g_checksum_get_string(sum));
	g_checksum_free(sum);
	free(text);
	return key;
}

/* Nobody but us may have written what is in it. */
static bool is_ours(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       (st.st_mode & 0022) == 0;
}

static int open_dir(int root_fd, bool make)
{
	int fd;

	if (make && mkdirat(root_fd, CACHE_DIR, 0700) < 0 && errno != EEXIST)
		return -1;
	fd = openat(root_fd, CACHE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && !is_ours(fd, S_IFDIR)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool read_filter(int fd, struct sock_fprog *filter)
{
	struct header h;
	uint8_t found[32];
	struct stat st;
	size_t size;

	if (fd_read_all(fd, &h, sizeof(h)) < 0 || fstat(fd, &st) < 0 ||
	    strncmp(h.format, CACHE_FORMAT, sizeof(h.format)) != 0 || h.len == 0 ||
	    h.len > SECCOMP_MAX_LEN)
		return false;
	size = h.len * sizeof(struct sock_filter);
	if ((size_t)st.st_size != sizeof(h) + size)
		return false;
	filter->filter = g_malloc(size);
	filter->len = h.len;
	if (fd_read_all(fd, filter->filter, size) == 0) {
		digest(filter->filter, size, found);
		if (memcmp(found, h.sha256, sizeof(found)) == 0)
			return true;
	}
	g_clear_pointer(&filter->filter, g_free);
	filter->len = 0;
	return false;
}

/**
 * seccomp_cache_load() - the filter kept as @key
 * @filter: on success, its `filter` is to be freed with g_free(); else empty
 */
bool seccomp_cache_load(int root_fd, const char *key, struct sock_fprog *filter)
{
	autofd dir = open_dir(root_fd, false);
	autofd fd = dir < 0 ? -1 : openat(dir, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || !is_ours(fd, S_IFREG) || !read_filter(fd, filter))
		return false;
	/* The time of the last use decides who goes. */
	futimens(fd, NULL);
	return true;
}

static bool is_older(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec < b->st_mtim.tv_sec ||
	       (a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec < b->st_mtim.tv_nsec);
}

/* Remove the file that was used least recently if there are too many. Names of tmp files count. */
static void make_room(int dir_fd)
{
	autodir dir = dir_open_at(dir_fd, ".");
	char victim[NAME_MAX + 1] = "";
	struct stat st, oldest = { 0 };
	struct dirent *e;
	int n = 0;

	if (!dir)
		return;
	while ((e = dir_next(dir))) {
		if (e->d_type != DT_REG || fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		n++;
		if (victim[0] && !is_older(&st, &oldest))
			continue;
		oldest = st;
		g_strlcpy(victim, e->d_name, sizeof(victim));
	}
	if (n > CACHE_ENTRIES)
		unlinkat(dir_fd, victim, 0);
}

/**
 * seccomp_cache_store() - keep @filter as @key; if that fails it is compiled again next time
 */
void seccomp_cache_store(int root_fd, const char *key, const struct sock_fprog *filter)
{
	autofd dir = open_dir(root_fd, true);
	size_t size = filter->len * sizeof(struct sock_filter);
	g_autofree char *file = g_malloc(sizeof(struct header) + size);
	struct header h = { .format = CACHE_FORMAT, .len = filter->len };

	if (dir < 0)
		return;
	digest(filter->filter, size, h.sha256);
	memcpy(file, &h, sizeof(h));
	memcpy(file + sizeof(h), filter->filter, size);
	if (fd_replace_file_at(dir, key, file, sizeof(h) + size, 0600) == 0)
		make_room(dir);
}
