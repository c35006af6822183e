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
	return r > 0 && label[0] && !strstr(label, "unconfined") && !strstr(label, "spc_t") &&
	       strcmp(label, "kernel") != 0;
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

static bool same_ns(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
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

		if (same_ns(ns, v->user_ns)) {
			close(ns);
			return has;
		}
		parent = ioctl(ns, NS_GET_PARENT);
		if (parent >= 0 && same_ns(parent, v->user_ns) &&
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

	return same_ns(v->user_ns, home) && same_ns(v->owner_ns, home);
}

/**
 * visit_has_admin() - visit_has() of CAP_SYS_ADMIN
 */
bool visit_has_admin(const struct visit *v, int user_ns)
{
	return visit_has(v, user_ns, CAP_SYS_ADMIN);
}

/* "/proc/self/fd/7/x" leads, for the caller, to its own descriptor: for us it would be ours. */
static const char *own_fd(const char *text, int *number)
{
	static const char *const prefixes[] = { "/proc/self/fd/", "/proc/thread-self/fd/",
						"/dev/fd/" };
	char *end;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(text, prefixes[i], len) != 0 || text[len] < '0' || text[len] > '9')
			continue;
		*number = (int)strtol(text + len, &end, 10);
		return *end == '\0' || *end == '/' ? end : NULL;
	}
	return NULL;
}

/**
 * visit_look_up() - before anything is entered: is @text one of the caller's open files?
 */
int visit_look_up(const struct visit *v, const char *text, struct visit_path *ret)
{
	char path[64];
	int number;

	*ret = (struct visit_path){ .text = text, .fd = -1 };
	ret->rest = own_fd(text, &number);
	if (!ret->rest)
		return 0;
	snprintf(path, sizeof(path), "fd/%d", number);
	ret->fd = request_open(v->request, path, O_PATH);
	ret->rest += strspn(ret->rest, "/");
	return ret->fd < 0 ? ret->fd : 0;
}

/**
 * visit_beneath() - the path is relative to the caller's descriptor @number
 */
int visit_beneath(const struct visit *v, int number, struct visit_path *path)
{
	char name[32];

	snprintf(name, sizeof(name), "fd/%d", number);
	path->fd = request_open(v->request, name, O_PATH);
	path->rest = path->text;
	return path->fd < 0 ? path->fd : 0;
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

static int set_effective(uint64_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective = data[0].permitted & (uint32_t)caps;
	data[1].effective = data[1].permitted & (uint32_t)(caps >> 32);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* A caller from a user namespace above has all rights over this one. */
static int take_rights(const struct visit *v)
{
	return same_ns(v->user_ns, v->owner_ns) ? set_effective(v->cap_eff) : 0;
}

static int give_back_rights(void)
{
	return set_effective(~0ULL);
}

/* Return: @fd, as open(2) returned it just now, or -errno. */
static int give_back_with(int fd)
{
	int r = fd < 0 ? -errno : fd, back = give_back_rights();

	if (back == 0 || fd < 0)
		return r;
	close(fd);
	return back;
}

/**
 * visit_resolve() - the object that a path of the caller's leads to, with the caller's rights
 *
 * Return: an O_PATH descriptor, or -errno.
 */
int visit_resolve(const struct visit *v, const struct visit_path *path)
{
	int flags = O_PATH | O_CLOEXEC | (path->nofollow ? O_NOFOLLOW : 0);
	int r = take_rights(v), fd;

	if (r < 0)
		return r;
	if (path->fd < 0)
		fd = open(path->text, flags);
	else if (*path->rest)
		fd = openat(path->fd, path->rest, flags);
	else
		fd = dup(path->fd);
	return give_back_with(fd);
}

/**
 * visit_open_owned() - open the @directory, if it is the caller's and he may write to it
 *
 * It is the kernel that says so, of the caller's ids and capabilities, through the (ID-mapped)
 * mount: O_NOATIME is for owners and for CAP_FOWNER over them (fs/namei.c: may_open(),
 * inode_owner_or_capable()), and W_OK is not given on what is read-only, immutable, or owned by
 * somebody who has no name here.
 *
 * Return: a descriptor, or -errno.
 */
int visit_open_owned(const struct visit *v, int directory)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC;
	int r = take_rights(v), fd;

	if (r < 0)
		return r;
	fd = openat(directory, ".", flags);
	if (fd >= 0 && syscall(SYS_faccessat2, fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) < 0) {
		r = errno;
		close(fd);
		errno = r;
		fd = -1;
	}
	return give_back_with(fd);
}

/**
 * visit_create() - make an empty file, with the caller's rights; one that was there is not touched
 *
 * Return: a descriptor, or -errno.
 */
int visit_create(const struct visit *v, int dir, const char *name, mode_t mode)
{
	int r = take_rights(v), fd;

	if (r < 0)
		return r;
	umask(v->umask);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
	return give_back_with(fd);
}

/**
 * visit_unlink() - remove what visit_create() made
 */
int visit_unlink(const struct visit *v, int dir, const char *name)
{
	int r = take_rights(v);

	if (r == 0 && unlinkat(dir, name, 0) < 0)
		r = -errno;
	give_back_rights();
	return r;
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
