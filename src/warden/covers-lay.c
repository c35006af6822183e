/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying over a new instance of procfs or sysfs what lies over the container's own (covers.c).
 *
 * Theory of operation. It is done in a copy of the "stock", a mount namespace with the few file
 * systems that covers are files of and nothing else, so that a copy costs little and nothing is
 * there that a name could lead to but these and the new instance. Each cover is three mounts in
 * all, this one and those of the two copies that come after: that, and the files of an instance
 * that nobody has looked at yet, is where the time of a mount goes.
 */
#include "config.h"
#include "warden/covers.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTHING (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

#define EMPTY 2 /* the last of the sources: masks */

/* No source: only the cover itself is there to clone. */
#define ITSELF COVERS_SOURCES

/* Which source was @e cloned from? */
static int source_of(const struct covers *c, const struct mountlist_entry *e)
{
	int i = 0;

	while (i < COVERS_SOURCES && !(c->sources[i] && c->sources[i]->dev == e->dev))
		i++;
	return i;
}

/* Does anything over @part have no source but itself? */
static bool has_orphans(const struct covers *c, const struct mountlist_entry *part)
{
	for (size_t i = 0; i < c->shop.n; i++) {
		const struct mountlist_entry *e = &c->shop.entries[i];

		if (covers_below(e, part->point) && !covers_is_own_part(e, part) &&
		    source_of(c, e) == ITSELF)
			return true;
	}
	return false;
}

static bool is_stock(const struct covers *c, const struct mountlist_entry *e)
{
	for (int i = 0; i < COVERS_SOURCES; i++)
		if (c->sources[i] == e)
			return true;
	return (strcmp(e->point, "/proc") == 0 || strcmp(e->point, "/sys") == 0) &&
	       has_orphans(c, e);
}

static int leave_only_stock(const struct covers *c)
{
	const struct mountlist_entry *base = covers_part(c, "/");

	if (!base)
		return -ENOENT;
	for (size_t i = 0; i < c->shop.n; i++) {
		const struct mountlist_entry *e = &c->shop.entries[i];

		if (e->parent == base->id && !is_stock(c, e) &&
		    umount2(e->point + 1, MNT_DETACH) < 0)
			return -errno;
	}
	return 0;
}

/*
 * In a thread of its own as to mounts, and back in the workshop: there another way than this one
 * leads to what devnode.c keeps.
 */
static int make_stock(const struct covers *c, int host_proc, int shop_ns)
{
	autofd ns = -1;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	r = leave_only_stock(c);
	ns = openat(host_proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (r == 0 && ns < 0)
		r = -errno;
	if (setns(shop_ns, CLONE_NEWNS) < 0)
		_exit(1);
	return r < 0 ? r : fd_steal(&ns);
}

/**
 * covers_open_stock() - have a mount namespace with nothing but what covers are taken from, a
 * handful of mounts: whoever lays covers works in a copy of it, and the workshop has hundreds
 *
 * Made for the first who needs it.
 */
int covers_open_stock(struct covers *c, int host_proc, int shop_ns)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int r = 0;

	pthread_mutex_lock(&lock);
	if (c->stock < 0) {
		r = make_stock(c, host_proc, shop_ns);
		if (r >= 0)
			c->stock = r;
	}
	pthread_mutex_unlock(&lock);
	return r < 0 ? r : 0;
}

struct place {
	const struct covers *covers;
	int top, bare;
	int roots[COVERS_SOURCES + 1]; /* those of the sources, and the copy's own */
	int root;		       /* which of them is ours */
	/* The directory that the working directory is, below @top: there are many in one. */
	const char *dir; /* NULL: none of them */
	size_t dir_len;
};

