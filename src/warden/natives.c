/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of SYSCTL_NETFILTER that are the container's own: cloister-fs, which covers the
 * directory, asks for what they say and has them written.
 *
 * The server may be a prisoner of the container. So it names a file of that one directory, in the
 * container's network namespace, and nothing else; and the rows of the table, which are the host's
 * numbers, are refused. It can have written what belongs to the container anyway.
 */
#include "config.h"
#include "warden/warden.h"

#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/natives.h"
#include "lib/nsmount.h"
#include "lib/sys.h"
#include "lib/sysctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct asked {
	const struct native_question *question;
	struct native_answer *answer;
	uid_t uid; /* the container's root */
};

/* What the owner may do: of a namespace that is not the container's own it is not the owner. */
static unsigned int mode_for(const struct stat *st, uid_t uid)
{
	return st->st_uid == uid ? st->st_mode & 0777 : (st->st_mode & 7) * 0111;
}

static int64_t list(const struct asked *asked)
{
	autodir dir = dir_open_at(AT_FDCWD, "/" SYSCTL_NETFILTER);
	char *buf = asked->answer->data;
	struct dirent *e;
	size_t len = 0;

	if (!dir)
		return -errno;
	while ((e = dir_next(dir))) {
		size_t left = NATIVE_DATA_MAX - len;
		struct stat st;
		int n;

		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode) || strlen(e->d_name) >= NATIVE_NAME_MAX)
			continue;
		n = snprintf(buf + len, left, "%o %s\n", mode_for(&st, asked->uid), e->d_name);
		if (n < 0 || (size_t)n >= left)
			break;
		len += n;
	}
	return len;
}

/* The file that was named. Return: a descriptor, or -errno. */
static int open_native(const struct asked *asked, int flags)
{
	const char *name = asked->question->name;
	autofd dir = open("/" SYSCTL_NETFILTER, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (dir < 0)
		return -errno;
#ifndef MUTANT_NATIVE_ANYWHERE
	if (strchr(name, '/') || name[0] == '.' || !name[0])
		return -ENOENT;
#endif
#ifndef MUTANT_NATIVE_ROWS
	if (sysctl_in_netfilter(name))
		return -EACCES;
#endif
	fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int64_t read_native(const struct asked *asked)
{
	autofd fd = open_native(asked, O_RDONLY);
	struct stat st;
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	if (!(st.st_mode & 0004)) /* there is none; and we are the host's root */
		return -EACCES;
	/* The server puts a NUL behind it. */
	while (len < NATIVE_DATA_MAX - 1 &&
	       (n = pread(fd, asked->answer->data + len, NATIVE_DATA_MAX - 1 - len, len)) > 0)
		len += n;
	return n < 0 ? -errno : (int64_t)len;
}

static int64_t write_native(const struct asked *asked)
{
	const struct native_question *q = asked->question;
	autofd fd = open_native(asked, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : pwrite(fd, q->data, q->len, q->offset);

	return fd < 0 ? fd : n < 0 ? -errno : n;
}

static int64_t carry_out(const struct asked *asked)
{
	switch (asked->question->what) {
	case NATIVE_LIST:
		return list(asked);
	case NATIVE_READ:
		return read_native(asked);
	case NATIVE_WRITE:
		return write_native(asked);
	default:
		return -EOPNOTSUPP;
	}
}

/* In the container's network namespace. */
static int carry_out_inside(void *arg)
{
	const struct asked *asked = arg;

	asked->answer->result = carry_out(asked);
	return 0;
}

/* That of PID 1, which is not another one meanwhile: its pidfd tells of its end. */
static int open_of_init(const struct warden *w, int proc, const char *file)
{
	struct pollfd end = { .fd = w->init_pidfd, .events = POLLIN };
	char path[32];
	autofd fd = -1;

	if (w->init_pidfd < 0)
		return -EAGAIN;
	snprintf(path, sizeof(path), "%d/%s", (int)w->hello.record.init.pid, file);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return poll(&end, 1, 0) == 0 ? fd_steal(&fd) : -ESRCH;
}

static bool is_same(int fd, const struct stat *st)
{
	struct stat other;

	return fd >= 0 && fstat(fd, &other) == 0 && other.st_dev == st->st_dev &&
	       other.st_ino == st->st_ino;
}

static bool has_net_admin(int proc, pid_t pid)
{
	char path[32], status[4096];
	const char *line;

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	if (fd_read_file_at(proc, path, status, sizeof(status)) < 0)
		return false;
	line = strstr(status, "\nCapEff:");
	return line && strtoull(line + sizeof("\nCapEff:") - 1, NULL, 16) >> CAP_NET_ADMIN & 1;
}

/*
 * May @pid write, as the kernel would say (net/sysctl_net.c: net_ctl_permissions())? It takes
 * CAP_NET_ADMIN in the user namespace that the network namespace belongs to, which has to be the
 * container's. One that was killed since it asked may have left its number to another: what is won
 * by that is a value of the container's own network namespace.
 */
static int may_write(const struct warden *w, int proc, int net, pid_t pid)
{
	autofd inside = open_of_init(w, proc, "ns/user");
	autofd owner = ioctl(net, NS_GET_USERNS), callers = -1;
	char path[32];
	struct stat st;

	if (inside < 0 || fstat(inside, &st) < 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
	callers = openat(proc, path, O_RDONLY | O_CLOEXEC);
#ifdef MUTANT_NATIVE_ANYBODY
	return 0;
#endif
	return is_same(owner, &st) && is_same(callers, &st) && has_net_admin(proc, pid) ? 0
											: -EACCES;
}

static int64_t look_at(const struct warden *w, struct asked *asked)
{
	autofd proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd net = proc < 0 ? -errno : open_of_init(w, proc, "ns/net");
	int r = net < 0 ? net : 0;

	if (r == 0 && asked->question->what == NATIVE_WRITE)
		r = may_write(w, proc, net, asked->question->pid);
	if (r == 0)
		r = nsmount_in_net(proc, net, carry_out_inside, asked);
	return r < 0 ? r : asked->answer->result;
}

/**
 * natives_asked() - answer one question of the server
 * @len: of the message, which is longer than its number
 */
void natives_asked(const struct warden *w, struct native_question *q, size_t len)
{
	static struct native_answer answer;
	struct asked asked = { q, &answer, w->hello.uid };
	size_t head = offsetof(struct native_question, data);

	if (len < head || q->len != len - head || q->name[NATIVE_NAME_MAX - 1])
		return;
	answer.number = q->number;
	answer.result = look_at(w, &asked);
	len = q->what == NATIVE_WRITE || answer.result < 0 ? 0 : answer.result;
	send(w->ask_fd, &answer, offsetof(struct native_answer, data) + len,
	     MSG_DONTWAIT | MSG_NOSIGNAL);
}
