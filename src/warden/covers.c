/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies over procfs and sysfs in a container, as its workshop has it: clones of the server's
 * files, masks, and parts that were made read-only. There is no table to keep in step with the
 * launcher's: what is mounted in the workshop is laid again, whatever it is.
 */
#include "config.h"
#include "warden/covers.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTHING (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/**
 * covers_learn() - what is in the workshop, which the calling process is in
 */
int covers_learn(struct covers *c, int host_proc)
{
	int r;

	*c = (struct covers){ 0 };
	r = mountlist_read(host_proc, "self/mountinfo", &c->shop);
	if (r == 0)
		mountlist_sort(&c->shop);
	return r;
}

/**
 * covers_part() - the procfs ("/proc") or sysfs ("/sys") of the workshop, or NULL
 */
const struct mountlist_entry *covers_part(const struct covers *c, const char *part)
{
	for (size_t i = 0; i < c->shop.n; i++)
		if (strcmp(c->shop.entries[i].point, part) == 0)
			return &c->shop.entries[i];
	return NULL;
}

/* The path below @part of what lies over it, or NULL. */
static const char *below(const struct mountlist_entry *e, const char *part)
{
	size_t len = strlen(part);

	return strncmp(e->point, part, len) == 0 && e->point[len] == '/' ? e->point + len + 1
									 : NULL;
}

/* A part of the file system itself, laid over it with flags of its own or on what covers it. */
static bool is_own_part(const struct mountlist_entry *e, const struct mountlist_entry *part)
{
	return e->dev == part->dev && strcmp(e->root, "/") != 0;
}

/* Attach with flags of its own: before 5.12 they are given once it is attached. */
static int attach_restricted(int clone, int target, const char *where, const char *path,
			     uint64_t attrs)
{
	int r = mnt_restrict(clone, true, attrs);
	autofd dir = -1;

	if (r == 0)
		return mnt_attach_fd(clone, target);
	if (r != -ENOSYS)
		return r;
	r = mnt_attach_fd(clone, target);
	dir = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? r : dir < 0 ? -errno : mnt_restrict_at(dir, path, attrs | NOTHING);
}

/* What lies there in the workshop; a part of the instance itself is taken from the new one. */
static int clone_of(const struct mountlist_entry *e, bool own, int bare)
{
	return own ? mnt_clone(bare, e->root + 1, false) : mnt_clone(AT_FDCWD, e->point + 1, false);
}

struct place {
	const char *path;
	int top, bare;
	bool readonly;
};

/*
 * Most covers are bound as they are, by name: one call, where a descriptor of each end and a
 * detached clone take five and twice the time. Nobody else can make a name here, and there are no
 * links in what mountinfo calls a mount point.
 */
