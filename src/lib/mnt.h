/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Building blocks for mount trees: everything by descriptor, on the new mount API.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

int mnt_tmpfs(const char *size, const char *mode, unsigned int attrs);
int mnt_clone(int dirfd, const char *path, bool recursive);
int mnt_idmap(int mount_fd, bool recursive, int userns_fd);
int mnt_bind(const char *from, const char *to);
int mnt_attach(int mount_fd, int dirfd, const char *path);
int mnt_attach_fd(int mount_fd, int target_fd);
int mnt_restrict(int mount_fd, bool recursive, uint64_t attrs);
int mnt_restrict_at(int dirfd, const char *path, uint64_t attrs);
uint64_t mnt_add_atime(uint64_t set, uint64_t clear);
int mnt_configure(int fs, const char *options);
int mnt_new(const char *fstype, const char *options, unsigned int attrs);
int mnt_make_private(void);
int mnt_make_private_fd(int mount_fd);
