/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of a container that are served by shiftfs (shiftfs-fallback/): volumes and roots on file
 * systems or kernels without ID-mapped mounts, and what is shared with the rights of a user or
 * without some names.
 *
 * The mounts are made in the workshop with the others. Their servers are started when we are back
 * on the host, since one that lived in the workshop would keep it; until then whoever looks waits,
 * and that is at most PID 1. One server for all of them, which replaces itself when it is killed,
 * in the helpers' cgroup: it ends when the container's mounts are gone, and is killed with that
 * cgroup. What is served with the rights of a user has a server of its own with those, one for each
 * such user: a process that has root's could take on a user's for one request, but would keep the
 * way back to root's, and who took it over would have that.
 *
 * What a server is given it can do as root, so nothing that controls the kernel is served: a
 * procfs would hand the host to root inside, who is shown as its owner. File systems that hold
 * files, and no others, are.
 */
#include "config.h"
#include "runtime/serve.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/wardenlink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include <linux/magic.h>

#define READY_MS 10000

/* Each keeps what the container's programs look at; page cache beyond that is given back. */
#define MEMORY_LIMIT (512 << 20)

/* Those that <linux/magic.h> lacks, or had not in 5.10. */
#define BCACHEFS_MAGIC 0xca451a4e
#define GFS2_MAGIC     0x01161970
#define HFSPLUS_MAGIC  0x482b
#define JFS_MAGIC      0x3153464a
#define NTFS3_MAGIC    0x7366746e
#define NTFS_MAGIC     0x5346544e
#define ORANGEFS_MAGIC 0x20030528
#define UBIFS_MAGIC    0x24051905
#define VBOXSF_MAGIC   0x786f4256
#define VMHGFS_MAGIC   0xbacbacbc
#define ZFS_MAGIC      0x2fc12fc1
#define EXFAT_MAGIC    0x2011bab0
#define SMB2_MAGIC     0xfe534d42

