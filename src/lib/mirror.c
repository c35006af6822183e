/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back what a container with a root file system on overlay leaves outside of itself.
 *
 * ID/mirror in the state root names the FUSE mount on top of the engine's own mount, its server,
 * and the overlay's work directory. Everything that removes a container calls mirror_stop() before
 * the engine unmounts its own: an engine that was quicker has taken our mount off instead, finds
 * its own still there, and has to unmount twice (containerd does).
 *
 * A path may lead elsewhere by now. What is unmounted is the mount with our number and our device
 * on top of that path, by descriptor; what is removed has a name that only we give.
 */
#include "config.h"
#include "lib/mirror.h"

#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MIRROR_FILE "mirror"
/* The server holds no state worth waiting for; this is for a machine that swaps. */
#define SERVER_END_MS 2000

/* Paths may hold any byte but NUL: they stand at the end, their lengths before them. */
int mirror_save(int dir_fd, const struct mirror_record *r)
{
	char buf[2 * PATH_MAX + 256];
	int len = snprintf(buf, sizeof(buf),
			   "server %d %" PRIu64 "\nmount %" PRIu64 " %" PRIu64
			   "\npaths %zu %zu\n%s%s\n",
			   (int)r->server.pid, r->server.start, r->mount_id, r->dev,
			   strlen(r->path), strlen(r->work), r->path, r->work);

	if (len >= (int)sizeof(buf))
		return -ENAMETOOLONG;
	return fd_replace_file_at(dir_fd, MIRROR_FILE, buf, len, 0600);
}

static int mirror_load(int dir_fd, struct mirror_record *r)
{
	char buf[2 * PATH_MAX + 256];
	size_t path_len, work_len;
	int pid, start = 0;
	int len = fd_read_file_at(dir_fd, MIRROR_FILE, buf, sizeof(buf));

	*r = (struct mirror_record){ 0 };
	if (len < 0)
		return len;
	if (sscanf(buf, "server %d %" SCNu64 "\nmount %" SCNu64 " %" SCNu64 "\npaths %zu %zu%n",
		   &pid, &r->server.start, &r->mount_id, &r->dev, &path_len, &work_len,
		   &start) != 6)
		return -EINVAL;
	r->server.pid = pid;
	start++; /* the newline, which scanf would take together with blanks of the path */
	if (path_len >= sizeof(r->path) || work_len >= sizeof(r->work) ||
	    strlen(buf + start) < path_len + work_len)
		return -EINVAL;
	memcpy(r->path, buf + start, path_len);
	memcpy(r->work, buf + start + path_len, work_len);
	return 0;
}

/**
 * mirror_identify() - note which mount @mount_fd is, without asking its server
 */
int mirror_identify(int mount_fd, struct mirror_record *r)
{
	struct statx stx;

	if (statx(mount_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0)
		return -errno;
	if (!(stx.stx_mask & STATX_MNT_ID))
		return -ENOSYS;
	r->mount_id = stx.stx_mnt_id;
	r->dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	return 0;
}

static void end_server(const struct proc_id *server)
{
	autofd pidfd = server->pid > 0 ? proc_open(server) : -1;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0)
		return;
	proc_kill(server, SIGKILL);
	poll(&p, 1, SERVER_END_MS); /* else its cgroup could not be removed */
}

static int take_off(const struct mirror_record *r)
{
	struct mirror_record found = { 0 };
	autofd fd = -1;
	char name[64];

	if (!r->mount_id)
		return 0;
	fd = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (mirror_identify(fd, &found) < 0 || found.mount_id != r->mount_id || found.dev != r->dev)
		return 0;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return umount2(name, MNT_DETACH) < 0 && errno != EINVAL ? -errno : 0;
}

/* What overlayfs leaves there: a few levels of whiteouts and half-made copies. */
static void remove_below(int dir_fd, const char *name, int depth)
{
	DIR *dir = dir_open_at(dir_fd, name);
	struct dirent *e;

	while (dir && (e = dir_next(dir)))
		if (unlinkat(dirfd(dir), e->d_name, 0) < 0 && depth > 0)
			remove_below(dirfd(dir), e->d_name, depth - 1);
	if (dir)
		closedir(dir);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
}

/**
 * mirror_remove_work() - remove an overlay's work directory that nothing uses any more
 */
void mirror_remove_work(int parent_fd, const char *name)
{
	remove_below(parent_fd, name, 8);
}

static void remove_work(const struct mirror_record *r)
{
	const char *name = strrchr(r->work, '/');
	char parent_path[PATH_MAX];
	autofd parent = -1;

	if (!name || name == r->work || strncmp(name + 1, MIRROR_WORK, strlen(MIRROR_WORK)) != 0)
		return;
	snprintf(parent_path, sizeof(parent_path), "%.*s", (int)(name - r->work), r->work);
	parent = open(parent_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0)
		mirror_remove_work(parent, name + 1);
}

/**
 * mirror_stop() - remove the mirror, its server and the work directory of the container @dir_fd
 *
 * Idempotent; nothing to do for containers without. The container's processes are gone.
 * Return: 0, or -errno if the mirror could not be unmounted.
 */
int mirror_stop(int dir_fd)
{
	struct mirror_record r;
	int ret = mirror_load(dir_fd, &r);

	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	ret = take_off(&r);
	end_server(&r.server);
	remove_work(&r);
	if (ret == 0)
		unlinkat(dir_fd, MIRROR_FILE, 0);
	return ret;
}