static int bind_one(const struct mountlist_entry *e, const struct place *p, const char *path)
{
	char target[PATH_MAX];
	struct stat st;
	int r;

	if (snprintf(target, sizeof(target), "%s/%s", p->path, path) >= (int)sizeof(target))
		return -ENAMETOOLONG;
	/* In another network namespace the path does not lead to the cover, and none is needed. */
	if (strstr(e->point, "/net") && (stat(e->point + 1, &st) < 0 || st.st_dev != e->dev))
		return 0;
	r = mnt_bind(e->point + 1, target);
	/* An instance without it: subset=pid. */
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static int lay_one(const struct mountlist_entry *e, bool own, const struct place *p,
		   const char *path)
{
	/* From below its covers the way leads over them. */
	autofd target = sys_openat2(p->top, path, O_PATH,
				    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	autofd clone = -1;
	struct stat st;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0; /* an instance without it: subset=pid */
	clone = target < 0 ? target : clone_of(e, own, p->bare);
	if (clone < 0)
		return clone;
	/* In another network namespace the path does not lead to the cover, and none is needed. */
	if (!own && (fstat(clone, &st) < 0 || st.st_dev != e->dev))
		return 0;
	if (!p->readonly && !(own && e->readonly))
		return mnt_attach_fd(clone, target);
	return attach_restricted(clone, target, p->path, path, MOUNT_ATTR_RDONLY);
}

/**
 * covers_lay() - lay all that lies over @part over the new instance at @where too
 * @bare: where the instance is once more, without anything on it
 * @readonly: none of it is to be written
 *
 * In a copy of the workshop, whose root is the working directory. In the order in which they were
 * laid, so that what lies on a cover finds it.
 */
int covers_lay(const struct covers *c, const char *part, const char *where, const char *bare,
	       bool readonly)
{
	const struct mountlist_entry *own = covers_part(c, part);
	autofd top = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd below_it = open(bare, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct place p = { where, top, below_it, readonly };
	int r = top < 0 || below_it < 0 ? -errno : 0;

#ifdef MUTANT_TRANSPLANT_BARE
	return 0;
#endif
	for (size_t i = 0; r == 0 && i < c->shop.n; i++) {
		const struct mountlist_entry *e = &c->shop.entries[i];
		const char *path = below(e, part);

		if (path)
			r = is_own_part(e, own) || readonly
				    ? lay_one(e, is_own_part(e, own), &p, path)
				    : bind_one(e, &p, path);
	}
	return r;
}

/*
 * Is @e, on the instance @top, what the workshop has on its own? The flag may have been set since,
 * not cleared.
 */
static bool is_cover(const struct covers *c, const struct mountlist_entry *e,
		     const struct mountlist_entry *top)
{
	const struct mountlist_entry *proc = covers_part(c, "/proc"), *sys = covers_part(c, "/sys");

	for (size_t i = 0; i < c->shop.n; i++) {
		const struct mountlist_entry *s = &c->shop.entries[i];
		bool own = e->dev == top->dev &&
			   ((proc && is_own_part(s, proc)) || (sys && is_own_part(s, sys)));

		if ((own || e->dev == s->dev) && (e->readonly || !s->readonly) &&
		    strcmp(s->root, e->root) == 0 && (below(s, "/proc") || below(s, "/sys")))
			return true;
	}
	return false;
}

/* Is @e mounted on @top, or on something that is? */
static bool is_on(const struct mountlist *list, const struct mountlist_entry *e, int top)
{
	for (int depth = 0; e && depth < 64; depth++) {
		if (e->parent == top)
			return true;
		e = e->parent == e->id ? NULL : mountlist_by_id(list, e->parent);
	}
	return false;
}

/**
 * covers_any() - is anything mounted on the mount @top?
 */
bool covers_any(const struct mountlist *list, int top)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->entries[i].parent == top && list->entries[i].id != top)
			return true;
	return false;
}

/**
 * covers_only() - is all that is mounted on @top ours?
 */
bool covers_only(const struct covers *c, const struct mountlist *list, int top)
{
	const struct mountlist_entry *t = mountlist_by_id(list, top);

	for (size_t i = 0; t && i < list->n; i++) {
		const struct mountlist_entry *e = &list->entries[i];

		if (e->id != top && is_on(list, e, top) && !is_cover(c, e, t))
			return false;
	}
	return t != NULL;
}

/*
 * Directories that are empty for ever, made to be mounted on (the kernel's
 * sysfs_create_mount_point(), proc_create_mount_point(), register_sysctl_mount_point()): what lies
 * on them hides nothing.
 */
static bool hides_nothing(const char *path)
{
	static const char *const empty[] = {
		"sys/fs/binfmt_misc", "fs/nfsd",
		"fs/cgroup",	      "fs/fuse/connections",
		"fs/pstore",	      "fs/bpf",
		"fs/resctrl",	      "fs/selinux",
		"fs/smackfs",	      "kernel/debug",
		"kernel/tracing",     "kernel/security",
		"kernel/config",      "firmware/efi/efivars",
	};

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		size_t len = strlen(empty[i]);

		if (strncmp(path, empty[i], len) == 0 && (path[len] == '/' || !path[len]))
			return true;
	}
	return false;
}

/*
 * The kernel tells nobody which mounts are locked, but for the error with which it refuses to move
 * one onto itself: ELOOP for all others. What cannot be told for sure is.
 */
static bool is_locked(const struct mountlist_entry *e)
{
	autofd fd = open(e->point, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 || sys_mount_id(fd) != e->id || mnt_attach_fd(fd, fd) != -ELOOP;
}

static bool is_whole(const struct covers *c, const struct mountlist *list,
		     const struct mountlist_entry *top)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct mountlist_entry *e = &list->entries[i];
		size_t len = strlen(top->point);

		/* Also on a cover: what that shows is the container's to hide. */
		if (e->id == top->id || !is_on(list, e, top->id) || is_cover(c, e, top))
			continue;
		if (strncmp(e->point, top->point, len) == 0 && e->point[len] == '/' &&
		    hides_nothing(e->point + len + 1))
			continue;
		if (is_locked(e))
			return false;
	}
	return true;
}

/**
 * covers_visible() - would the kernel allow another instance of @type, were it not for our covers?
 * @list: the mounts of the caller's namespace, which the calling process is in, at its root
 * @readonly: set if it would have to be read-only
 *
 * It asks for one that is fully visible: a new instance must not show what somebody has hidden
 * (fs/namespace.c: mnt_already_visible()).
 */
bool covers_visible(const struct covers *c, const struct mountlist *list, const char *type,
		    bool *readonly)
{
	bool found = false;

	*readonly = true;
	for (size_t i = 0; i < list->n; i++) {
		const struct mountlist_entry *e = &list->entries[i];

		if (strcmp(e->type, type) != 0 || strcmp(e->root, "/") != 0 ||
		    !is_whole(c, list, e))
			continue;
		found = true;
		if (!e->readonly)
			*readonly = false;
	}
#ifdef MUTANT_HIDDEN_SHOWN
	return true;
#endif
	return found;
}