static bool holds_files(uint32_t type)
{
	static const uint32_t types[] = {
		EXT4_SUPER_MAGIC,
		XFS_SUPER_MAGIC,
		BTRFS_SUPER_MAGIC,
		TMPFS_MAGIC,
		RAMFS_MAGIC,
		OVERLAYFS_SUPER_MAGIC,
		FUSE_SUPER_MAGIC,
		NFS_SUPER_MAGIC,
		V9FS_MAGIC,
		CEPH_SUPER_MAGIC,
		SMB2_MAGIC,
		CIFS_SUPER_MAGIC,
		MSDOS_SUPER_MAGIC,
		EXFAT_MAGIC,
		F2FS_SUPER_MAGIC,
		SQUASHFS_MAGIC,
		EROFS_SUPER_MAGIC_V1,
		ISOFS_SUPER_MAGIC,
		UDF_SUPER_MAGIC,
		REISERFS_SUPER_MAGIC,
		NILFS_SUPER_MAGIC,
		OCFS2_SUPER_MAGIC,
		AFS_SUPER_MAGIC,
		AFS_FS_MAGIC,
		ECRYPTFS_SUPER_MAGIC,
		HOSTFS_SUPER_MAGIC,
		BCACHEFS_MAGIC,
		GFS2_MAGIC,
		HFSPLUS_MAGIC,
		JFS_MAGIC,
		NTFS3_MAGIC,
		NTFS_MAGIC,
		ORANGEFS_MAGIC,
		UBIFS_MAGIC,
		VBOXSF_MAGIC,
		VMHGFS_MAGIC,
		ZFS_MAGIC,
	};

#ifdef MUTANT_SERVED_PROC
	return true;
#endif
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

/* A devtmpfs cannot be told from a tmpfs by its type, but there is only one. */
static bool is_host_dev(const struct tree *tree, const struct stat *st)
{
	struct stat dev;

	return fstatat(tree->shop->host_root, "dev/fuse", &dev, AT_SYMLINK_NOFOLLOW) < 0 ||
	       dev.st_dev == st->st_dev;
}

/**
 * serve_obstacle() - why the tree at @fd cannot be served, or NULL
 */
const char *serve_obstacle(const struct tree *tree, int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return "it cannot be looked at";
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return "shiftfs serves directories and regular files";
	if (!holds_files(fs.f_type))
		return "shiftfs does not serve file systems of the kernel's own";
	return is_host_dev(tree, &st) ? "shiftfs does not serve the host's devices" : NULL;
}

static void add(GPtrArray *args, const char *option, char *value)
{
	g_ptr_array_add(args, g_strdup(option));
	g_ptr_array_add(args, value);
}

/* Of a mount's own mapping "containerID" is the id on disk, "hostID" the one that is shown. */
static void add_map(GPtrArray *args, const char *option, const struct tree *tree, const GArray *map)
{
	for (guint i = 0; map && i < map->len; i++) {
		const struct spec_map *m = &g_array_index(map, struct spec_map, i);

		add(args, option, g_strdup_printf("%u:%u:%u", m->outside, m->inside, m->count));
	}
	if (!map || !map->len)
		add(args, option, g_strdup_printf("%u:0:%u", tree->uid, tree->count));
}

/* About this one mount; what is about its server: server_args(). */
static GPtrArray *make_args(const struct tree *tree, const struct serve_what *w)
{
	GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
	const struct spec_serve *s = w->serve;

	add(args, "--target", g_strdup(w->target));
	if (w->as) {
		add(args, "--owner", g_strdup_printf("%u:%u", tree->uid, tree->gid));
	} else {
		add_map(args, "--uid-map", tree, w->uid_map);
		add_map(args, "--gid-map", tree, w->gid_map);
	}
	/*
	 * Who else has a volume writes to it by another mount: of a write-ahead log with attributes
	 * a second old, rows get lost. A root is nobody else's.
	 */
	if (s)
		add(args, "--cache", g_strdup(s->cache ?: "strict"));
	for (guint i = 0; s && s->hide && i < s->hide->len; i++)
		add(args, "--hide", g_strdup(s->hide->pdata[i]));
	return args;
}

static int open_fuse(const struct tree *tree)
{
	int fd = openat(tree->shop->host_root, "dev/fuse", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * serve_mount() - put a FUSE mount in the place of a detached clone; see serve_start()
 * @tree_fd: the clone, which becomes the server's; then the mount
 *
 * Return: 0 or -errno.
 */
int serve_mount(struct tree *tree, int *tree_fd, const struct serve_what *w)
{
	struct plan_served served = { .source_fd = -1 };
	autofd fuse = open_fuse(tree);
	char options[256];
	struct stat st;
	int mnt;

	if (fuse < 0)
		return fuse;
	if (fstat(*tree_fd, &st) < 0)
		return -errno;
	g_snprintf(options, sizeof(options),
		   "source=shiftfs,subtype=shiftfs,fd=%d,rootmode=%o,user_id=0,group_id=0,"
		   "allow_other,default_permissions",
		   fuse, st.st_mode & S_IFMT);
	mnt = mnt_new("fuse", options, MOUNT_ATTR_NODEV | (w->as ? MOUNT_ATTR_NOSUID : 0));
	if (mnt < 0)
		return mnt;
	served.fuse_fd = fd_steal(&fuse);
	served.source_fd = *tree_fd;
	served.args = make_args(tree, w);
	served.as = g_strdup(w->as);
	served.what = g_strdup_printf("%s \"%s\"", w->what, w->path);
	g_array_append_val(tree->plan->served, served);
	*tree_fd = mnt;
	return 0;
}

/* Each thread holds 2 MiB at most, and all of them are held in the helpers' cgroup. */
static char **make_argv(const struct container *c, const GPtrArray *options)
{
	static const char *const fixed[] = { "shiftfs", "--threads", "8", "--survive", "--name" };
	GPtrArray *argv = g_ptr_array_new();

	for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++)
		g_ptr_array_add(argv, (char *)fixed[i]);
	g_ptr_array_add(argv, c->id);
	for (guint i = 0; i < options->len; i++)
		g_ptr_array_add(argv, options->pdata[i]);
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, false);
}

/**
 * serve_spawn() - start a server, in the helpers' cgroup
 * @options: char *, what it serves; they call descriptors by the numbers that they get
 * @fds: int; become its descriptors from 3 on
 * @server: receives who it is, may be NULL
 */
bool serve_spawn(const struct container *c, const GPtrArray *options, const GArray *fds,
		 struct proc_id *server, GError **error)
{
	g_autofree char *path = wardenlink_program("shiftfs");
	g_autofree char **argv = make_argv(c, options);
	pid_t pid = wardenlink_spawn_helper(c, path, argv, (const int *)fds->data, (int)fds->len);

	if (pid < 0)
		return error_set_errno(error, pid, "start \"%s\"", path);
	return !server || proc_identify(pid, server) == 0 ||
	       error_set(error, "\"%s\" ended at once", path);
}

static bool same_identity(const struct plan_served *a, const struct plan_served *b)
{
#ifdef MUTANT_SERVE_AS_ROOT
	return true;
#endif
	return g_strcmp0(a->as, b->as) == 0;
}

static bool wait_ready(int fd, const char *what, GError **error)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;
	int r;

	do {
		r = poll(&p, 1, READY_MS);
	} while (r < 0 && errno == EINTR);
	return (r == 1 && read(fd, &c, 1) == 1) ||
	       error_set(error, "%s: its server, shiftfs, did not start; is it installed?", what);
}

