/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability sets: names as in capabilities(7), and giving them to the calling thread.
 * Raw system calls: this runs between clone() and exec.
 */
#include "config.h"
#include "runtime/caps.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const cap_names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};
#define N_CAPS ((int)(sizeof(cap_names) / sizeof(cap_names[0])))

/**
 * caps_from_name() - number of a capability ("CAP_CHOWN", any case), or -EINVAL
 */
int caps_from_name(const char *name)
{
	for (int i = 0; i < N_CAPS; i++)
		if (strcasecmp(cap_names[i], name) == 0)
			return i;
	return -EINVAL;
}

/**
 * caps_name() - the name of a capability, "CAP_CHOWN"; NULL if it has none here
 */
const char *caps_name(int cap)
{
	return cap >= 0 && cap < N_CAPS ? cap_names[cap] : NULL;
}

/* The highest capability that this kernel knows. */
static int last_cap(void)
{
	static int last = -1;
	char buf[16];

	if (last < 0)
		last = fd_read_file_at(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", buf,
				       sizeof(buf)) > 0
			       ? atoi(buf)
			       : N_CAPS - 1;
	return last;
}

/**
 * caps_all() - the set of all capabilities of this kernel, one bit each
 */
uint64_t caps_all(void)
{
	return (2ULL << last_cap()) - 1;
}

/**
 * caps_drop_bounding() - remove from the bounding set what is not in @keep
 */
int caps_drop_bounding(uint64_t keep)
{
	int last = last_cap();

	for (int i = 0; i <= last; i++)
		if (!(keep >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	return 0;
}

/**
 * caps_set() - the three sets of the calling thread, as bits by number
 */
int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)effective,
		  .permitted = (uint32_t)permitted,
		  .inheritable = (uint32_t)inheritable },
		{ .effective = effective >> 32,
		  .permitted = permitted >> 32,
		  .inheritable = inheritable >> 32 },
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/**
 * caps_set_ambient() - the calling thread's ambient capabilities become @ambient, one bit each
 *
 * Return: 0 or -errno; some may be raised then.
 */
int caps_set_ambient(uint64_t ambient)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (int i = 0; ambient >> i; i++)
		if ((ambient >> i & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return -errno;
	return 0;
}

/**
 * caps_has() - does this process have @cap now?
 */
bool caps_has(int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[cap / 32].effective >> (cap % 32) & 1);
}
