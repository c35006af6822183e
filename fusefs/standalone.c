/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister-fs alone: the views of a container that somebody else runs, on a mount point of the
 * host.
 *
 * Root opens the sources, mounts, and forks a keeper, which gives up everything that the server
 * has to give up too, and forks the server, again after each crash: no process with a privilege
 * stays, but for the one in the foreground, which unmounts at the end. Unmounting ends them all.
 */
#include "config.h"
#include "standalone.h"
#include "subject.h"
#include "survive.h"
#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A server that dies at once again and again is not started for ever. */
#define RESTARTS_MAX 10

struct standalone {
	const char *pid, *cgroup, *mountpoint;
	bool foreground;
	unsigned int attrs;
	struct server *server;
};

/* One line on standard error; the exit status. */
__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list ap;

	fputs("cloister-fs: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

/* One option of a -o list. What mount(8) and systemd keep for themselves is passed to us, too. */
static bool take_word(struct standalone *a, char *word)
{
	static const char *const ignored[] = { "rw",	   "suid",     "dev",
					       "exec",	   "nosuid",   "nodev",
					       "noexec",   "auto",     "noauto",
					       "nofail",   "defaults", "allow_other",
					       "_netdev",  "async",    "default_permissions",
					       "relatime", "atime",    "noatime" };

	if (strncmp(word, "pid=", 4) == 0)
		a->pid = word + 4;
	else if (strncmp(word, "cgroup=", 7) == 0)
		a->cgroup = word + 7;
	else if (strcmp(word, "ro") == 0)
		a->attrs |= MOUNT_ATTR_RDONLY;
	else if (strncmp(word, "x-", 2) == 0 || strncmp(word, "comment=", 8) == 0)
		return true;
	else {
		for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
			if (strcmp(word, ignored[i]) == 0)
				return true;
		return false;
	}
	return true;
}

static bool take_list(struct standalone *a, char *list)
{
	char *save = NULL;

	for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save))
		if (!take_word(a, w))
			return complain("mount option \"%s\": unknown; see cloister-fs(1)", w) == 0;
	return true;
}

static bool parse(struct standalone *a, int argc, char **argv)
{
	static const struct option options[] = { { "pid", required_argument, NULL, 'p' },
						 { "cgroup", required_argument, NULL, 'c' },
						 { "foreground", no_argument, NULL, 'f' },
						 { 0 } };
	int opt;

	while ((opt = getopt_long(argc, argv, "fo:t:nsv", options, NULL)) != -1) {
		if (opt == 'p')
			a->pid = optarg;
		else if (opt == 'c')
			a->cgroup = optarg;
		else if (opt == 'f')
			a->foreground = true;
		else if (opt == '?' || (opt == 'o' && !take_list(a, optarg)))
			return false;
	}
	/* mount(8) gives the first field of fstab, too */
	if (argc - optind < 1 || argc - optind > 2)
		return complain("give one mount point; see --help") == 0;
	a->mountpoint = argv[argc - 1];
	if (!a->pid == !a->cgroup)
		return complain("give either --pid or --cgroup; see --help") == 0;
	return true;
}

static int make_memory(struct server *s)
{
	struct survivor *survivor;

	s->values_fd = memfd_create("cloister-values", MFD_CLOEXEC);
	s->init_fd = memfd_create("cloister-init", MFD_CLOEXEC);
	if (s->values_fd < 0 || s->init_fd < 0 || ftruncate(s->values_fd, sysctl_store_size()) < 0)
		return -errno;
	survivor = survive_map(s->init_fd);
	if (!survivor)
		return -errno;
	/* what the cgroup used before we came was the container's, too */
	survive_base(survivor)->known = 1;
	return 0;
}

