/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * procfs and sysfs of namespaces that the caller is not in, mounted with the caller's credentials.
 */
#include <stdbool.h>
#include <sys/types.h>

int nsmount_proc_context(int host_proc, int ns);
int nsmount_proc_of(int host_proc, int ns, const char *options);
int nsmount_proc(int host_proc, pid_t pid, const char *options);
bool nsmount_proc_allows(const char *options);
int nsmount_proc_widen(int mount, bool *narrow);
int nsmount_proc_narrow(int mount);
int nsmount_sysfs_context(int host_proc, int ns);
int nsmount_sysfs_of(int host_proc, int ns);
int nsmount_sysfs(int host_proc, pid_t pid);
int nsmount_in_net(int host_proc, int ns, int (*fn)(void *arg), void *arg);
