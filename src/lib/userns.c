/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces as maps. Both directions need a process inside: one that does nothing but exist,
 * and is gone when these functions return.
 */
#include "config.h"
#include "lib/userns.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for_death(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static int write_maps(int proc_fd, pid_t pid, const char *uid_map, const char *gid_map)
{
	char name[32];
	int r;

	snprintf(name, sizeof(name), "%d/uid_map", (int)pid);
	r = fd_write_file_at(proc_fd, name, uid_map);
	snprintf(name, sizeof(name), "%d/gid_map", (int)pid);
	if (r == 0)
		r = fd_write_file_at(proc_fd, name, gid_map);
	snprintf(name, sizeof(name), "%d/ns/user", (int)pid);
	if (r == 0)
		r = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	return r == -1 ? -errno : r;
}

/**
 * userns_make() - a user namespace with the given maps, which lives as long as its descriptor
 * @proc_fd: a procfs of the caller's pid namespace
 * @uid_map, @gid_map: lines of "INSIDE OUTSIDE COUNT" (user_namespaces(7))
 *
 * Return: a descriptor, or -errno; -EINVAL for maps that the kernel does not take.
 */
int userns_make(int proc_fd, const char *uid_map, const char *gid_map)
{
	pid_t pid = sys_clone3(CLONE_NEWUSER, SIGCHLD, NULL, -1);
	int fd;

	if (pid == 0)
		wait_for_death();
	if (pid < 0)
		return pid;
	fd = write_maps(proc_fd, pid, uid_map, gid_map);
	end(pid);
	return fd;
}

static void enter_and_tell(int userns_fd, int tell)
{
	char r = setns(userns_fd, CLONE_NEWUSER) < 0 ? errno : 0;

	if (write(tell, &r, 1) != 1)
		_exit(1);
	wait_for_death();
}

static int read_maps_of(int proc_fd, pid_t pid, char *uid_map, char *gid_map, size_t size)
{
	char name[32];
	int r;

	snprintf(name, sizeof(name), "%d/uid_map", (int)pid);
	r = fd_read_file_at(proc_fd, name, uid_map, size);
	snprintf(name, sizeof(name), "%d/gid_map", (int)pid);
	if (r >= 0)
		r = fd_read_file_at(proc_fd, name, gid_map, size);
	return r < 0 ? r : 0;
}

/**
 * userns_read_maps() - the maps of a user namespace, as the caller's own sees them
 * @uid_map, @gid_map: buffers of @size bytes each, USERNS_MAP_TEXT for the largest there can be
 *
 * Return: 0, or -errno; -EINVAL for the caller's own namespace and for what is no user namespace.
 */
int userns_read_maps(int proc_fd, int userns_fd, char *uid_map, char *gid_map, size_t size)
{
	int tell[2], r;
	char entered = 0;
	pid_t pid;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return -errno;
	pid = sys_clone3(0, SIGCHLD, NULL, -1);
	if (pid == 0)
		enter_and_tell(userns_fd, tell[1]);
	close(tell[1]);
	r = pid < 0 ? pid : read(tell[0], &entered, 1) == 1 ? -entered : -EIO;
	if (r == 0)
		r = read_maps_of(proc_fd, pid, uid_map, gid_map, size);
	if (pid > 0)
		end(pid);
	close(tell[0]);
	return r;
}
