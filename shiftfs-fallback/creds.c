/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All by raw system calls: the C library's wrappers change every thread. Each costs as much as a
 * small request, so what is in force is remembered, and changed only when a request needs another.
 */
#include "config.h"
#include "creds.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/securebits.h>

#define BIT(cap) (1ull << (cap))

/*
 * Permission was decided by the kernel before a request gets here, so the server overrides it.
 * Not among these: CAP_SYS_RESOURCE, with which quotas and reserved blocks would not bind; and
 * CAP_LINUX_IMMUTABLE. CAP_SYS_NICE is added where there is it: for callers.c, which can do
 * without.
 */
static uint64_t all_needed = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) |
			     BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |
			     BIT(CAP_MKNOD) | BIT(CAP_SETFCAP) | BIT(CAP_SYS_ADMIN);

/* With --as: none of them, and these ids for good. */
static struct {
	bool set;
	uid_t uid;
	gid_t gid, groups[1024];
	size_t n;
} user;

static uint64_t needed(void)
{
#ifdef MUTANT_SHIFT_AS_CAPABLE
	return all_needed;
#endif
	return user.set ? 0 : all_needed;
}

/**
 * creds_set_user() - work with the rights of one user only, whoever asks
 * @text: "UID:GID[:GID...]"
 *
 * Return: 0, or -EINVAL; also for root, whose rights that would not be.
 */
int creds_set_user(const char *text)
{
	for (int i = 0; *text; i++) {
		char *end;
		unsigned long long v = strtoull(text, &end, 10);

		if (end == text || *text == '-' || v >= UINT32_MAX || (*end && *end != ':') ||
		    (*end && !end[1]) || user.n == sizeof(user.groups) / sizeof(*user.groups))
			return -EINVAL;
		if (i == 0)
			user.uid = v;
		else if (i == 1)
			user.gid = v;
		else
			user.groups[user.n++] = v;
		user.set = i > 0 && user.uid > 0;
		text = *end ? end + 1 : end;
	}
	return user.set ? 0 : -EINVAL;
}

/**
 * creds_user() - whom creds_set_user() has named
 */
void creds_user(uint32_t *uid, uint32_t *gid)
{
	*uid = user.uid;
	*gid = user.gid;
}

/*
 * An id that nobody has: whom files are the user's to, fsuid says. The real, effective and saved
 * one say who may send signals, and the user must not stop a server whom others wait for.
 */
static uid_t id_of_nobody(void)
{
	return user.uid < 0x0fffffff ? 0xf0000000u | user.uid : 0xfffffffeu;
}

static int set_uids(uid_t uid)
{
	if (setresuid(uid, uid, uid) < 0)
		return -errno;
	/* It fails in silence, and tells what there was. */
	syscall(SYS_setfsuid, user.uid);
	return (uid_t)syscall(SYS_setfsuid, -1) == user.uid ? 0 : -EPERM;
}

/*
 * For good: no id can be changed without a capability. Others bring their ids with each request
 * (creds_ids()), and the groups of whoever started the server shall make them members of none.
 */
static int become_user(void)
{
	int r;

	if (!user.set)
		return setgroups(0, NULL) < 0 ? -errno : 0;
	if (setgroups(user.n, user.groups) < 0 || setresgid(user.gid, user.gid, user.gid) < 0)
		return -errno;
#ifdef MUTANT_SIGNALS_TAKEN
	return set_uids(user.uid);
#endif
	r = set_uids(id_of_nobody());
	/* A user namespace has no such id. */
	return r == -EINVAL ? set_uids(user.uid) : r;
}

static int set_caps(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		data[i].permitted = permitted >> 32 * i;
		data[i].effective = effective >> 32 * i;
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/**
 * creds_limit() - keep only the capabilities that are needed, also across a change of ids
 *
 * Before the workers are started, who inherit it.
 */
int creds_limit(void)
{
	int r;

	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NOROOT) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = become_user();
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	if (!user.set && set_caps(all_needed | BIT(CAP_SYS_NICE), 0) == 0)
		all_needed |= BIT(CAP_SYS_NICE);
	return set_caps(needed(), needed());
}

/**
 * creds_begin() - what a worker does first
 * @cwd: working directory that it gets
 *
 * A thread begins with what its creator has at that moment: everything is set anew.
 */
int creds_begin(struct creds *c, int cwd)
{
	int r;

	if (unshare(CLONE_FS) < 0 || fchdir(cwd) < 0)
		return -errno;
	r = set_caps(needed(), needed());
	if (r < 0)
		return r;
	umask(0);
	if (!user.set) {
		syscall(SYS_setfsgid, 0);
		syscall(SYS_setfsuid, 0);
	}
	*c = (struct creds){ .fsetid = true };
	return 0;
}

/**
 * creds_ids() - be @uid and @gid when something is made; the capabilities stay
 *
 * Nothing with --as: what is made is the user's.
 */
void creds_ids(struct creds *c, uint32_t uid, uint32_t gid)
{
	if (user.set)
		return;
	if (c->fsgid != gid)
		syscall(SYS_setfsgid, gid);
	if (c->fsuid != uid)
		syscall(SYS_setfsuid, uid);
	c->fsgid = gid;
	c->fsuid = uid;
}

/**
 * creds_umask() - have @mask applied by the backing, which knows its default ACLs
 */
void creds_umask(struct creds *c, mode_t mask)
{
	if (c->umask != mask)
		umask(mask);
	c->umask = mask;
}

/**
 * creds_fsetid() - whether changing a file leaves its suid and sgid bits
 */
void creds_fsetid(struct creds *c, bool on)
{
	if (c->fsetid != on && !user.set)
		set_caps(all_needed, on ? all_needed : all_needed & ~BIT(CAP_FSETID));
	c->fsetid = on;
}
