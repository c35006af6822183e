/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes: what is made of a bind mount's source before it becomes a part of the container's tree.
 */
#include "config.h"
#include "runtime/volume.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "lib/userns.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define TMPFS_MAGIC_NUMBER 0x01021994 /* <linux/magic.h> */

/**
 * volume_is_build_cache() - RUN --mount=type=cache of buildah and `podman build`
 *
 * sharing=shared, the default, is about who may use it at a time, gets among the options of the
 * mount, and says there what nobody meant.
 */
bool volume_is_build_cache(const struct spec_mount *m)
{
	const char *name = strrchr(m->source, '/');

	return m->propagation == MS_SHARED && name &&
	       g_str_has_prefix(name, "/buildah-bind-target-");
}

static char *map_text(const GArray *map)
{
	GString *s = g_string_new(NULL);

	for (guint i = 0; i < map->len; i++) {
		const struct spec_map *m = &g_array_index(map, struct spec_map, i);

		g_string_append_printf(s, "%u %u %u\n", m->inside, m->outside, m->count);
	}
	return g_string_free(s, false);
}

/**
 * volume_userns() - a user namespace with the mappings that a mount brings itself
 *
 * Of such a mapping "containerID" is an id on the file system and "hostID" the one of the host as
 * which it is shown (runtime-spec, config.md: from the source file system to the destination mount
 * point): just what a user namespace with that map does to an ID-mapped mount.
 * Return: a descriptor, or -1 and *@error.
 */
int volume_userns(const struct tree *tree, const struct spec_mount *m, GError **error)
{
	g_autofree char *uids = map_text(m->uid_map), *gids = map_text(m->gid_map);
	int fd = userns_make(tree->shop->host_proc, uids, gids);

	if (fd >= 0)
		return fd;
	error_set_errno(error, fd, "mount \"%s\": uidMappings and gidMappings", m->destination);
	return -1;
}

/* One line of mountinfo: the mount point below @top, decoded; NULL if it is elsewhere. */
static char *mount_point_below(const char *line, const char *top)
{
	g_auto(GStrv) fields = g_strsplit(line, " ", 6);
	g_autofree char *path = NULL;
	size_t n = strlen(top);

	if (g_strv_length(fields) < 6)
		return NULL;
	path = g_strcompress(fields[4]); /* \ooo as in C */
	if (strncmp(path, top, n) != 0 || path[n] != '/')
		return NULL;
	return g_strdup(path + n + 1);
}

/* Tried on a clone of that one mount. */
static bool is_unmappable(int tree_fd, const char *below, int userns_fd)
{
	autofd fd = sys_openat2(tree_fd, below, O_PATH,
				RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	autofd clone = fd < 0 ? fd : mnt_clone(fd, "", false);

	return clone >= 0 && mnt_idmap(clone, false, userns_fd) == -EINVAL;
}

static char **read_lines(int fd)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		g_string_append_len(text, buf, n);
	return g_strsplit(text->str, "\n", -1);
}

/**
 * volume_find_unmappable() - what is mounted below a source and cannot be ID-mapped, for the error
 *
 * The volume is attached in the workshop for that (before 6.15 nothing else could be cloned) and of
 * no use afterwards.
 * Return: a path on the host, or NULL if it is none of those.
 */
char *volume_find_unmappable(const struct tree *tree, const struct plan_step *step, int userns_fd)
{
	const char *top = g_strcmp0(step->path, "/") == 0 ? "" : step->path;
	g_auto(GStrv) lines = NULL;

	if (!step->recursive || step->file || tree->plan->mountinfo_fd < 0 || !top ||
	    mnt_attach(step->tree_fd, tree->shop->base, "vol") < 0 ||
	    is_unmappable(step->tree_fd, ".", userns_fd))
		return NULL;
	lseek(tree->plan->mountinfo_fd, 0, SEEK_SET);
	lines = read_lines(tree->plan->mountinfo_fd);
	for (char **line = lines; *line; line++) {
		g_autofree char *below = mount_point_below(*line, top);

		if (below && *below && is_unmappable(step->tree_fd, below, userns_fd))
			return g_build_filename(step->path, below, NULL);
	}
	return NULL;
}

