/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state root (/run/cloister): one private directory per container.
 *
 *   .lock            taken while containers come and go
 *   .claims/         id ranges, see claims.c
 *   ID/alive         flock()ed by everybody who would clean up after the container: its launcher,
 *                    its warden and the warden's twin. The kernel lets go of the lock when the
 *                    last of them has died, so no pid has to be believed.
 *   ID/record        what cleaning up needs: struct rundir_record
 *   ID/mirror        what a root file system on overlay has outside, see mirror.c
 *   ID/helpers       pids of the helpers, for `cloister status`
 *   ID/config.json   the OCI specification that the container runs by
 *   ID/state.json    what the commands show
 *   .new, .old       a container's that is being made or removed
 *
 * An engine gives all its runtimes one state root: a directory without "alive" is another's. None
 * of ours is ever seen without it: a directory gets its container's name when it has that file, and
 * loses the name before it loses the file.
 */
#include "config.h"
#include "lib/rundir.h"

#include "lib/claims.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * rundir_valid_id() - may @id be the name of a container? (letters, digits, "_+-.", not hidden)
 */
bool rundir_valid_id(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-.";
	size_t len = strlen(id);

	return len > 0 && len <= RUNDIR_ID_MAX && id[0] != '.' && strspn(id, allowed) == len;
}

/**
 * rundir_open() - open the state root, making it (and its parents) if need be
 *
 * Return: a directory descriptor; -EPERM if somebody but root could write there.
 */
