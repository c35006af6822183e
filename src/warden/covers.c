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
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Whole file systems of ours: the server's, the container's own files, what masks are made of. */
static const char *const sources[COVERS_SOURCES] = { "/fs", "/own", "/empty" };

static void find_sources(struct covers *c)
{
	for (int i = 0; i < COVERS_SOURCES; i++) {
		const struct mountlist_entry *e = covers_part(c, sources[i]);

		c->sources[i] = e && strcmp(e->root, "/") == 0 ? e : NULL;
	}
}

/**
 * covers_learn() - what is in the workshop, which the calling process is in
 */
int covers_learn(struct covers *c, int host_proc)
{
	int r;

	*c = (struct covers){ .stock = -1, .pattern = -1 };
	c->shop_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->shop_root < 0)
		return -errno;
	r = mountlist_read(host_proc, "self/mountinfo", &c->shop);
	if (r == 0) {
		mountlist_sort(&c->shop);
		find_sources(c);
	}
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

/**
 * covers_below() - the path below @part of what lies over it, or NULL
 */
const char *covers_below(const struct mountlist_entry *e, const char *part)
{
	size_t len = strlen(part);

	return strncmp(e->point, part, len) == 0 && e->point[len] == '/' ? e->point + len + 1
									 : NULL;
}

/**
 * covers_is_own_part() - is it a part of the file system itself, laid over it with flags of its own
 * or on what covers it?
 */
bool covers_is_own_part(const struct mountlist_entry *e, const struct mountlist_entry *part)
{
	return e->dev == part->dev && strcmp(e->root, "/") != 0;
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
		bool own = e->dev == top->dev && ((proc && covers_is_own_part(s, proc)) ||
						  (sys && covers_is_own_part(s, sys)));

		if ((own || e->dev == s->dev) && (e->readonly || !s->readonly) &&
		    strcmp(s->root, e->root) == 0 &&
		    (covers_below(s, "/proc") || covers_below(s, "/sys")))
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
		e = mountlist_up(list, e);
	}
	return false;
}

/**
 * covers_concern() - is @fd of a procfs or sysfs, or of a file system that covers are made of?
 */
bool covers_concern(const struct covers *c, int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return false;
	if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)
		return true;
	for (int i = 0; i < COVERS_SOURCES; i++)
		if (c->sources[i] && c->sources[i]->dev == st.st_dev)
			return true;
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
