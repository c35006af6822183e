/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of user-ID ranges.
 *
 * A claim is the *name* of an empty file in .claims below the state root: "BASE-COUNT-ID". A name
 * appears and goes in one system call, so there is no half-written claim after a crash, and all
 * claims are read with one getdents64(2) instead of an open, read and close for each of them.
 * Everything that looks and then changes does so under an exclusive flock on .claims/.lock.
 *
 * Host ids below 65536 are never given to a container: they are the owners on disk of what the
 * ID-mapped volumes of all containers hold.
 */
#include "config.h"
#include "lib/claims.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/idsources.h"
#include "lib/rundir.h"

#define CLAIMS_DIR  ".claims"
#define CLAIMS_LOCK ".lock"
/* "4294967295-4294967295-" goes before a container's id. */
#define PREFIX_MAX 22
#define KEY_MAX	   (NAME_MAX - PREFIX_MAX + 1)
/* Ids are given out below 2^31: some programs still keep a uid in a signed int. */
#define CLAIM_END 0x80000000ULL
/* (uid_t)-1 means "no change" to chown(2) and setresuid(2), and cannot be an id. */
#define ID_END	 0xffffffffULL
#define HOST_END 65536u

const struct claim_sources claim_sources_default = {
	.passwd = "/etc/passwd",
	.group = "/etc/group",
	.subuid = "/etc/subuid",
	.subgid = "/etc/subgid",
};

static int open_registry(int root_fd, bool create)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	autofd base = rundir_machine(root_fd);
	int fd;

	if (base < 0)
		return base;
	fd = openat(base, CLAIMS_DIR, flags);
	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(base, CLAIMS_DIR, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(base, CLAIMS_DIR, flags);
	}
	return fd < 0 ? -errno : fd;
}

/* Containers of one name in two state roots are two: the registry knows them by both. */
static int make_key(int root_fd, const char *id, char key[KEY_MAX])
{
	struct stat root, base;
	autofd fd = -1;
	int n;

	if (id[0] == '\0' || strchr(id, '/'))
		return -EINVAL;
	fd = rundir_machine(root_fd);
	if (fd < 0)
		return fd;
	if (fstat(root_fd, &root) < 0 || fstat(fd, &base) < 0)
		return -errno;
	if (root.st_dev == base.st_dev && root.st_ino == base.st_ino)
		n = snprintf(key, KEY_MAX, "%s", id);
	else
		n = snprintf(key, KEY_MAX, "%s@%llx.%llu", id, (unsigned long long)root.st_dev,
			     (unsigned long long)root.st_ino);
	return n < KEY_MAX ? 0 : -ENAMETOOLONG;
}

/* The registry while it is locked, and the name under which it knows the container in question. */
struct registry {
	char key[KEY_MAX];
	int dir_fd, lock_fd;
};

static void unlock_registry(struct registry *reg)
{
	fd_cleanup(&reg->lock_fd);
	fd_cleanup(&reg->dir_fd);
}

/* Unlocks at the end of the scope. */
#define autoregistry __attribute__((cleanup(unlock_registry))) struct registry

/* @id: NULL: no container in particular. Return: 0; -ENOENT if nobody ever had a claim. */
static int lock_registry(struct registry *reg, int root_fd, const char *id, bool create)
{
	int r = id ? make_key(root_fd, id, reg->key) : 0;

	if (r < 0)
		return r;
	reg->dir_fd = open_registry(root_fd, create);
	if (reg->dir_fd < 0)
		return reg->dir_fd;
	reg->lock_fd = fd_lock_file_at(reg->dir_fd, CLAIMS_LOCK);
	return reg->lock_fd < 0 ? reg->lock_fd : 0;
}

/*
 * "BASE-COUNT-ID". What begins with a number and is otherwise garbled holds one block, so that
 * nobody else gets ids that may be in use; what does not even do that is no claim.
 * Returns the id (part of @name, "" if garbled) or NULL.
 */
static const char *parse_name(const char *name, struct claim *claim)
{
	char *end;
	unsigned long long base, count;

	if (name[0] < '0' || name[0] > '9')
		return NULL;
	base = strtoull(name, &end, 10);
	if (base >= ID_END)
		return NULL;
	*claim = (struct claim){ .base = base, .count = CLAIM_COUNT };
	if (end[0] != '-' || end[1] < '0' || end[1] > '9')
		return "";
	count = strtoull(end + 1, &end, 10);
	if (*end != '-' || count == 0 || base + count > ID_END)
		return "";
	claim->count = count;
	return end + 1;
}

typedef int (*name_fn)(const char *name, const char *id, const struct claim *claim, void *arg);

