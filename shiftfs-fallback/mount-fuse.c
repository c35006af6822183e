/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other way: a FUSE file system, and a server that stays until it is unmounted. The mount gets
 * its place only when the server has answered its first request, so that nobody finds it asleep.
 */
#include "config.h"
#include "mount.h"
#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "lib/userrights.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the server: its descriptors, from the first that is not a standard one. */
enum { SOURCE_FD = 3, FUSE_FD, READY_FD, PROGRAM_FD };

#define FIXED_ARGS 24
#define RANGE_TEXT 40

struct server_args {
	const char *argv[FIXED_ARGS + 2 * (2 * ID_MAP_MAX + OPTIONS_HIDE_MAX) + 1];
	size_t n;
	char ranges[2 * ID_MAP_MAX][RANGE_TEXT];
	size_t n_ranges;
	char owner[RANGE_TEXT], as[USER_RIGHTS_TEXT];
};

static void add(struct server_args *a, const char *option, const char *value)
{
	if (!value)
		return;
	a->argv[a->n++] = option;
	a->argv[a->n++] = value;
}

static void add_ranges(struct server_args *a, const char *option, const struct id_map *map)
{
	for (size_t i = 0; i < map->n; i++) {
		char *text = a->ranges[a->n_ranges++];

		snprintf(text, RANGE_TEXT, "%u:%u:%u", map->range[i].inside, map->range[i].outside,
			 map->range[i].count);
		add(a, option, text);
	}
}

static bool add_user(struct server_args *a, const struct mount_job *job, struct complaint *why)
{
	const struct mount_options *o = &job->options;
	uint32_t uid, gid;
	int r;

	if (!o->as)
		return true;
	r = user_rights(o->as, a->as, sizeof(a->as), &uid, &gid);
	if (r == -EPERM)
		return complain(why, MOUNT_USAGE, "as=%s: give a user other than root", o->as);
	if (r == -E2BIG)
		return complain(why, MOUNT_FAILED, "as=%s: more than %d groups", o->as,
				USER_GROUPS_MAX);
	if (r < 0)
		return complain(why, MOUNT_FAILED, "as=%s: no such user or group", o->as);
	r = user_reaches(a->as, job->source, job->source_fd);
	if (r < 0)
		return complain(why, MOUNT_SYSTEM, "source \"%s\": %s", job->source, strerror(-r));
	if (r == 0)
		return complain(
			why, MOUNT_FAILED,
			"source \"%s\": a symbolic link in it leads to what %s cannot reach; "
			"give the path without it",
			job->source, o->as);
	add(a, "--as", a->as);
	if (!o->mapped && !o->userns && !o->container) {
		snprintf(a->owner, sizeof(a->owner), "%u:%u", o->owner_uid, o->owner_gid);
		add(a, "--owner", a->owner);
	}
	return true;
}

static bool make_args(const struct mount_job *job, struct server_args *a, struct complaint *why)
{
	const struct mount_options *o = &job->options;

	a->argv[a->n++] = "shiftfs";
	add(a, "--source-fd", "3");
	add(a, "--fuse-fd", "4");
	add(a, "--ready-fd", "5");
	add(a, "--name", job->target);
	add(a, "--cache", o->cache);
	add(a, "--timeout", o->timeout);
	add(a, "--threads", o->threads);
	add(a, "--inodes", o->inodes);
	if (o->no_io_uring)
		a->argv[a->n++] = "--no-io-uring";
	for (size_t i = 0; i < o->n_hide; i++)
		add(a, "--hide", o->hide[i]);
	add_ranges(a, "--uid-map", &job->maps.uids);
	add_ranges(a, "--gid-map", &job->maps.gids);
	return add_user(a, job, why);
}

static int configure(int ctx, const struct mount_job *job, int fuse)
{
	char fd[16], mode[16];
	const char *const pairs[][2] = {
		{ "source", job->source }, { "subtype", "shiftfs" }, { "fd", fd },
		{ "rootmode", mode },	   { "user_id", "0" },	     { "group_id", "0" }
	};
	int r = 0;

	snprintf(fd, sizeof(fd), "%d", fuse);
	snprintf(mode, sizeof(mode), "%o", job->source_stat.st_mode & S_IFMT);
	for (size_t i = 0; r == 0 && i < sizeof(pairs) / sizeof(*pairs); i++)
		r = sys_fsconfig_string(ctx, pairs[i][0], pairs[i][1]);
	if (r == 0)
		r = sys_fsconfig_flag(ctx, "allow_other");
	if (r == 0)
		r = sys_fsconfig_flag(ctx, "default_permissions");
	return r == 0 ? sys_fsconfig_create(ctx) : r;
}

