/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host check's FUSE and cgroups.
 *
 * What FUSE can do is asked of the kernel: a file system is created, not attached anywhere, and its
 * first request (INIT) names protocol and features. It is never answered; closing ends it.
 */
#include "config.h"
#include "runtime/hostcheck-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cgroup.h"
#include "lib/fd.h"
#include "lib/sys.h"

/* Newer than Debian 12's <linux/fuse.h>. */
#define CHECK_FUSE_INIT_EXT	 (1ULL << 30)
#define CHECK_FUSE_PASSTHROUGH	 (1ULL << 37)
#define CHECK_FUSE_HAS_RESEND	 (1ULL << 39)
#define CHECK_FUSE_ALLOW_IDMAP	 (1ULL << 40)
#define CHECK_FUSE_OVER_IO_URING (1ULL << 41)

#define URING_SWITCH "/sys/module/fuse/parameters/enable_uring"

struct fuse_features {
	unsigned int major, minor;
	guint64 flags;
};

static int create_fuse(int dev, int *ret_mount)
{
	char number[16];
	autofd fs = sys_fsopen("fuse");
	int r;

	if (fs < 0)
		return fs;
	g_snprintf(number, sizeof(number), "%d", dev);
	r = sys_fsconfig_string(fs, "fd", number);
	if (r >= 0)
		r = sys_fsconfig_string(fs, "rootmode", "40000");
	if (r >= 0)
		r = sys_fsconfig_string(fs, "user_id", "0");
	if (r >= 0)
		r = sys_fsconfig_string(fs, "group_id", "0");
	if (r >= 0)
		r = sys_fsconfig_create(fs);
	if (r >= 0)
		r = *ret_mount = sys_fsmount(fs, 0);
	return r < 0 ? r : 0;
}

