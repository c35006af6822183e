/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tables of `attack`, one a file, and the mount calls that several of them make.
 */
#include "calls.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>

extern const struct call attack_mounts[], attack_covers[], attack_machine[], attack_inherited[],
	attack_processes[], attack_facts[], attack_traps[], attack_terminal[], attack_owners[];

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define UMOUNT_LAZY 2 /* MNT_DETACH */

static inline int tree_open(const char *path, unsigned int flags)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static inline int set_attr(int dirfd, const char *path, unsigned int flags, uint64_t set,
			   uint64_t clear, int userns)
{
	struct mount_attr attr = { .attr_set = set,
				   .attr_clr = clear,
				   .userns_fd = (uint64_t)userns };

	return result(syscall(SYS_mount_setattr, dirfd, path, flags, &attr, sizeof(attr)));
}
