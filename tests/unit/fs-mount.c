/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test driver that stands in for launcher and warden: mounts the file system, starts cloister-fs
 * as they do, runs a command with $FS (mount point) and $BOOT_OFFSET set, and cleans up. As root.
 *
 *   fs-mount [--cgroup PATH] [--kill-every MSEC] [--server FILE] [--threads N]
 *            -- COMMAND...
 *
 * --cgroup names a cgroup below each v1 mount point under /sys/fs/cgroup (and below "unified", or
 * the mount itself if that is v2). --kill-every kills the server with SIGKILL again and again while
 * the command runs, and starts a successor on the same connection.
 */
#include "config.h"
#include "lib/facts.h"
#include "lib/fd.h"
#include "lib/sys.h"
#include "lib/sysctl-store.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>

#define NOBODY 65534

struct fs {
	const char *server, *cgroup, *threads;
	char dir[64];
	int fuse, values, init;
	struct fact_fd facts[FACT_MAX_FDS];
	int n_facts;
	char boot_offset[32];
	pid_t pid;
};

static void die(const char *what)
{
	fprintf(stderr, "fs-mount: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int cgroup_dir(const char *controller, void *arg)
{
	const struct fs *fs = arg;
	char path[512];

	if (*controller)
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/%s", controller, fs->cgroup);
	else if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", fs->cgroup);
	else
		snprintf(path, sizeof(path), "/sys/fs/cgroup/unified/%s", fs->cgroup);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* leaks until the end: a test */
}

static void fs_mount(struct fs *fs)
{
	char fd[16];
	int ctx, mnt;

	fs->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	ctx = sys_fsopen("fuse");
	if (fs->fuse < 0 || ctx < 0)
		die("open /dev/fuse");
	snprintf(fd, sizeof(fd), "%d", fs->fuse);
	if (sys_fsconfig_string(ctx, "source", "cloister") || sys_fsconfig_string(ctx, "fd", fd) ||
	    sys_fsconfig_string(ctx, "rootmode", "40555") ||
	    sys_fsconfig_string(ctx, "user_id", "0") || sys_fsconfig_string(ctx, "group_id", "0") ||
	    sys_fsconfig_flag(ctx, "allow_other") ||
	    sys_fsconfig_flag(ctx, "default_permissions") || sys_fsconfig_create(ctx))
		die("configure the file system");
	mnt = sys_fsmount(ctx, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	strcpy(fs->dir, "/tmp/fs-mount.XXXXXX");
	if (mnt < 0 || !mkdtemp(fs->dir) ||
	    sys_move_mount(mnt, "", AT_FDCWD, fs->dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die("mount");
	close(ctx);
	close(mnt);
}

static int add_fd(char **argv, int n, const char *option, const char *prefix, int fd)
{
	static char texts[FACT_MAX_FDS + 8][48];
	static int used;
	char *text = texts[used++ % (FACT_MAX_FDS + 8)];

	fd_set_cloexec(fd, false);
	snprintf(text, sizeof(texts[0]), "%s%d", prefix, fd);
	argv[n++] = (char *)option;
	argv[n++] = text;
	return n;
}

static void child(struct fs *fs, bool resume, int ready)
{
	char *argv[2 * FACT_MAX_FDS + 32] = { (char *)fs->server };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };
	int n = 1;

	n = add_fd(argv, n, "--fuse-fd", "", fs->fuse);
	n = add_fd(argv, n, "--values-fd", "", fs->values);
	n = add_fd(argv, n, "--init-fd", "", fs->init);
	n = add_fd(argv, n, "--ready-fd", "", ready);
	argv[n++] = (char *)"--owner=0:0";
	argv[n++] = (char *)"--boot-offset";
	argv[n++] = fs->boot_offset;
	if (resume)
		argv[n++] = (char *)"--resume";
	if (fs->threads) {
		argv[n++] = (char *)"--threads";
		argv[n++] = (char *)fs->threads;
	}
	for (int i = 0; i < fs->n_facts; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "%s:", fs->facts[i].name);
		n = add_fd(argv, n, "--source", prefix, fs->facts[i].fd);
	}
	argv[n] = NULL;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || setgroups(0, NULL) ||
	    setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY) ||
	    syscall(SYS_capset, &head, none))
		_exit(126);
	execv(fs->server, argv);
	_exit(127);
}

static void fs_start(struct fs *fs, bool resume)
{
	int ready[2];
	char c;

	if (pipe2(ready, O_CLOEXEC))
		die("pipe");
	fs->pid = fork();
	if (fs->pid == 0)
		child(fs, resume, ready[1]);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("the server did not get ready");
	close(ready[0]);
}

static void fs_kill(struct fs *fs)
{
	kill(fs->pid, SIGKILL);
	waitpid(fs->pid, NULL, 0);
}

/* Runs the command; meanwhile kills and replaces the server. Return: status, kills in *@kills. */
static int run(struct fs *fs, char **argv, int kill_every, int *kills)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setenv("FS", fs->dir, 1);
		setenv("BOOT_OFFSET", fs->boot_offset, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, kill_every ? WNOHANG : 0) == 0) {
		poll(NULL, 0, kill_every);
		fs_kill(fs);
		fs_start(fs, true);
		++*kills;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "cgroup", 1, NULL, 'c' },
						 { "kill-every", 1, NULL, 'k' },
						 { "server", 1, NULL, 's' },
						 { "threads", 1, NULL, 't' },
						 { 0 } };
	struct fs fs = { .server = "fusefs/cloister-fs", .cgroup = "." };
	struct timespec now;
	int opt, status, kills = 0, kill_every = 0;

	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			fs.cgroup = optarg;
			break;
		case 'k':
			kill_every = atoi(optarg);
			break;
		case 's':
			fs.server = optarg;
			break;
		case 't':
			fs.threads = optarg;
			break;
		default:
			return 125;
		}
	}
	if (optind == argc)
		return 125;
	clock_gettime(CLOCK_BOOTTIME, &now);
	snprintf(fs.boot_offset, sizeof(fs.boot_offset), "%lld%09ld", (long long)now.tv_sec,
		 now.tv_nsec);
	fs.n_facts = facts_open_all(AT_FDCWD, cgroup_dir, &fs, fs.facts, FACT_MAX_FDS);
	if (fs.n_facts < 0)
		errno = -fs.n_facts, die("open the sources");
	fs.values = memfd_create("values", MFD_CLOEXEC);
	fs.init = memfd_create("init", MFD_CLOEXEC);
	if (ftruncate(fs.values, sysctl_store_size()))
		die("ftruncate");
	fs_mount(&fs);
	fs_start(&fs, false);
	status = run(&fs, argv + optind, kill_every, &kills);
	umount2(fs.dir, MNT_DETACH);
	rmdir(fs.dir);
	fs_kill(&fs);
	if (kill_every)
		fprintf(stderr, "fs-mount: killed the server %d times\n", kills);
	return status;
}
