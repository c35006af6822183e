/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host check's mounts: ID-mapped mounts on each file system of interest, overlay on ID-mapped
 * layers, and proc's pidns option. Mounts are detached, or live in a mount namespace that ends with
 * the child that made it.
 */
#include "config.h"
#include "runtime/hostcheck-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/sys.h"

static const char *const places[] = { "/",    "/usr", "/var/lib", "/home",
				      "/srv", "/run", "/tmp",	  "/dev/shm" };

/* The type of the file system with device number @dev, as mountinfo names it. */
static char *fs_type_of(dev_t dev, const char *mountinfo)
{
	g_autofree char *number = g_strdup_printf(" %u:%u ", major(dev), minor(dev));
	const char *line = strstr(mountinfo, number);
	const char *type = line ? strstr(line, " - ") : NULL;

	if (!type)
		return g_strdup("unknown");
	return g_strndup(type + 3, strcspn(type + 3, " \n"));
}

static int try_idmap(const char *path, int userns_fd)
{
	autofd tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);

	return tree < 0 ? tree : sys_mount_setattr(tree, false, MOUNT_ATTR_IDMAP, 0, userns_fd);
}

static const char *idmap_consequence(const char *type)
{
	if (strcmp(type, "overlay") == 0)
		return "a root file system from here is built again on ID-mapped layers; volumes "
		       "are served by shiftfs";
	if (strcmp(type, "tmpfs") == 0)
		return "volumes from here are served by shiftfs; a container's own tmpfs is made "
		       "with its ids";
	return "root file systems and volumes from here are served by shiftfs";
}

/* One line for each file system, with all places that are on it. */
static void check_idmap(struct hostcheck *hc, int userns_fd, const char *mountinfo)
{
	bool done[G_N_ELEMENTS(places)] = { false };
	struct stat st, other;

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *name = g_strdup_printf("ID-mapped mounts of %s", places[i]);
		g_autofree char *type = NULL;
		g_autoptr(GString) detail = NULL;
		int r;

		if (done[i] || stat(places[i], &st) < 0)
			continue;
		type = fs_type_of(st.st_dev, mountinfo);
		detail = g_string_new(type);
		for (size_t k = i + 1; k < G_N_ELEMENTS(places); k++) {
			if (stat(places[k], &other) < 0 || other.st_dev != st.st_dev)
				continue;
			done[k] = true;
			g_string_append_printf(detail, ", %s", places[k]);
		}
		r = userns_fd < 0 ? userns_fd : try_idmap(places[i], userns_fd);
		if (r >= 0)
			hostcheck_add(hc, name, HOSTCHECK_OK, NULL, "%s", detail->str);
		else
			hostcheck_add(hc, name, HOSTCHECK_LIMITED, idmap_consequence(type),
				      "%s: %s", detail->str, g_strerror(-r));
	}
}

struct overlay_arg {
	const char *dir;
	int userns_fd;
};

/* As the container's root: a caller whose id has no image in the layers gets a read-only overlay.
 */
static int take_container_ids(void)
{
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
		return -errno;
	setfsgid(HOSTCHECK_BASE);
	setfsuid(HOSTCHECK_BASE);
	return setfsuid(-1) == (int)HOSTCHECK_BASE ? 0 : -EPERM;
}

static int mount_overlay(const char *dir)
{
	autofd fs = sys_fsopen("overlay");
	autofd mount_fd = -1;
	autofd file = -1;
	char path[512];
	int r = fs;

	for (int i = 0; r >= 0 && i < 3; i++) {
		static const char *const keys[] = { "lowerdir", "upperdir", "workdir" };

		g_snprintf(path, sizeof(path), "%s/%s", dir, keys[i]);
		r = sys_fsconfig_string(fs, keys[i], path);
	}
	if (r >= 0)
		r = sys_fsconfig_create(fs);
	if (r >= 0)
		r = mount_fd = sys_fsmount(fs, 0);
	if (r < 0)
		return r;
	file = openat(mount_fd, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return file < 0 ? -errno : 0;
}

static int try_overlay(void *p)
{
	const struct overlay_arg *arg = p;
	autofd tree = -1;
	int r;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	r = tree = sys_open_tree(AT_FDCWD, arg->dir, OPEN_TREE_CLONE);
	if (r >= 0)
		r = sys_mount_setattr(tree, false, MOUNT_ATTR_IDMAP, 0, arg->userns_fd);
	if (r >= 0)
		r = sys_move_mount(tree, "", AT_FDCWD, arg->dir, MOVE_MOUNT_F_EMPTY_PATH);
	if (r >= 0)
		r = take_container_ids();
	return r < 0 ? r : mount_overlay(arg->dir);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* On the first of a few writable places; returns 0, or why it failed on the last. */
static int overlay_somewhere(int userns_fd, const char **place)
{
	static const char *const tries[] = { "/var/lib", "/run", "/tmp" };
	static const char *const layers[] = { "lowerdir", "upperdir", "workdir" };
	int r = -ENOENT;

	for (size_t i = 0; r < 0 && i < G_N_ELEMENTS(tries); i++) {
		g_autofree char *dir = g_strdup_printf("%s/.cloister-check-XXXXXX", tries[i]);
		struct overlay_arg arg = { .dir = dir, .userns_fd = userns_fd };

		if (!mkdtemp(dir)) {
			r = -errno;
			continue;
		}
		for (size_t k = 0; k < G_N_ELEMENTS(layers); k++) {
			g_autofree char *layer = g_build_filename(dir, layers[k], NULL);

			(void)!mkdir(layer, 0755);
		}
		r = hostcheck_in_child(0, try_overlay, &arg);
		*place = tries[i];
		nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	}
	return r;
}

static int try_pidns_option(void)
{
	autofd fs = sys_fsopen("proc");
	autofd ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (fs < 0)
		return fs;
	return ns < 0 ? -errno : sys_fsconfig_fd(fs, "pidns", ns);
}

/**
 * hostcheck_mounts() - which file systems can be ID-mapped, and can overlays be made on such
 * layers?
 */
void hostcheck_mounts(struct hostcheck *hc)
{
	g_autofree char *mountinfo = NULL;
	autofd userns = hostcheck_userns();
	const char *place = "";
	int r;

	if (!g_file_get_contents("/proc/self/mountinfo", &mountinfo, NULL, NULL))
		mountinfo = g_strdup("");
	check_idmap(hc, userns, mountinfo);
	r = userns < 0 ? userns : overlay_somewhere(userns, &place);
	if (r >= 0)
		hostcheck_add(hc, "overlay on ID-mapped layers", HOSTCHECK_OK, NULL, "tried in %s",
			      place);
	else
		hostcheck_add(hc, "overlay on ID-mapped layers", HOSTCHECK_MISSING,
			      "overlay root file systems (Docker's) are served by shiftfs", "%s",
			      g_strerror(-r));
	hostcheck_add_result(hc, "proc pidns= option", try_pidns_option(),
			     "proc is mounted without a helper inside",
			     "a helper joins the pid namespace to mount proc");
}
