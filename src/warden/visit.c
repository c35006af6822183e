/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A helper's visit to the caller's namespaces.
 *
 * Theory of operation. A helper is a short-lived child of the notifier. It opens all that it needs
 * of the caller by the caller's pid, then asks whether the notification is still alive: from there
 * on it holds descriptors and the pid no longer matters. It enters the user namespace that owns the
 * caller's mount namespace, which takes away every right over the host, and then that mount
 * namespace; the caller's pid namespace it never enters, so that nobody inside can see it, send it
 * a signal or attach to it. It is non-dumpable all the same.
 *
 * What the caller is allowed is asked before: the helper does only what the caller, with its own
 * capabilities and in a container without covers, could do itself. Paths are walked from the
 * caller's root and working directory, with the caller's ids, inside its user namespace.
 */
#include "config.h"
#include "warden/visit.h"

#include "lib/fd.h"
#include "lib/mediate.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS_MAX 1024
#define STATUS_MAX 65536

/* The part of `status` after "\nKey:", or "". */
static const char *status_line(const char *status, const char *key)
{
	const char *p = strstr(status, key);

	return p ? p + strlen(key) : "";
}

static void read_groups(struct visit *v, const char *p)
{
	static gid_t groups[GROUPS_MAX];
	int used;

	for (v->n_groups = 0; v->n_groups < GROUPS_MAX; p += used) {
		p += strspn(p, "\t ");
		if (*p < '0' || *p > '9' || sscanf(p, "%u%n", &groups[v->n_groups], &used) != 1)
			break;
		v->n_groups++;
	}
	v->groups = groups;
}

static int read_rights(struct visit *v)
{
	static char status[STATUS_MAX];
	unsigned int umask;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "%u/status", v->request->notif->pid);
	r = fd_read_file_at(v->host_proc, path, status, sizeof(status));
	if (r < 0)
		return r;
	if (sscanf(status_line(status, "\nUid:"), "%*u %u %*u %u", &v->euid, &v->fsuid) != 2 ||
	    sscanf(status_line(status, "\nGid:"), "%*u %*u %*u %u", &v->fsgid) != 1 ||
	    sscanf(status_line(status, "\nUmask:"), "%o", &umask) != 1 ||
	    sscanf(status_line(status, "\nCapEff:"), "%" SCNx64, &v->cap_eff) != 1)
		return -EIO;
	read_groups(v, status_line(status, "\nGroups:"));
	v->umask = umask;
	return 0;
}

/*
 * A security module judges by its own label of the caller, which a helper does not bear: whoever is
 * confined by one goes to the kernel with what he wants.
 */
static bool is_confined(const struct visit *v)
{
	char path[64], label[256];
	int r;

	snprintf(path, sizeof(path), "%u/attr/current", v->request->notif->pid);
	r = fd_read_file_at(v->host_proc, path, label, sizeof(label));
	if (r == -EFBIG)
		return true;
	return r > 0 && label[0] && mediate_label_confines(label);
}

/**
 * visit_open() - open what is needed of the caller; nothing is entered yet
 *
 * Return: 0; -ESRCH if the caller has gone; -EACCES where a security module has to decide.
 */
int visit_open(struct visit *v, const struct request *r)
{
	const struct {
		int *fd;
		const char *file;
		int flags;
	} files[] = {
		{ &v->user_ns, "ns/user", O_RDONLY }, { &v->mnt_ns, "ns/mnt", O_RDONLY },
		{ &v->pid_ns, "ns/pid", O_RDONLY },   { &v->net_ns, "ns/net", O_RDONLY },
		{ &v->root, "root", O_PATH },	      { &v->cwd, "cwd", O_PATH },
	};
	char path[64];
	int e;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	v->request = r;
	v->host_proc = r->host_proc;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%u/%s", r->notif->pid, files[i].file);
		*files[i].fd = openat(v->host_proc, path, files[i].flags | O_CLOEXEC);
		if (*files[i].fd < 0)
			return -errno;
	}
	v->owner_ns = ioctl(v->mnt_ns, NS_GET_USERNS);
	if (v->owner_ns < 0)
		return -errno;
	e = read_rights(v);
	if (e == 0 && is_confined(v))
		e = -EACCES;
	return e == 0 && !request_alive(r) ? -ESRCH : e;
}

/**
 * visit_has() - has the caller @capability in @user_ns? (security/commoncap.c: cap_capable(): its
 * own namespace or one below it, or as the owner of one right below it)
 */