/* Calls @fn for each claim until it returns other than 0. */
static int scan_registry(int dir_fd, name_fn fn, void *arg)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct dirent64))));
	ssize_t n;

	while ((n = getdents64(dir_fd, buf, sizeof(buf))) > 0) {
		for (ssize_t pos = 0; pos < n;) {
			const struct dirent64 *entry = (const struct dirent64 *)(buf + pos);
			struct claim claim;
			const char *id = parse_name(entry->d_name, &claim);
			int r = id ? fn(entry->d_name, id, &claim, arg) : 0;

			if (r != 0)
				return r;
			pos += entry->d_reclen;
		}
	}
	return n < 0 ? -errno : 0;
}

struct claims_view {
	const char *id;
	struct idranges ranges;
};

static int add_claim(const char *name, const char *id, const struct claim *claim, void *arg)
{
	struct claims_view *view = arg;

	if (strcmp(id, view->id) == 0)
		return -EEXIST;
	return idranges_add(&view->ranges, claim->base, (uint64_t)claim->base + claim->count);
}

/* From whose subordinate ids ours are taken. */
static const char *const own_names[] = { "cloister", NULL };
/* From whose an engine takes what it gives with a specification: for containers, so not foreign. */
static const char *const engine_names[] = { "cloister", "kubelet", "containers", "dockremap",
					    NULL };

static int load_foreign(struct idranges *ranges, const struct claim_sources *src,
			const char *const *names)
{
	int r = idranges_add(ranges, 0, HOST_END);

	if (r == 0)
		r = idsources_accounts(ranges, src->passwd, true);
	if (r == 0)
		r = idsources_accounts(ranges, src->group, false);
	if (r == 0)
		r = idsources_subids(ranges, src->subuid, names);
	if (r == 0)
		r = idsources_subids(ranges, src->subgid, names);
	return r;
}

