// SPDX-License-Identifier: Apache-2.0
/*
 * attack: whose files a mount shows. Who may say so for a file system, may call any of its files
 * his own.
 */
#include "config.h"
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t userns_child(void)
{
	int up[2];
	char c;
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUSER) == 0 && write(up[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(up[1]);
	if (read(up[0], &c, 1) != 1)
		pid = -1;
	close(up[0]);
	return pid;
}

/* A user namespace in which @map holds for users and groups. */
static int mapped_userns(const char *map)
{
	pid_t pid = userns_child();
	char path[64];
	int fd, ns;

	if (pid < 0)
		return -EPERM;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%cid_map", pid, "ug"[i]);
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, map, strlen(map)) != (ssize_t)strlen(map))
			return -EPERM;
		close(fd);
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	ns = open(path, O_RDONLY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ns < 0 ? -errno : ns;
}

static int clone_mapped(const char *dir, const char *map)
{
	int tree = tree_open(dir, OPEN_TREE_CLONE), ns = mapped_userns(map);

	if (tree < 0 || ns < 0)
		return tree < 0 ? tree : ns;
	return set_attr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, 0, ns);
}

/* On the host: can this very directory be ID-mapped? */
static int can_idmap(char **a)
{
	return clone_mapped(a[0], "0 100000 65536\n");
}

/* What 200000 owns on disk, who has no name here, would be ours. */
static const char stranger[] = "200000 0 1\n";

static int map_anew(char **a)
{
	return clone_mapped(a[0], stranger);
}

/* Since Linux 6.15 a clone may be mapped otherwise than its original, or not at all. */
static int clone_with(const char *dir, uint64_t set, uint64_t clear)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };
	int ns = mapped_userns(stranger);

	if (ns < 0)
		return ns;
	attr.userns_fd = (uint64_t)ns;
	return result(syscall(467 /* open_tree_attr */, AT_FDCWD, dir, OPEN_TREE_CLONE, &attr,
			      sizeof(attr)));
}

static int map_anew_attr(char **a)
{
	return clone_with(a[0], MOUNT_ATTR_IDMAP, 0);
}

static int map_no_more(char **a)
{
	return clone_with(a[0], 0, MOUNT_ATTR_IDMAP);
}

const struct call attack_owners[] = {
	{ "can-idmap", can_idmap, 1, "DIR" },
	{ "map-anew", map_anew, 1, "DIR" },
	{ "map-anew-attr", map_anew_attr, 1, "DIR" },
	{ "map-no-more", map_no_more, 1, "DIR" },
	{ 0 },
};