/* An option that calls a descriptor by the number that it gets in the server. */
static void add_fd(GPtrArray *options, const char *option, GArray *fds, int fd)
{
	add(options, option, g_strdup_printf("%u", 3 + fds->len));
	g_array_append_val(fds, fd);
}

/*
 * What the server of @first serves: all mounts with its identity. Only they are about to be its
 * descriptors, so a user's server has nothing of the others.
 */
static GPtrArray *server_args(GArray *served, struct plan_served *first, GArray *fds, int ready)
{
	GPtrArray *options = g_ptr_array_new_with_free_func(g_free);

	add_fd(options, "--ready-fd", fds, ready);
	if (first->as)
		add(options, "--as", g_strdup(first->as));
	for (guint i = 0; i < served->len; i++) {
		struct plan_served *s = &g_array_index(served, struct plan_served, i);

		if (s->started || !same_identity(s, first))
			continue;
		s->started = true;
		if (s != first)
			g_ptr_array_add(options, g_strdup("--next"));
		add_fd(options, "--source-fd", fds, s->source_fd);
		add_fd(options, "--fuse-fd", fds, s->fuse_fd);
		for (guint j = 0; j < s->args->len; j++)
			g_ptr_array_add(options, g_strdup(s->args->pdata[j]));
	}
	return options;
}

/* @ready: receives what is to be waited for, unless somebody else serves it as well */
static bool start_for(struct container *c, struct plan_served *s, int *ready, GError **error)
{
	g_autoptr(GArray) fds = g_array_new(false, false, sizeof(int));
	g_autoptr(GPtrArray) options = NULL;
	int pipe_fds[2];
	bool ok;

	if (s->started)
		return true;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_set_errno(error, -errno, "make a pipe");
	*ready = pipe_fds[0];
	options = server_args(c->plan.served, s, fds, pipe_fds[1]);
	ok = serve_spawn(c, options, fds, NULL, error);
	close(pipe_fds[1]);
	return ok;
}

/**
 * serve_start() - start the servers of what serve_mount() has mounted, and wait until they answer
 *
 * On the host again, while PID 1 joins its tree.
 */
bool serve_start(struct container *c, GError **error)
{
	struct cgroup_limits limits = { .memory = MEMORY_LIMIT };
	GArray *served = c->plan.served;
	g_autofree int *ready = g_new(int, served->len + 1);
	char what[256] = "";
	bool ok = true;
	guint n;

	if (served->len)
		cgroup_set_limits(&c->helpers, &limits, what, sizeof(what));
	for (n = 0; ok && n < served->len; n++) {
		ready[n] = -1;
		ok = start_for(c, &g_array_index(served, struct plan_served, n), &ready[n], error);
	}
	for (guint i = 0; i < served->len; i++) {
		struct plan_served *s = &g_array_index(served, struct plan_served, i);

		/* when the server dies, so does the connection */
		fd_cleanup(&s->fuse_fd);
		fd_cleanup(&s->source_fd);
		s->fuse_fd = s->source_fd = -1;
	}
	for (guint i = 0; i < n; i++) {
		const char *name = g_array_index(served, struct plan_served, i).what;

		ok = ok && (ready[i] < 0 || wait_ready(ready[i], name, error));
		fd_cleanup(&ready[i]);
	}
	return ok;
}
