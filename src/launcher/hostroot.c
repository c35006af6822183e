/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A throw-away root over the host's own /usr, so that `cloister launch -- bash` needs no image:
 * /usr read-only, everything else private. The files it begins with are kept as a template in the
 * state root, made once, and copied into each container's own tmpfs.
 */
#include "config.h"
#include "launcher/hostroot.h"

#include "launcher/launcher.h"
#include "lib/fd.h"
#include "lib/rundir.h"
#include "runtime/error.h"
#include "runtime/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATE ".template"

static const struct {
	const char *path;
	mode_t mode;
} dirs[] = {
	{ "etc", 0755 },      { "etc/alternatives", 0755 },
	{ "root", 0700 },     { "tmp", 01777 },
	{ "home", 0755 },     { "mnt", 0755 },
	{ "opt", 0755 },      { "srv", 0755 },
	{ "run", 0755 },      { "usr", 0755 },
	{ "proc", 0555 },     { "sys", 0555 },
	{ "dev", 0755 },      { "var", 0755 },
	{ "var/tmp", 01777 }, { "var/lib", 0755 },
	{ "var/log", 0755 },  { "var/cache", 0755 },
};

static const struct {
	const char *path, *text;
} files[] = {
	{ "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
			"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" },
	{ "etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nusers:x:100:\nnogroup:x:65534:\n" },
	{ "etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n" },
	{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n" },
	{ "etc/resolv.conf", "" },
};

/* Where the host keeps programs and libraries if /usr does not have all of them. */
static const char *const tops[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };

static int make_dirs(int dir)
{
	for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++)
		if (mkdirat(dir, dirs[i].path, dirs[i].mode) < 0 ||
		    fchmodat(dir, dirs[i].path, dirs[i].mode, 0) < 0)
			return -errno;
	return 0;
}

static int make_files(int dir)
{
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		autofd fd = openat(dir, files[i].path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				   0644);

		if (fd < 0 || fd_write_all(fd, files[i].text, strlen(files[i].text)) < 0)
			return -errno;
	}
	return 0;
}

/* /bin -> usr/bin as on the host; a real directory becomes a mount point. */
static int make_tops(int dir)
{
	for (size_t i = 0; i < G_N_ELEMENTS(tops); i++) {
		char path[16], target[PATH_MAX];
		ssize_t n;

		snprintf(path, sizeof(path), "/%s", tops[i]);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0 && errno == ENOENT)
			continue;
		target[n < 0 ? 0 : n] = '\0';
		if (n < 0 ? mkdirat(dir, tops[i], 0755) < 0 : symlinkat(target, dir, tops[i]) < 0)
			return -errno;
	}
	return 0;
}

/* Without it the dynamic linker looks for every library in a dozen places. */
static void copy_linker_cache(int dir)
{
	autofd in = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);
	autofd out = in < 0 ? -1
			    : openat(dir, "etc/ld.so.cache", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	while (out >= 0 && sendfile(out, in, NULL, 1 << 20) > 0)
		;
}

static bool is_current(int root_fd)
{
	struct stat made, cache;

	if (fstatat(root_fd, TEMPLATE "/etc/passwd", &made, 0) < 0)
		return false;
	return stat("/etc/ld.so.cache", &cache) < 0 || cache.st_mtime <= made.st_mtime;
}

/* Made under another name and renamed: a launcher beside us sees all of it or nothing. */
static int make_template(int root_fd)
{
	char tmp[64];
	autofd dir = -1;
	int r;

	snprintf(tmp, sizeof(tmp), TEMPLATE ".%d", (int)getpid());
	if (mkdirat(root_fd, tmp, 0755) < 0)
		return -errno;
	dir = openat(root_fd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = make_dirs(dir);
	if (r == 0)
		r = make_files(dir);
	if (r == 0)
		r = make_tops(dir);
	copy_linker_cache(dir);
	if (r == 0 && renameat(root_fd, tmp, root_fd, TEMPLATE) < 0)
		r = -errno;
	if (r < 0)
		rundir_remove_tree(root_fd, tmp);
	return r;
}

/*
 * Is there one, and no older than what it was made of? Under the lock of the state root: launchers
 * beside us wait for the first to make it.
 */
static int renew_template(int root_fd)
{
	autofd lock = rundir_lock(root_fd);

	if (lock < 0)
		return lock;
	if (is_current(root_fd))
		return 0;
	rundir_remove_tree(root_fd, TEMPLATE);
	return make_template(root_fd);
}

static void add_system_dir(json_t *mounts, const char *path)
{
	json_array_append_new(mounts,
			      json_pack("{s:s, s:s, s:s, s:[s,s], s:{s:s}}", "destination", path,
					"type", "bind", "source", path, "options", "rbind", "ro",
					"annotations", ANNOTATION_SHIFT, "optional"));
}

/**
 * hostroot_prepare() - the template directory, and mounts of the host's system directories
 * @mounts: JSON array to which those are added
 *
 * Return: path of the template, or NULL and *@error.
 */
char *hostroot_prepare(int root_fd, json_t *mounts, GError **error)
{
	struct stat st;
	int r = 0;

	if (!is_current(root_fd)) {
		mode_t mask = umask(022);

		r = renew_template(root_fd);
		umask(mask);
	}
	if (r < 0) {
		error_set_errno(error, r, "make the template in \"%s\"", launcher_root);
		return NULL;
	}
	add_system_dir(mounts, "/usr");
	for (size_t i = 0; i < G_N_ELEMENTS(tops); i++) {
		g_autofree char *path = g_strconcat("/", tops[i], NULL);

		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			add_system_dir(mounts, path);
	}
	if (stat("/etc/alternatives", &st) == 0 && S_ISDIR(st.st_mode))
		add_system_dir(mounts, "/etc/alternatives");
	return g_build_filename(launcher_root, TEMPLATE, NULL);
}