static int write_claim(int dir_fd, const char *id, const struct claim *claim)
{
	char name[NAME_MAX + 1];
	int fd;

	snprintf(name, sizeof(name), "%u-%u-%s", claim->base, claim->count, id);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The lowest block on the grid @first + k * CLAIM_COUNT that touches none of @ranges. */
static int find_free(struct idranges *ranges, uint32_t first, struct claim *ret)
{
	uint64_t base = first;

	idranges_sort(ranges);
	for (size_t i = 0; i < ranges->n; i++) {
		const struct idrange *r = &ranges->v[i];

		if (r->end <= base)
			continue;
		if (r->start >= base + CLAIM_COUNT)
			break;
		base = first +
		       (r->end - first + CLAIM_COUNT - 1) / CLAIM_COUNT * (uint64_t)CLAIM_COUNT;
	}
	if (base + CLAIM_COUNT > CLAIM_END)
		return -ENOSPC;
	*ret = (struct claim){ .base = base, .count = CLAIM_COUNT };
	return 0;
}

/**
 * claim_take() - give the container @id the lowest free block of CLAIM_COUNT host ids
 * @root_fd: the state root; .claims is made in it
 * @src: where the ids are listed that belong to others
 * @first: first id of the first block; the others follow at multiples of CLAIM_COUNT
 * @ret: the block
 *
 * Waits for the registry's lock.
 *
 * Return: 0; -EEXIST if @id has a claim; -ENOSPC if no block is left; or another -errno, as when a
 * list of ids exists and cannot be read.
 */
int claim_take(int root_fd, const struct claim_sources *src, uint32_t first, const char *id,
	       struct claim *ret)
{
	autoregistry reg = { .dir_fd = -1, .lock_fd = -1 };
	struct claims_view view = { .id = reg.key };
	/* The lists of others change without our lock anyway: read them before waiting for it. */
	int r = load_foreign(&view.ranges, src, own_names);

	if (r == 0)
		r = lock_registry(&reg, root_fd, id, true);
	if (r == 0)
		r = scan_registry(reg.dir_fd, add_claim, &view);
	if (r == 0)
		r = find_free(&view.ranges, first, ret);
	if (r == 0)
		r = write_claim(reg.dir_fd, reg.key, ret);
	idranges_free(&view.ranges);
	return r;
}

/**
 * claim_take_given() - register the mapping that a container's spec brings
 * @wanted: host ids to which inside ids 0 to count-1 are mapped
 *
 * Return: 0; -EINVAL if @wanted is smaller than CLAIM_COUNT or is not a range of ids; -EPERM if it
 * touches host ids below 65536, an id of passwd or group, or a subordinate range of somebody else;
 * -EADDRINUSE if it overlaps a live claim; -EEXIST if @id has a claim; or another -errno.
 */
int claim_take_given(int root_fd, const struct claim_sources *src, const char *id,
		     const struct claim *wanted)
{
	uint64_t end = (uint64_t)wanted->base + wanted->count;
	autoregistry reg = { .dir_fd = -1, .lock_fd = -1 };
	struct idranges foreign = { 0 };
	struct claims_view view = { .id = reg.key };
	int r;

	if (wanted->count < CLAIM_COUNT || end > ID_END)
		return -EINVAL;
	r = load_foreign(&foreign, src, engine_names);
	if (r == 0 && idranges_overlap(&foreign, wanted->base, end))
		r = -EPERM;
	idranges_free(&foreign);
	if (r == 0)
		r = lock_registry(&reg, root_fd, id, true);
	if (r == 0)
		r = scan_registry(reg.dir_fd, add_claim, &view);
	if (r == 0 && idranges_overlap(&view.ranges, wanted->base, end))
		r = -EADDRINUSE;
	if (r == 0)
		r = write_claim(reg.dir_fd, reg.key, wanted);
	idranges_free(&view.ranges);
	return r;
}

/**
 * claim_share() - be another owner of a range that is claimed already
 *
 * For a container that joins the user namespace of another: the ids are free again when both are
 * gone.
 */
int claim_share(int root_fd, const char *id, const struct claim *claim)
{
	autoregistry reg = { .dir_fd = -1, .lock_fd = -1 };
	int r = lock_registry(&reg, root_fd, id, true);

	return r < 0 ? r : write_claim(reg.dir_fd, reg.key, claim);
}

struct find_name {
	const char *id;
	char name[NAME_MAX + 1];
};

static int match_id(const char *name, const char *id, const struct claim *claim, void *arg)
{
	struct find_name *find = arg;

	if (strcmp(id, find->id) != 0)
		return 0;
	snprintf(find->name, sizeof(find->name), "%s", name);
	return 1;
}

/**
 * claim_release() - give back what @id has; nothing to give back is no error
 */
int claim_release(int root_fd, const char *id)
{
	autoregistry reg = { .dir_fd = -1, .lock_fd = -1 };
	struct find_name find = { .id = reg.key };
	int r = lock_registry(&reg, root_fd, id, false);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = scan_registry(reg.dir_fd, match_id, &find);
	if (r <= 0)
		return r;
	return unlinkat(reg.dir_fd, find.name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

struct find_claim {
	const char *id;
	struct claim *ret;
};

static int take_match(const char *name, const char *id, const struct claim *claim, void *arg)
{
	struct find_claim *find = arg;

	(void)name;
	if (strcmp(id, find->id) != 0)
		return 0;
	*find->ret = *claim;
	return 1;
}

/**
 * claim_find() - what @id has; Return: 0, -ENOENT if it has nothing, or another -errno
 */
int claim_find(int root_fd, const char *id, struct claim *ret)
{
	autoregistry reg = { .dir_fd = -1, .lock_fd = -1 };
	struct find_claim find = { .id = reg.key, .ret = ret };
	int r = lock_registry(&reg, root_fd, id, false);

	if (r == 0)
		r = scan_registry(reg.dir_fd, take_match, &find);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

struct snapshot {
	struct claim_entry {
		struct claim claim;
		char id[NAME_MAX + 1];
	} * v;
	size_t n, size;
};

static int add_entry(const char *name, const char *id, const struct claim *claim, void *arg)
{
	struct snapshot *snap = arg;

	if (snap->n == snap->size) {
		size_t size = snap->size ? snap->size * 2 : 32;
		void *v = realloc(snap->v, size * sizeof(*snap->v));

		if (!v)
			return -ENOMEM;
		snap->v = v;
		snap->size = size;
	}
	snap->v[snap->n].claim = *claim;
	snprintf(snap->v[snap->n].id, sizeof(snap->v[snap->n].id), "%s", id);
	snap->n++;
	return 0;
}

/**
 * claim_each() - call @fn for every claim until it returns other than 0
 *
 * The claims are those of one moment; @fn runs without the lock and may take and release. A claim
 * whose file name is garbled comes with the id "".
 *
 * Return: what @fn returned last, 0 if there is no claim, or -errno.
 */
int claim_each(int root_fd, int (*fn)(const char *id, const struct claim *claim, void *arg),
	       void *arg)
{
	struct snapshot snap = { 0 };
	int r;

	{
		autoregistry reg = { .dir_fd = -1, .lock_fd = -1 };

		r = lock_registry(&reg, root_fd, NULL, false);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		r = scan_registry(reg.dir_fd, add_entry, &snap);
	}
	for (size_t i = 0; r == 0 && i < snap.n; i++)
		r = fn(snap.v[i].id, &snap.v[i].claim, arg);
	free(snap.v);
	return r;
}