static int make_mount(const struct mount_job *job, int fuse)
{
	autofd ctx = sys_fsopen("fuse");
	int r = ctx < 0 ? ctx : configure(ctx, job, fuse);

	return r < 0 ? r : sys_fsmount(ctx, mount_attributes(&job->options));
}

static void put(int fd, int number)
{
	if (fd < 0 || dup2(fd, number) < 0)
		_exit(126);
}

/*
 * A private copy, so that the server keeps nobody from unmounting the source, and finds its mount
 * also where it is in another namespace. It is by this mount that files are read, so this one's
 * flags say whether that changes their times of access; before Linux 5.12 those of the source's.
 */
static int open_source(const struct mount_job *job)
{
	uint64_t times = job->options.set & (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME);
	int clone = mnt_clone(job->source_fd, "", false);

	if (clone < 0)
		return fcntl(job->source_fd, F_DUPFD_CLOEXEC, 0);
	(void)mnt_restrict(clone, false, times);
	return clone;
}

/*
 * No terminal, no descriptor but those it needs, and not in a namespace that would live as long as
 * the server does; until it is ready its errors go to @errors. The copies come first: any of the
 * numbers may be in use.
 */
static void become_server(const struct mount_job *job, const struct server_args *a, int fuse,
			  int ready, int errors)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int from[] = { null, null, errors, open_source(job), fuse, ready, job->server_fd };
	enum { N = sizeof(from) / sizeof(*from) };
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *env[] = { path, NULL };

	if (job->home_ns >= 0 && setns(job->home_ns, CLONE_NEWNS) < 0)
		_exit(126);
	for (int i = 0; i < N; i++)
		from[i] = fcntl(from[i], F_DUPFD, 3 + N);
	for (int i = 0; i < N; i++)
		put(from[i], i);
	sys_close_range(N, ~0U, 0);
	fd_set_cloexec(PROGRAM_FD, true);
	if (setsid() < 0 || chdir("/") < 0)
		_exit(126);
	execveat(PROGRAM_FD, "", (char **)a->argv, env, AT_EMPTY_PATH);
	_exit(127);
}

/* It did not get ready: what it said, if anything. */
static bool blame_server(const struct mount_job *job, pid_t pid, int errors, struct complaint *why)
{
	char text[512] = "";
	ssize_t n = read(errors, text, sizeof(text) - 1);
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n > 0) {
		text[strcspn(text, "\n")] = '\0';
		return complain(why, MOUNT_FAILED, "%s", text);
	}
	return complain(why, MOUNT_SYSTEM, "%s: the server ended before it was ready (status %d)",
			job->source, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

static bool start_server(const struct mount_job *job, const struct server_args *a, int fuse,
			 struct complaint *why)
{
	int ready[2], errors[2];
	bool good;
	pid_t pid;
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		return complain(why, MOUNT_SYSTEM, "make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return complain(why, MOUNT_SYSTEM, "start the server: %s", strerror(errno));
	if (pid == 0)
		become_server(job, a, fuse, ready[1], errors[1]);
	close(ready[1]);
	close(errors[1]);
	good = read(ready[0], &c, 1) == 1 || blame_server(job, pid, errors[0], why);
	close(ready[0]);
	close(errors[0]);
	return good;
}

/**
 * mount_fuse() - a detached FUSE mount of the source, with its server running
 *
 * The server ends when the mount is unmounted, or closed before it was attached.
 */
bool mount_fuse(struct mount_job *job, int *mount_fd, struct complaint *why)
{
	static struct server_args args;
	autofd fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), mnt = -1;

	if (job->server_fd < 0)
		return complain(why, MOUNT_FAILED, "%s: %s, and the server is not installed",
				job->source, job->reason);
	if (fuse < 0)
		return complain(why, MOUNT_FAILED,
				"%s: %s, and /dev/fuse cannot be opened: %s; `modprobe fuse`",
				job->source, job->reason, strerror(errno));
	if (!make_args(job, &args, why))
		return false;
	if (job->fake)
		return true;
	mnt = make_mount(job, fuse);
	if (mnt < 0)
		return complain(why, MOUNT_FAILED, "%s: make a FUSE file system: %s", job->source,
				strerror(-mnt));
	if (!start_server(job, &args, fuse, why))
		return false;
	*mount_fd = fd_steal(&mnt);
	return true;
}
