/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covering the sysctls of the table: a directory that holds nothing else as one, what lies among
 * files that have to stay the kernel's each by itself.
 *
 * Never covered is what a container runtime writes: net.*, kernel.{msg*,sem,shm*}, fs.mqueue.*.
 * Those that run inside open them with openat2(RESOLVE_NO_XDEV) and would take a cover for an
 * attack; and the kernel has them per namespace. Of net.* only files are covered that the kernel
 * lets nobody write in a network namespace of one's own, because they are not the namespace's; and
 * the directories of sysctl_net_dirs[], for what it does not even show there, or not yet: a mount
 * falls off a file when its module goes, and none is there when it comes again. A runtime inside
 * writes to a network namespace that it has made, where other files are, and no cover.
 */
#include "config.h"
#include "runtime/tree.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/nsmount.h"
#include "lib/sys.h"
#include "lib/sysctl-store.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A directory of the container's procfs, opened once. */
struct dirs {
	char path[128];
	size_t len; /* 0: none is open */
	int target;
};

#define DIRS_NONE                                                                                  \
	{                                                                                          \
		.target = -1                                                                       \
	}

struct lay {
	const struct tree *tree;
	struct sysctl_store *store;
	bool proc, sys;	    /* whether the container has a procfs, a sysfs */
	const char *failed; /* path */
};

static void close_dirs(struct dirs *d)
{
	if (d->target >= 0)
		fd_close(d->target);
	*d = (struct dirs)DIRS_NONE;
}

/*
 * Go to the directory of @path, whose name is @len bytes long.
 * Return: 0, -ENOENT if this kernel has no such directory, or -errno.
 */
static int open_dirs(const struct lay *lay, const char *path, size_t len, struct dirs *d)
{
	int r;

	if (d->len == len && memcmp(d->path, path, len) == 0)
		return 0;
	close_dirs(d);
	if (len >= sizeof(d->path))
		return -ENAMETOOLONG;
	memcpy(d->path, path, len);
	d->path[len] = '\0';
	r = sys_openat2(lay->tree->shop->base, d->path, O_PATH | O_DIRECTORY,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (r < 0)
		return r;
	d->target = r;
	d->len = len;
	return fchdir(r) < 0 ? -errno : 0;
}

/* Linux 6.14 */
static bool has_sysctls_per_pid(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname kernel;

	return uname(&kernel) == 0 && sscanf(kernel.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 14));
}

/*
 * Has the kernel given this file to the container's root, to write too? Then it has a namespace for
 * it, which is right for nested containers as well, whatever our table says. What cannot be looked
 * at is covered. Whose a file is depends on who looks: of what is not net.* we see the host's, and
 * need not ask.
 *
 * A pid namespace cannot be entered to look. A cover on one of its files would lie where nobody
 * inside finds it; but it is in the list of mounts, and who makes each of them read-only by its
 * path (bwrap) would stop there.
 */
static bool is_containers_own(const struct lay *lay, int dir, const char *name,
			      const struct sysctl *s)
{
	struct stat st;

	if (s->quirk == SYSCTL_PER_PID && has_sysctls_per_pid())
		return true;
	return sysctl_namespaced(s->path) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_uid == lay->tree->uid && (st.st_mode & 0200);
}

/*
 * Cover @path, a row's own or a directory's (@s is NULL), in the workshop's base. The way to it has
 * no symlink: open_dirs() went it, and the names of sysctls are none.
 */