/* Return: 0, or 1 after a complaint. */
static int mount_it(struct standalone *a)
{
	struct server *s = a->server;
	autofd mount = -1;
	char options[160];
	int r;

	s->fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (s->fuse_fd < 0)
		return complain("\"/dev/fuse\": %s; load the module fuse", strerror(errno));
	snprintf(options, sizeof(options),
		 "source=cloister-fs,subtype=cloister-fs,fd=%d,rootmode=40000,user_id=0,group_id=0,"
		 "allow_other,default_permissions",
		 s->fuse_fd);
	mount = mnt_new("fuse", options,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | a->attrs);
	if (mount < 0)
		return complain("make a file system: %s", strerror(-mount));
	r = mnt_attach(mount, AT_FDCWD, a->mountpoint);
	if (r < 0)
		return complain("mount point \"%s\": %s", a->mountpoint, strerror(-r));
	return 0;
}

/* The server's whole life. Return: its exit status. */
static int serve(struct server *s)
{
	const char *what = "refusing to run with capabilities or as root";
	int r = confine_check();

	if (r == 0)
		r = server_attach(s, &what);
	if (r == 0)
		r = confine(s, &what);
	if (r < 0)
		return complain("%s: %s", what, strerror(-r));
	return server_run(s) < 0;
}

/* Forks the server again and again, until it ends because there is no mount any more. */
static int keep(struct server *s, int null)
{
	struct timespec first = { 0 }, now;
	int restarts = 0, status;

	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(serve(s));
		if (pid < 0)
			return 1;
		fd_close(s->ready_fd);
		while (waitpid(pid, &status, 0) < 0)
			;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - first.tv_sec > 1) {
			first = now;
			restarts = 0;
		}
		if (++restarts > RESTARTS_MAX)
			return 1;
		s->resume = true;
		s->ready_fd = fcntl(null, F_DUPFD_CLOEXEC, 3);
	}
}

static void be_keeper(struct standalone *a)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (!a->foreground) {
		setsid();
		for (int fd = 0; fd <= 2; fd++)
			dup2(null, fd);
	}
#ifndef MUTANT_ALONE_CAPABLE
	if (sys_drop_privileges() < 0)
		_exit(1);
#endif
	if (chdir("/") < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		_exit(1);
	_exit(keep(a->server, null));
}

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = 1;
}

/* In the foreground: until it is unmounted, or we are told to end; then it is unmounted. */
static int stay(const struct standalone *a, pid_t keeper)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int status = 0;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	while (!stopped && waitpid(keeper, &status, 0) < 0)
		;
	umount2(a->mountpoint, MNT_DETACH);
	if (stopped)
		waitpid(keeper, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run(struct standalone *a)
{
	int ready[2];
	pid_t keeper;
	char c;

	sys_mind_children();
	if (pipe2(ready, O_CLOEXEC) < 0)
		return complain("make a pipe: %s", strerror(errno));
	a->server->ready_fd = ready[1];
	keeper = fork();
	if (keeper == 0) {
		close(ready[0]);
		be_keeper(a);
	}
	close(ready[1]);
	/* ours would keep a mount alive that nobody serves */
	fd_close(a->server->fuse_fd);
	if (keeper < 0 || read(ready[0], &c, 1) != 1) {
		umount2(a->mountpoint, MNT_DETACH);
		return complain("the server did not start; -f shows why");
	}
	return a->foreground ? stay(a, keeper) : 0;
}

/**
 * standalone_main() - `cloister-fs --pid PID MOUNTPOINT`
 * @s: with what is needed to render; the rest is filled in here
 *
 * Return: the exit status.
 */
int standalone_main(struct server *s, int argc, char **argv)
{
	struct standalone a = { .server = s };
	const char *what;
	int r;

	if (!parse(&a, argc, argv))
		return 1;
	if (geteuid() != 0)
		return complain("needs root privileges to mount, and drops them then");
	r = subject_open(s, a.pid, a.cgroup, &what);
	if (r < 0)
		return complain("%s \"%s\": %s", a.pid ? "process" : "cgroup",
				a.pid ? a.pid : a.cgroup, what ? what : strerror(-r));
	r = make_memory(s);
	if (r < 0)
		return complain("make memory for a successor: %s", strerror(-r));
	return mount_it(&a) ? 1 : run(&a);
}