/**
 * volume_find_submount() - what is mounted below a source that was to be shown with all below it
 *
 * Return: a path on the host, or NULL.
 */
char *volume_find_submount(const struct tree *tree, const struct plan_step *step)
{
	const char *top = g_strcmp0(step->path, "/") == 0 ? "" : step->path;
	g_auto(GStrv) lines = NULL;

	if (!step->recursive || step->file || tree->plan->mountinfo_fd < 0 || !top ||
	    lseek(tree->plan->mountinfo_fd, 0, SEEK_SET) < 0)
		return NULL;
	lines = read_lines(tree->plan->mountinfo_fd);
	for (char **line = lines; *line; line++) {
		g_autofree char *below = mount_point_below(*line, top);

		if (below && *below)
			return g_build_filename(step->path, below, NULL);
	}
	return NULL;
}

/**
 * volume_replace_tmpfs() - before 6.3 a tmpfs cannot be ID-mapped: an engine's /dev/shm becomes a
 * new one of the same size with the container's ids
 *
 * Return: 0; -EINVAL if it is not that.
 */
int volume_replace_tmpfs(const struct tree *tree, struct plan_step *step)
{
	struct statfs fs;
	char options[128];
	int fd;

	if (strcmp(step->mount->destination, "/dev/shm") != 0 || fstatfs(step->tree_fd, &fs) < 0 ||
	    fs.f_type != TMPFS_MAGIC_NUMBER)
		return -EINVAL;
	snprintf(options, sizeof(options), "size=%llu,mode=1777,uid=%u,gid=%u",
		 (unsigned long long)fs.f_blocks * fs.f_bsize, tree->uid, tree->gid);
	fd = mnt_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd < 0)
		return fd;
	fd_close(step->tree_fd);
	step->tree_fd = fd;
	step->recursive = false;
	return 0;
}

/**
 * volume_replace_device() - "-v /dev/null:/etc/x": the container's own node instead of the host's
 *
 * On a volume, which is nodev, a node is of no use. Its own /dev has the same ones, and engines
 * have it mounted before everything of the user's. Return: 0; -errno, -ENOENT where there is no
 * such /dev.
 */
int volume_replace_device(const struct tree *tree, struct plan_step *step)
{
	g_autofree char *node = g_build_filename("dev", step->device, NULL);
	int fd = mnt_clone(tree->shop->base, node, false);

	if (fd < 0)
		return fd;
	fd_close(step->tree_fd);
	step->tree_fd = fd;
	step->recursive = false;
	step->shift = (struct plan_shift){ "native", "the container's own device" };
	return 0;
}

/* What the host mounted read-only stays that: engines say "rw" also where nobody asked for it. */
#ifdef MUTANT_VOLUME_LOOSENED
#define NEVER_CLEARED ((uint64_t)0)
#else
#define NEVER_CLEARED ((uint64_t)(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV))
#endif

/**
 * volume_loosen() - take attributes off that were asked to be off ("exec", "suid"), and set what is
 * for the whole tree
 */
int volume_loosen(const struct plan_step *step)
{
	const struct spec_mount *m = step->mount;
	uint64_t clear = m->clear & ~NEVER_CLEARED, rec_clear = m->rec_clear & ~NEVER_CLEARED;
	int r = 0;

	if (clear)
		r = sys_mount_setattr(step->tree_fd, false, m->set, clear, -1);
	if (r == 0 && (m->rec_set | rec_clear))
		r = sys_mount_setattr(step->tree_fd, true, m->rec_set,
				      mnt_add_atime(m->rec_set, rec_clear), -1);
	return r;
}