static int lay_one(struct lay *lay, struct dirs *d, const char *path, const struct sysctl *s)
{
	const char *slash = strrchr(path, '/');
	int r = open_dirs(lay, path, slash - path, d);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (s && is_containers_own(lay, d->target, slash + 1, s)) {
		sysctl_store_mark(lay->store, s, SYSCTL_NATIVE);
		return 0;
	}
	r = tree_lay_cover(path, slash + 1);
	/* A kernel without that file: nothing to hide. What the server lacks is an error. */
	return r == -ENOENT && faccessat(d->target, slash + 1, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? 0
											      : r;
}

/*
 * Does the kernel have one of the rows below @dir there, as the container's own? Then all are left
 * to it.
 */
static bool has_rows(const struct lay *lay, const struct sysctl_net_dir *dir, int fd)
{
	for (int i = 0; i < sysctls_count; i++) {
		const char *name = sysctls[i].path + strlen(dir->path) + 1;

		if (sysctl_net_dir(sysctls[i].path) == dir &&
		    (dir->natives ? is_containers_own(lay, fd, name, &sysctls[i])
				  : faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0))
			return true;
	}
	return false;
}

static void mark_rows(struct lay *lay, const struct sysctl_net_dir *dir, unsigned int marks)
{
	for (int i = 0; i < sysctls_count; i++)
		if (sysctl_net_dir(sysctls[i].path) == dir)
			sysctl_store_mark(lay->store, &sysctls[i], marks);
}

/* What of @dir, which is open as @under, is laid into the server's directory, or NULL. */
static const char *own_part(const struct sysctl_net_dir *dir, int under)
{
	if (dir->natives && faccessat(under, SYSCTL_NF_LOG, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return SYSCTL_NF_LOG;
	return dir->devices ? "" : NULL;
}

/* The server's directory, and in it the kernel's own, which is a part of this very procfs. */
static int lay_net_dir(struct lay *lay, const struct sysctl_net_dir *dir)
{
	int base = lay->tree->shop->base, r;
	autofd under = sys_openat2(base, dir->path, O_PATH | O_DIRECTORY,
				   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	autofd own = -1;
	const char *part;
	char path[128];

	if (under < 0)
		return under == -ENOENT ? 0 : under;
	if (has_rows(lay, dir, under)) {
		mark_rows(lay, dir, SYSCTL_NATIVE);
		return 0;
	}
#ifdef MUTANT_NETFILTER_BARE
	if (dir->natives)
		return 0;
#endif
	part = own_part(dir, under);
	own = part ? mnt_clone(under, part, false) : -1;
	if (part && own < 0)
		return own;
	r = fchdir(base) < 0 ? -errno : tree_lay_cover(dir->path, dir->path);
	g_snprintf(path, sizeof(path), "%s/%s", dir->path,
		   part && *part ? part : SYSCTL_NET_KERNEL);
	if (r == 0 && part)
		r = mnt_attach(own, base, path);
	if (r == 0)
		mark_rows(lay, dir, SYSCTL_IS_THERE);
	return r;
}

static int lay_net_dirs(struct lay *lay)
{
	int r = 0;

	for (int i = 0; i < sysctl_net_dirs_count && r == 0; i++) {
		lay->failed = sysctl_net_dirs[i].path;
		r = lay_net_dir(lay, &sysctl_net_dirs[i]);
	}
	return r;
}

/*
 * Whose file a path below /proc/sys/net leads to depends on who looks: a cover that is laid from
 * another network namespace lies on a file that the container never sees.
 */
static int lay_net(void *arg)
{
	struct dirs dirs = DIRS_NONE;
	struct lay *lay = arg;
	int r = 0;

	for (int i = 0; i < sysctls_count && r == 0; i++) {
		if (sysctls[i].policy == SYSCTL_KERNEL || !sysctl_namespaced(sysctls[i].path) ||
		    sysctl_net_dir(sysctls[i].path))
			continue;
		lay->failed = sysctls[i].path;
		r = lay_one(lay, &dirs, sysctls[i].path, &sysctls[i]);
	}
	close_dirs(&dirs);
	return r < 0 ? r : lay_net_dirs(lay);
}

static int lay_in_net(struct lay *lay)
{
	autofd ns = -1;
	char path[32];

	lay->failed = "proc/sys/net";
	g_snprintf(path, sizeof(path), "%d/ns/net", (int)lay->tree->init_pid);
	ns = openat(lay->tree->shop->host_proc, path, O_RDONLY | O_CLOEXEC);
	return ns < 0 ? -errno : nsmount_in_net(lay->tree->shop->host_proc, ns, lay_net, lay);
}

static int lay_dir(struct lay *lay, struct dirs *d, const struct sysctl *s, size_t len)
{
	char path[128];

	g_snprintf(path, sizeof(path), "%.*s", (int)len, s->path);
	return lay_one(lay, d, path, NULL);
}

static int lay_others(struct lay *lay)
{
	struct dirs dirs = DIRS_NONE;
	const struct sysctl *last = NULL; /* covered with its directory, whose path is so long: */
	size_t last_len = 0;
	int r = 0;

	for (int i = 0; i < sysctls_count && r == 0; i++) {
		const struct sysctl *s = &sysctls[i];
		size_t len = sysctl_store_dir(lay->store, s);

		if (s->policy == SYSCTL_KERNEL || !(s->path[0] == 'p' ? lay->proc : lay->sys) ||
		    !(sysctl_store_marks(lay->store, s) & SYSCTL_IS_THERE))
			continue;
		lay->failed = s->path;
		if (len == 0)
			r = lay_one(lay, &dirs, s->path, s);
		else if (len != last_len || strncmp(last->path, s->path, len) != 0)
			r = lay_dir(lay, &dirs, s, len);
		last = s;
		last_len = len;
	}
	close_dirs(&dirs);
	return r;
}

/**
 * tree_cover_sysctls() - lay the covers of the table of sysctls
 *
 * (The store is mapped: nothing of the container runs yet that could have taken its server over.)
 * @proc, @sys: whether the container has a procfs, a sysfs
 */
bool tree_cover_sysctls(const struct tree *tree, bool proc, bool sys, GError **error)
{
	autofd fd = openat(tree->state_dir, SYSCTL_STORE_FILE, O_RDWR | O_CLOEXEC);
	struct sysctl_store store;
	struct lay lay = { tree, &store, proc, sys, "proc/sys" };
	int r = fd < 0 ? -errno : sysctl_store_map(&store, fd);

	if (r == 0) {
		r = lay_others(&lay);
		if (r == 0 && proc)
			r = lay_in_net(&lay);
		sysctl_store_close(&store);
	}
	return r == 0 || error_set_errno(error, r, "cover \"/%s\"", lay.failed);
}