static int read_init(int dev, struct fuse_features *f)
{
	char buf[FUSE_MIN_READ_BUFFER];
	const struct fuse_in_header *header = (const void *)buf;
	const struct fuse_init_in *init = (const void *)(header + 1);
	struct pollfd poll_dev = { .fd = dev, .events = POLLIN };
	ssize_t n;

	if (poll(&poll_dev, 1, 2000) != 1)
		return -ETIMEDOUT;
	n = read(dev, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	/* Four numbers since the beginning; the second half of the flags since 5.17. */
	if ((size_t)n < sizeof(*header) + 16 || header->opcode != FUSE_INIT)
		return -EPROTO;
	f->major = init->major;
	f->minor = init->minor;
	f->flags = init->flags;
	if ((f->flags & CHECK_FUSE_INIT_EXT) && (size_t)n >= sizeof(*header) + 20)
		f->flags |= (guint64)init->flags2 << 32;
	return 0;
}

static int probe_fuse(struct fuse_features *f, const char **step)
{
	autofd mount = -1;
	autofd dev = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int r;

	*step = "/dev/fuse";
	if (dev < 0)
		return -errno;
	*step = "file system";
	r = create_fuse(dev, &mount);
	if (r < 0)
		return r;
	*step = "first request";
	return read_init(dev, f);
}

static void add_feature(struct hostcheck *hc, const char *name, bool has, const char *detail,
			const char *consequence)
{
	hostcheck_add(hc, name, has ? HOSTCHECK_OK : HOSTCHECK_MISSING, has ? NULL : consequence,
		      "%s", has ? detail : "not offered by this kernel");
}

/* A kernel that has it offers it only where the administrator has switched it on. */
static void add_io_uring(struct hostcheck *hc, bool offered)
{
	if (offered || access(URING_SWITCH, F_OK) < 0)
		add_feature(hc, "FUSE over io_uring", offered, "enabled in the fuse module",
			    "requests to shiftfs go through /dev/fuse");
	else
		hostcheck_add(hc, "FUSE over io_uring", HOSTCHECK_LIMITED,
			      "requests to shiftfs go through /dev/fuse; `echo Y >" URING_SWITCH
			      "` switches it on for mounts made later",
			      "switched off in the fuse module");
}

/**
 * hostcheck_fuse() - can FUSE be mounted, and what can its kernel side do?
 */
void hostcheck_fuse(struct hostcheck *hc)
{
	struct fuse_features f = { 0 };
	const char *step;
	int r = probe_fuse(&f, &step);

	if (r < 0) {
		hostcheck_add(hc, "FUSE", HOSTCHECK_MISSING,
			      "no container can run: load the module fuse, or make /dev/fuse "
			      "(character device 10:229)",
			      "%s: %s", step, g_strerror(-r));
		hostcheck_require(hc);
		return;
	}
	hostcheck_add(hc, "FUSE", HOSTCHECK_OK, NULL, "protocol %u.%u", f.major, f.minor);
	hostcheck_require(hc);
	add_feature(hc, "FUSE resend", f.flags & CHECK_FUSE_HAS_RESEND,
		    "a server that died is replaced and asked again",
		    "a replaced server answers from requests kept in shared memory");
	add_feature(hc, "FUSE passthrough", f.flags & CHECK_FUSE_PASSTHROUGH,
		    "offered, for shiftfs",
		    "file contents are copied through the server of shiftfs");
	add_feature(hc, "FUSE on ID-mapped mounts", f.flags & CHECK_FUSE_ALLOW_IDMAP,
		    "offered, for shiftfs", "one server of shiftfs per container");
	add_io_uring(hc, f.flags & CHECK_FUSE_OVER_IO_URING);
}

static char *v2_controllers(const struct cgroup_hierarchy *h)
{
	char list[256];

	if (fd_read_file_at(h->mount_fd, "cgroup.controllers", list, sizeof(list)) < 0)
		return g_strdup("");
	return g_strdup(list);
}

/* Makes a cgroup and removes it. */
static int try_cgroup(const struct cgroup_hierarchy *h)
{
	char name[64];

	g_snprintf(name, sizeof(name), "cloister-check-%d", (int)getpid());
	if (mkdirat(h->mount_fd, name, 0755) < 0)
		return -errno;
	return unlinkat(h->mount_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* One line for each hierarchy; what has which controller is gathered in @all. */
static void check_hierarchy(struct hostcheck *hc, const struct cgroup_hierarchy *h, GString *all,
			    bool needed)
{
	g_autofree char *list = h->v2 ? v2_controllers(h) : g_strdup(h->controllers);
	g_autofree char *name = g_strdup_printf("cgroup %s", h->v2 ? "v2" : list);
	int r = try_cgroup(h);

	if (r < 0) {
		hostcheck_add(hc, name, needed ? HOSTCHECK_MISSING : HOSTCHECK_LIMITED,
			      needed ? "no container can run: mount it writable"
				     : "containers run without it",
			      "%s: %s", h->mount_point, g_strerror(-r));
	} else {
		hostcheck_add(hc, name, HOSTCHECK_OK, NULL, "%s is writable%s%s", h->mount_point,
			      h->v2 ? "; controllers: " : "", h->v2 ? (*list ? list : "none") : "");
		g_string_append_printf(all, "%s ", list);
	}
	if (needed)
		hostcheck_require(hc);
}

static void check_limits(struct hostcheck *hc, const char *all)
{
	static const char *const wanted[] = { "memory", "cpu", "cpuset", "pids" };
	g_autoptr(GString) have = g_string_new(NULL), lack = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
		GString *list = cgroup_list_has(all, wanted[i]) ? have : lack;

		g_string_append_printf(list, "%s%s", list->len ? ", " : "", wanted[i]);
	}
	if (lack->len)
		hostcheck_add(hc, "limits", HOSTCHECK_LIMITED,
			      "a container with such a limit is refused", "no controller for %s",
			      lack->str);
	else
		hostcheck_add(hc, "limits", HOSTCHECK_OK, NULL, "%s", have->str);
}

/**
 * hostcheck_cgroups() - which cgroup hierarchies are there, with which controllers?
 */
void hostcheck_cgroups(struct hostcheck *hc)
{
	static const char *const modes[] = { [CGROUP_V1] = "v1",
					     [CGROUP_HYBRID] = "hybrid: v1 controllers, v2 beside",
					     [CGROUP_V2] = "v2" };
	g_autoptr(GString) all = g_string_new(NULL);
	struct cgroups cg;
	int r = cgroup_detect(&cg);

	if (r < 0 || cg.n == 0) {
		hostcheck_add(hc, "cgroups", HOSTCHECK_MISSING,
			      "no container can run: mount cgroup2 on /sys/fs/cgroup", "%s",
			      r < 0 ? g_strerror(-r) : "none mounted");
		hostcheck_require(hc);
		return;
	}
	hostcheck_add(hc, "cgroups", HOSTCHECK_OK, NULL, "%s", modes[cgroup_mode(&cg)]);
	for (int i = 0; i < cg.n; i++)
		check_hierarchy(hc, &cg.h[i], all, cgroup_is_needed(&cg, &cg.h[i]));
	check_limits(hc, all->str);
	cgroup_free(&cg);
}