bool visit_has(const struct visit *v, int user_ns, int capability)
{
	bool has = v->cap_eff >> capability & 1;
	int ns = dup(user_ns);

#ifdef MUTANT_RIGHTS_UNASKED
	return true;
#endif
	for (int depth = 0; ns >= 0 && depth < 40; depth++) {
		int parent;
		uid_t owner;

		if (fd_same(ns, v->user_ns)) {
			close(ns);
			return has;
		}
		parent = ioctl(ns, NS_GET_PARENT);
		if (parent >= 0 && fd_same(parent, v->user_ns) &&
		    ioctl(ns, NS_GET_OWNER_UID, &owner) == 0 && owner == v->euid)
			has = true;
		close(ns);
		ns = parent;
	}
	if (ns >= 0)
		close(ns);
	return false;
}

/**
 * visit_at_home() - is the caller in the container's own user namespace, and are his mounts its?
 */
bool visit_at_home(const struct visit *v)
{
	int home = v->request->notify->userns_fd;

	return fd_same(v->user_ns, home) && fd_same(v->owner_ns, home);
}

/**
 * visit_has_admin() - visit_has() of CAP_SYS_ADMIN
 */
bool visit_has_admin(const struct visit *v, int user_ns)
{
	return visit_has(v, user_ns, CAP_SYS_ADMIN);
}

/*
 * The caller's ids, as the host has them: in its user namespace they may have no name, and ours
 * would stay the host root's, which owns what the host has mounted there.
 */
static int take_ids(const struct visit *v)
{
#ifdef MUTANT_IDS_KEPT
	return 0;
#endif
	if (syscall(SYS_setgroups, v->n_groups, v->groups) < 0)
		return -errno;
	setfsgid(v->fsgid);
	setfsuid(v->fsuid);
	return (gid_t)setfsgid(-1) == v->fsgid && (uid_t)setfsuid(-1) == v->fsuid ? 0 : -EPERM;
}

/**
 * visit_enter_userns() - give up every right over the host
 */
int visit_enter_userns(struct visit *v)
{
	int r = take_ids(v);

	if (r == 0 && setns(v->owner_ns, CLONE_NEWUSER) < 0)
		r = -errno;
	/* Credentials have changed, and with them what was said before. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return r;
}

/**
 * visit_enter_mounts() - the caller's mounts are ours from here on, seen from the root of its
 * namespace
 */
int visit_enter_mounts(struct visit *v)
{
	return setns(v->mnt_ns, CLONE_NEWNS) < 0 ? -errno : 0;
}

/**
 * visit_enter_root() - from here on paths are the caller's
 */
int visit_enter_root(struct visit *v)
{
	return fchdir(v->root) < 0 || chroot(".") < 0 || fchdir(v->cwd) < 0 ? -errno : 0;
}

/**
 * visit_answer() - the helper's own answer to the caller
 *
 * Return: 0; -ENOENT if nobody waits for it any more: then what was done is to be undone.
 */
int visit_answer(const struct request *r, int64_t value)
{
	struct seccomp_notif_resp resp = { .id = r->notif->id,
					   .val = value < 0 ? 0 : value,
					   .error = value < 0 ? (int32_t)value : 0 };

	return ioctl(r->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0 ? -errno : 0;
}

/* In two steps: a caller that is interrupted between them has a descriptor more than it knows. */
static int give_before_answer(const struct request *r, struct seccomp_notif_addfd *add)
{
	int fd;

	add->flags = 0;
	fd = ioctl(r->listener, SECCOMP_IOCTL_NOTIF_ADDFD, add);
	return fd < 0 && errno == ENOENT ? -ENOENT : visit_answer(r, fd < 0 ? -errno : fd);
}

/**
 * visit_answer_fd() - the same with a descriptor of @fd (Linux 5.9; since 5.14 in one step)
 */
int visit_answer_fd(const struct request *r, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = { .id = r->notif->id,
					   .flags = SECCOMP_ADDFD_FLAG_SEND,
					   .srcfd = fd,
					   .newfd_flags = cloexec ? O_CLOEXEC : 0 };

	if (ioctl(r->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0)
		return 0;
	if (errno == EINVAL)
		return give_before_answer(r, &add);
	/* It has no room for one more. */
	return errno == ENOENT ? -ENOENT : visit_answer(r, -errno);
}