/* From below its covers the way leads over them. */
static int open_target(const struct place *p, const char *path)
{
	return sys_openat2(p->top, path, O_PATH,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* Have the source as root directory: no link in it leads out of it. */
static int go_to_root(struct place *p, int source)
{
	if (p->root == source)
		return 0;
	p->dir = NULL;
	if (fchdir(p->roots[source]) < 0 || chroot(".") < 0)
		return -errno;
	p->root = source;
	return 0;
}

static int go_to(struct place *p, const char *path, size_t len)
{
	char dir[PATH_MAX];
	autofd fd = -1;

	if (p->dir && p->dir_len == len && memcmp(p->dir, path, len) == 0)
		return 0;
	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	p->dir = NULL;
	fd = open_target(p, len ? dir : ".");
	if (fd < 0 || fchdir(fd) < 0)
		return fd < 0 ? fd : -errno;
	p->dir = path;
	p->dir_len = len;
	return 0;
}

/* What has been laid at @path may have come between the working directory and its path. */
static void come_between(struct place *p, const char *path)
{
	size_t len = strlen(path);

	if (p->dir && p->dir_len >= len && memcmp(p->dir, path, len) == 0)
		p->dir = NULL;
}

/* An instance without it: subset=pid. */
static bool is_missing(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

/*
 * A part of the instance itself, laid over it: taken from where nothing is on it.
 * Return: 1, 0 if there is nothing to lay it on, or -errno.
 */
static int lay_own(const struct mountlist_entry *e, const struct place *p, const char *path)
{
	autofd target = open_target(p, path);
	autofd clone = target < 0 ? target : mnt_clone(p->bare, e->root + 1, false);
	int r = clone < 0 ? clone : mnt_attach_fd(clone, target);

	return r == 0 ? 1 : is_missing(target) ? 0 : r;
}

/*
 * In another network namespace the path does not lead to the cover, and none is needed.
 * @last: the last of these; what lies on a cover comes after it, and is there as little
 */
static bool is_of_other_net(const struct covers *c, const struct mountlist_entry *e, bool is_own,
			    const struct mountlist_entry **last)
{
	struct stat st;
	bool other;

	if (*last && covers_below(e, (*last)->point))
		return true;
	other = !is_own && strstr(e->point, "/net") &&
		(fstatat(c->shop_root, e->point + 1, &st, 0) < 0 || st.st_dev != e->dev);
	if (other)
		*last = e;
	return other;
}

/*
 * By name: one call, where a descriptor of each end and a detached clone take five and twice the
 * time. Nobody but the server can make a name here. What it lacks is an error; and should it be
 * taken over and say that a name is a link, that leads to nothing but its own files.
 * Return: 1, 0 if there is nothing to lay it on, or -errno.
 */
static int bind_one(const struct mountlist_entry *e, struct place *p, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int source = source_of(p->covers, e), r = go_to_root(p, source);

	if (r < 0)
		return r;
	r = go_to(p, path, slash ? slash - path : 0);
	if (r < 0)
		return is_missing(r) ? 0 : r;
	r = mnt_bind(source == ITSELF ? e->point : e->root, name);
	if (is_missing(r))
		return faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : -EIO;
	return r < 0 ? r : 1;
}

/* What has just been laid at @path is not to be written, where that cannot be told from its source.
 */
static int restrict_one(const struct mountlist_entry *e, bool own, const struct place *p,
			const char *path, bool readonly)
{
	int source = own ? ITSELF : source_of(p->covers, e);

	if (readonly ||
	    (e->readonly && (own || (source != ITSELF && !p->covers->sources[source]->readonly))))
		return mnt_restrict_at(p->top, path, MOUNT_ATTR_RDONLY | NOTHING);
	return 0;
}

static int open_place(struct place *p, const char *where, const char *bare)
{
	p->top = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->bare = open(bare, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->roots[ITSELF] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->top < 0 || p->bare < 0 || p->roots[ITSELF] < 0)
		return -errno;
	for (int i = 0; i < COVERS_SOURCES; i++) {
		if (!p->covers->sources[i])
			continue;
		p->roots[i] = open(p->covers->sources[i]->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (p->roots[i] < 0)
			return -errno;
	}
	return 0;
}

static void close_place(struct place *p)
{
	for (int i = 0; i <= ITSELF; i++)
		if (p->roots[i] >= 0)
			fd_close(p->roots[i]);
	if (p->bare >= 0)
		fd_close(p->bare);
	if (p->top >= 0)
		fd_close(p->top);
}

/* A mask at the top: of a file that hides something, and that nobody needs. */
static int lay_one_mask(struct place *p, const char *part, bool readonly)
{
	const struct covers *c = p->covers;
	int r = 0;

	(void)readonly; /* masks are */
	for (size_t i = 0; r == 0 && i < c->shop.n; i++) {
		const struct mountlist_entry *e = &c->shop.entries[i];
		const char *path = covers_below(e, part);

		if (path && !strchr(path, '/') && source_of(c, e) == EMPTY)
			r = bind_one(e, p, path);
	}
	return r < 0 ? r : r == 0 ? -EPERM : 0;
}

static int lay_all(struct place *p, const char *part, bool readonly)
{
	const struct covers *c = p->covers;
	const struct mountlist_entry *own = covers_part(c, part), *other = NULL;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->shop.n; i++) {
		const struct mountlist_entry *e = &c->shop.entries[i];
		const char *path = covers_below(e, part);
		bool is_own = covers_is_own_part(e, own);

		if (!path || is_of_other_net(c, e, is_own, &other))
			continue;
		r = is_own ? lay_own(e, p, path) : bind_one(e, p, path);
		if (r > 0)
			r = restrict_one(e, is_own, p, path, readonly);
		come_between(p, path);
	}
	return r < 0 ? r : 0;
}

typedef int lay_fn(struct place *p, const char *part, bool readonly);

static int lay_by(lay_fn *lay, const struct covers *c, const char *part, const char *where,
		  const char *bare, bool readonly)
{
	struct place p = { .covers = c, .top = -1, .bare = -1, .root = ITSELF };
	int r, back;

#ifdef MUTANT_TRANSPLANT_BARE
	return 0;
#endif
	for (int i = 0; i <= ITSELF; i++)
		p.roots[i] = -1;
	r = open_place(&p, where, bare);
	if (r == 0)
		r = lay(&p, part, readonly);
	p.root = -1;
	back = p.roots[ITSELF] < 0 ? 0 : go_to_root(&p, ITSELF);
	close_place(&p);
	return r < 0 ? r : back;
}

/**
 * covers_lay() - lay all that lies over @part over the new instance at @where too
 * @bare: where the instance is once more, without anything on it
 * @readonly: none of it is to be written
 *
 * In a copy of the stock, whose root is the working directory before and after. In the order in
 * which they were laid, so that what lies on a cover finds it.
 */
int covers_lay(const struct covers *c, const char *part, const char *where, const char *bare,
	       bool readonly)
{
	return lay_by(lay_all, c, part, where, bare, readonly);
}

/**
 * covers_lay_one() - lay just enough for the kernel not to take the instance for one that hides
 * nothing
 */
int covers_lay_one(const struct covers *c, const char *part, const char *where, const char *bare)
{
	return lay_by(lay_one_mask, c, part, where, bare, false);
}
