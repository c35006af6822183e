// SPDX-License-Identifier: Apache-2.0
/*
 * step: a stranger with the pid of a caller that was killed. It is root of another user namespace
 * with mounts, network and pids of its own, and has at the same address what the caller had there,
 * and directories of its own for descriptors; what is done to it shows.
 */
#include "config.h"
#include "step-trace.h"
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK 0xa5
#define FDS  24

static struct {
	pid_t pid;
	int watch; /* its mountinfo, which tells of what came and went too */
	int fds;
} stranger;

static void fail(const char *what)
{
	printf("BAD\t%s\t%s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void set_map(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0 0 65536", 9) != 9)
		fail("a stranger has ids");
	close(fd);
}

static void fill_memory(void)
{
	struct step_memory *m = mmap(STEP_MEMORY, sizeof(*m), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (m == MAP_FAILED)
		fail("a stranger has memory");
	strcpy(m->type, "proc");
	strcpy(m->path, STEP_TARGET);
	m->attr.attr_set = MOUNT_ATTR_RDONLY;
	memset(&m->info, MARK, sizeof(m->info));
	memset(m->cpus, MARK, sizeof(m->cpus));
}

static void be_stranger(int from, int to)
{
	int fd;

	if (read(from, &(char){ 0 }, 1) != 1 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ||
	    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir(STEP_TARGET, 0755) < 0)
		fail("a stranger has mounts");
	fill_memory();
	dup2(to, 100);
	fd = open(STEP_TARGET, O_RDONLY | O_DIRECTORY);
	for (int i = 3; i < FDS; i++)
		dup2(fd, i);
	if (write(100, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void watch_mounts(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)stranger.pid);
	stranger.watch = open(path, O_RDONLY | O_CLOEXEC);
	if (stranger.watch < 0)
		fail("a stranger's mounts are watched");
}

/* proc(5): a change is an exceptional condition, and an error condition. */
static bool mounts_changed(void)
{
	struct pollfd p = { .fd = stranger.watch, .events = POLLPRI };
	bool changed = poll(&p, 1, 0) != 0;

	close(stranger.watch);
	return changed;
}

static int count_fds(void)
{
	char path[64];
	struct stat st;
	int n = 0;

	for (int fd = 0; fd < 128; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)stranger.pid, fd);
		n += lstat(path, &st) == 0;
	}
	return n;
}

/**
 * stranger_start() - a process with this pid, which nobody has
 */
void stranger_start(pid_t pid)
{
	pid_t pids[] = { 1, pid };
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID,
				   .exit_signal = SIGCHLD,
				   .set_tid = (uintptr_t)pids,
				   .set_tid_size = 2 };
	int there[2], back[2];
	long r;

	if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
		fail("pipes");
	for (int tries = 0; (r = syscall(SYS_clone3, &args, sizeof(args))) < 0 && tries < 1000;
	     tries++)
		usleep(1000);
	if (r == 0)
		be_stranger(there[0], back[1]);
	if (r != pid)
		fail("the pid is used again");
	set_map(pid, "uid_map");
	set_map(pid, "gid_map");
	close(back[1]);
	if (write(there[1], "", 1) != 1 || read(back[0], &(char){ 0 }, 1) != 1)
		fail("a stranger is there");
	close(there[0]);
	close(there[1]);
	close(back[0]);
	stranger.pid = pid;
	watch_mounts();
	stranger.fds = count_fds();
}

static bool is_marked(const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((const unsigned char *)data)[i] != MARK)
			return false;
	return true;
}

/**
 * stranger_end() - what was done to it? "" if nothing was
 */
void stranger_end(char *text, size_t size)
{
	struct step_memory m;
	struct iovec here = { &m, sizeof(m) }, there = { STEP_MEMORY, sizeof(m) };
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/root" STEP_NODE, (int)stranger.pid);
	if (process_vm_readv(stranger.pid, &here, 1, &there, 1, 0) != sizeof(m))
		fail("a stranger's memory is read");
	snprintf(text, size, "%s%s%s%s", mounts_changed() ? "a stranger's mounts changed " : "",
		 is_marked(&m.info, sizeof(m.info) + sizeof(m.cpus))
			 ? ""
			 : "a stranger's memory was written ",
		 count_fds() == stranger.fds ? "" : "a stranger has another file ",
		 stat(path, &st) < 0 ? "" : "a stranger has a node ");
	kill(stranger.pid, SIGKILL);
	waitpid(stranger.pid, NULL, 0);
}
