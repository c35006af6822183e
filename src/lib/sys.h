/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * System calls that the C library or the kernel may lack. The only place that knows.
 * Every function: >= 0 on success, -errno on failure.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/mount.h>
#include <linux/openat2.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve);
int sys_open_tree(int dirfd, const char *path, unsigned int flags);
int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
		   unsigned int flags);
int sys_fsopen(const char *fstype);
int sys_fsconfig_flag(int fs, const char *key);
int sys_fsconfig_string(int fs, const char *key, const char *value);
int sys_fsconfig_fd(int fs, const char *key, int fd);
int sys_fsconfig_create(int fs);
int sys_fsconfig_reconfigure(int fs);
int sys_fsmount(int fs, unsigned int attrs);
int sys_mount_setattr(int fd, bool recursive, uint64_t set, uint64_t clear, int userns_fd);
int sys_mount_propagation(int fd, unsigned long type);
int sys_mount_id(int fd);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_pidfd_open(pid_t pid);
int sys_pidfd_open_thread(pid_t tid);
int sys_fspick(int fd);
int sys_pidfd_getfd(int pidfd, int number);
int sys_pidfd_send_signal(int pidfd, int sig);
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags);
pid_t sys_clone3(uint64_t flags, int exit_signal, int *pidfd, int cgroup_fd);
int sys_keyctl_new_session(const char *name);
void sys_mind_children(void);
int sys_leave_session(void);
void sys_lift_limits(void);
/* Who owns no file that matters; and a user that there is not. */
#define SYS_NOBODY  65534
#define SYS_NO_USER 0xfffffffdu

int sys_become_none(void);
int sys_drop_privileges(void);
