/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The system calls that a container's processes bring before the warden: their numbers, and the
 * filter that notifies them. The runtime loads it, the warden reads what it notified.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Newer than the headers of some systems that we are built on. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

enum mediate_call {
	MEDIATE_NONE,
	MEDIATE_SYSINFO,
	MEDIATE_GETAFFINITY,
	MEDIATE_MOUNT,
	MEDIATE_UMOUNT,
	MEDIATE_OLDUMOUNT, /* without flags; 32-bit only */
	MEDIATE_FSOPEN,
	MEDIATE_FSMOUNT,
	MEDIATE_FSPICK,
	MEDIATE_SETATTR,
	MEDIATE_MKNOD,
	MEDIATE_MKNODAT,
	MEDIATE_SETXATTR, /* these only where the settings say so */
	MEDIATE_LSETXATTR,
	MEDIATE_FSETXATTR,
	MEDIATE_SETXATTRAT,
	MEDIATE_SWAPON,
	MEDIATE_SWAPOFF,
	MEDIATE_SYSLOG, /* never notified, as those that follow: refused by the filter itself */
	MEDIATE_SYSFS,
	MEDIATE_USTAT,
	MEDIATE_OPEN_TREE_ATTR,
	MEDIATE_PERF,
	MEDIATE_CALLS
};

/* How the caller lays out structures and passes arguments. */
enum mediate_abi { MEDIATE_ABI_NATIVE, MEDIATE_ABI_COMPAT };

#define MEDIATE_BIT(call) (1U << (call))
#define MEDIATE_REFUSED                                                                            \
	(MEDIATE_BIT(MEDIATE_SYSLOG) | MEDIATE_BIT(MEDIATE_SYSFS) | MEDIATE_BIT(MEDIATE_USTAT) |   \
	 MEDIATE_BIT(MEDIATE_OPEN_TREE_ATTR) | MEDIATE_BIT(MEDIATE_PERF))
/* What may not go to the kernel where nobody is there to be notified either; see fsmount_pick(). */
#define MEDIATE_UNHEARD	   (MEDIATE_REFUSED | MEDIATE_BIT(MEDIATE_FSPICK))
#define MEDIATE_FILTER_MAX 256

bool mediate_label_confines(const char *label);
size_t mediate_filter(struct sock_filter filter[MEDIATE_FILTER_MAX], unsigned int calls,
		      uint32_t action);
enum mediate_call mediate_identify(const struct seccomp_data *data, enum mediate_abi *abi);

/* What mount(2) is asked for is told by its flags, in the kernel's order. */
enum mediate_mount {
	MEDIATE_MOUNT_NEW,
	MEDIATE_MOUNT_BIND,
	MEDIATE_MOUNT_READONLY,
	MEDIATE_MOUNT_OTHER, /* not notified */
};
enum mediate_mount mediate_mount_kind(uint64_t flags);