int rundir_open(const char *path)
{
	char buf[4096];
	struct stat st;
	int len;
	autofd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		len = snprintf(buf, sizeof(buf), "%s", path);
		if (len >= (int)sizeof(buf))
			return -ENAMETOOLONG;
		while (len > 1 && buf[len - 1] == '/') /* it is no parent of itself */
			buf[--len] = '\0';
		for (char *p = strchr(buf + 1, '/'); p; p = strchr(p + 1, '/')) {
			*p = '\0';
			if (mkdir(buf, 0755) < 0 && errno != EEXIST)
				return -errno;
			*p = '/';
		}
		if (mkdir(buf, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	return fd_steal(&fd);
}

#define PRIVATE_ENV "CLOISTER_PRIVATE_CLAIMS"

/**
 * rundir_machine() - where that is kept of which the machine has but one, whatever state root a
 * command uses: ids, and the host's sysctls
 *
 * (Tests that must not see each other's ids keep them in their own state root.)
 */
int rundir_machine(int root_fd)
{
	int fd;

	if (!getenv(PRIVATE_ENV))
		return rundir_open(RUNDIR_DEFAULT);
	fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

/**
 * rundir_lock() - keep containers from coming and going until the result is closed
 *
 * Waits for whoever has it.
 *
 * Return: a descriptor, or -errno.
 */
int rundir_lock(int root_fd)
{
	return fd_lock_file_at(root_fd, ".lock");
}

#define NEW ".new"
#define OLD ".old"

static int make_new(int root_fd)
{
	if (mkdirat(root_fd, NEW, 0700) == 0)
		return 0;
	if (errno == EEXIST) /* somebody died while he made it */
		rundir_remove_tree(root_fd, NEW);
	return mkdirat(root_fd, NEW, 0700) < 0 ? -errno : 0;
}

/**
 * rundir_create() - make the directory of a new container. Caller holds rundir_lock().
 * @ret_alive_fd: lock that says "somebody looks after this container"; to be inherited by helpers
 *
 * Return: the directory, or -EEXIST if the name is in use.
 */
int rundir_create(int root_fd, const char *id, int *ret_alive_fd)
{
	autofd dir = -1, alive = -1;
	int r = make_new(root_fd);

	if (r < 0)
		return r;
	dir = openat(root_fd, NEW, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return -errno;
	alive = openat(dir, "alive", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (alive < 0 || flock(alive, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	if (renameat2(root_fd, NEW, root_fd, id, RENAME_NOREPLACE) < 0) {
		r = -errno;
		rundir_remove_tree(root_fd, NEW);
		return r;
	}
	*ret_alive_fd = fd_steal(&alive);
	return fd_steal(&dir);
}

/**
 * rundir_enter() - open the directory of container @id
 *
 * Return: a descriptor; -ENOENT if there is none, also for what is no name of a container; or
 * another -errno.
 */
int rundir_enter(int root_fd, const char *id)
{
	int fd;

	if (!rundir_valid_id(id))
		return -ENOENT;
	fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Room for struct rundir_record as text. */
#define RECORD_MAX (RUNDIR_CGROUP_MAX + 2 * RUNDIR_NAME_MAX + 256)

/**
 * rundir_write_record() - what cleaning up after the container needs; replaces what was there
 * @dir_fd: the container's directory
 */
int rundir_write_record(int dir_fd, const struct rundir_record *r)
{
	char buf[RECORD_MAX];
	int len = snprintf(
		buf, sizeof(buf),
		"init %d %" PRIu64 "\nlauncher %d %" PRIu64
		"\nauto_remove %d\ncgroup_own %d\ncgroup %s\nhelpers_cgroup %s\nscope %s\n",
		(int)r->init.pid, r->init.start, (int)r->launcher.pid, r->launcher.start,
		r->auto_remove, r->cgroup_own, r->cgroup, r->helpers_cgroup, r->scope);

	if (strchr(r->cgroup, '\n') || strchr(r->helpers_cgroup, '\n') || strchr(r->scope, '\n'))
		return -EINVAL;
	return fd_replace_file_at(dir_fd, "record", buf, len, 0600);
}

/**
 * rundir_own_cgroup() - have the record that is there say that the cgroup is the container's own
 *
 * One byte, in place, so that who reads at the same time sees either. A file that replaces another
 * costs as much as a cgroup where the state is on a disk.
 */
int rundir_own_cgroup(int dir_fd)
{
	static const char key[] = "\ncgroup_own ";
	autofd fd = openat(dir_fd, "record", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	char buf[RECORD_MAX];
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf) - 1, 0);
	const char *found;

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	found = strstr(buf, key);
	if (!found)
		return -EINVAL;
	return pwrite(fd, "1", 1, found - buf + strlen(key)) == 1 ? 0 : -EIO;
}

/* The rest of the line at *@text after "@key ", which may hold blanks; steps over it. */
static int read_name(char **text, const char *key, char *ret, size_t size)
{
	char *line = strsep(text, "\n");
	size_t len = strlen(key);

	if (!line || strncmp(line, key, len) != 0 || line[len] != ' ' ||
	    strlen(line + len + 1) >= size)
		return -EINVAL;
	strcpy(ret, line + len + 1);
	return 0;
}

/**
 * rundir_read_record() - what rundir_write_record() wrote
 *
 * Return: 0; -EINVAL if it is garbled; or another -errno.
 */
int rundir_read_record(int dir_fd, struct rundir_record *r)
{
	char buf[RECORD_MAX], *names;
	int remove = 0, own = 0, init = 0, launcher = 0, used = 0;
	int n = fd_read_file_at(dir_fd, "record", buf, sizeof(buf));

	if (n < 0)
		return n;
	*r = (struct rundir_record){ 0 };
	n = sscanf(buf,
		   "init %d %" SCNu64 "\nlauncher %d %" SCNu64
		   "\nauto_remove %d\ncgroup_own %d\n%n",
		   &init, &r->init.start, &launcher, &r->launcher.start, &remove, &own, &used);
	r->init.pid = init;
	r->launcher.pid = launcher;
	r->auto_remove = remove;
	r->cgroup_own = own;
	if (n != 6 || used == 0)
		return -EINVAL;
	names = buf + used;
	n = read_name(&names, "cgroup", r->cgroup, sizeof(r->cgroup));
	if (n == 0)
		n = read_name(&names, "helpers_cgroup", r->helpers_cgroup,
			      sizeof(r->helpers_cgroup));
	return n ?: read_name(&names, "scope", r->scope, sizeof(r->scope));
}

/**
 * rundir_write_helpers() - who looks after the container, for `status`
 */
int rundir_write_helpers(int dir_fd, const struct rundir_helpers *h)
{
	char buf[256];
	int len = snprintf(buf, sizeof(buf),
			   "warden %d %" PRIu64 "\ntwin %d %" PRIu64 "\nserver %d %" PRIu64
			   "\nnotifier %d %" PRIu64 "\n",
			   (int)h->warden.pid, h->warden.start, (int)h->twin.pid, h->twin.start,
			   (int)h->server.pid, h->server.start, (int)h->notifier.pid,
			   h->notifier.start);

	return fd_replace_file_at(dir_fd, "helpers", buf, len, 0600);
}

/**
 * rundir_read_helpers() - what rundir_write_helpers() wrote
 */
int rundir_read_helpers(int dir_fd, struct rundir_helpers *h)
{
	char buf[256];
	int warden = 0, twin = 0, server = 0, notifier = 0;
	int n = fd_read_file_at(dir_fd, "helpers", buf, sizeof(buf));

	if (n < 0)
		return n;
	*h = (struct rundir_helpers){ 0 };
	n = sscanf(buf,
		   "warden %d %" SCNu64 "\ntwin %d %" SCNu64 "\nserver %d %" SCNu64
		   "\nnotifier %d %" SCNu64,
		   &warden, &h->warden.start, &twin, &h->twin.start, &server, &h->server.start,
		   &notifier, &h->notifier.start);
	h->warden.pid = warden;
	h->twin.pid = twin;
	h->server.pid = server;
	h->notifier.pid = notifier;
	return n == 8 ? 0 : -EINVAL;
}

/**
 * rundir_is_ours() - is this a container's of ours, not of another runtime with this state root?
 */
bool rundir_is_ours(int dir_fd)
{
#ifdef MUTANT_ROOT_OURS
	return true;
#endif
	return faccessat(dir_fd, "alive", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/**
 * rundir_orphaned() - has everybody died who would clean up after this container?
 */
bool rundir_orphaned(int dir_fd)
{
	autofd fd = openat(dir_fd, "alive", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

#ifdef MUTANT_ROOT_OURS
	if (fd < 0)
		return errno == ENOENT;
#endif
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/**
 * rundir_is() - is @dir_fd still the directory of container @id, not that of a successor of the
 * name?
 */
bool rundir_is(int root_fd, const char *id, int dir_fd)
{
	struct stat ours, there;

	return fstat(dir_fd, &ours) == 0 &&
	       fstatat(root_fd, id, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

#define REMOVE_TRIES 200 /* ms */

/* Remove what is in @dir_fd; two levels are more than we make. */
static int remove_contents(int dir_fd, int depth)
{
	autodir dir = dir_open_at(dir_fd, ".");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = dir_next(dir))) {
		int fd = dirfd(dir);

		if (unlinkat(fd, e->d_name, 0) == 0 || errno != EISDIR || depth == 0)
			continue;
		{
			autofd sub = openat(fd, e->d_name,
					    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

			if (sub >= 0)
				remove_contents(sub, depth - 1);
			unlinkat(fd, e->d_name, AT_REMOVEDIR);
		}
	}
	return 0;
}

/**
 * rundir_remove() - forget container @id: its ids are free again, its name too
 *
 * Caller holds rundir_lock() and has looked that the name still means what it did (rundir_is()).
 */
int rundir_remove(int root_fd, const char *id)
{
	autofd dir = rundir_enter(root_fd, id);

	claim_release(root_fd, id);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	mirror_stop(dir);
	rundir_remove_tree(root_fd, OLD);
	if (renameat(root_fd, id, root_fd, OLD) < 0)
		return -errno;
	/* A warden that was killed just now may still be writing a file: once the directory is gone
	 * it cannot. */
	for (int i = 0; i < REMOVE_TRIES; i++) {
		remove_contents(dir, 4);
		if (unlinkat(root_fd, OLD, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY)
			break;
		usleep(1000);
	}
	return -errno;
}

/**
 * rundir_remove_tree() - remove the directory @name, which is not a container
 */
void rundir_remove_tree(int root_fd, const char *name)
{
	autofd dir = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (dir < 0)
		return;
	remove_contents(dir, 4);
	unlinkat(root_fd, name, AT_REMOVEDIR);
}

/**
 * rundir_each() - call @fn for each container directory until it returns non-zero
 *
 * Also for those of another runtime, and for what comes or goes meanwhile.
 *
 * Return: what @fn returned last, 0 if there is none, or -errno.
 */
int rundir_each(int root_fd, int (*fn)(const char *id, void *arg), void *arg)
{
	autodir dir = dir_open_at(root_fd, ".");
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (e = dir_next(dir)))
		/* Of what some file systems do not tell the type @fn finds out that it is none. */
		if ((e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) && rundir_valid_id(e->d_name))
			r = fn(e->d_name, arg);
	return r;
}
