/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's sysctls: the file with its values, and what it asks of the host's.
 *
 * The server may be a prisoner of the container: of its messages only the arrival counts (but for
 * those of natives.c), and the file is read into a copy, of which lib/sysctl-host.c takes numbers
 * within the table's range and cap.
 *
 * The host may write its own values at any time. What this container asks for is watched (inotify),
 * so that the host's new value and what containers want are weighed again at once.
 */
#include "config.h"
#include "warden/warden.h"

#include "lib/cgroup.h"
#include "lib/fd.h"
#include "lib/natives.h"
#include "lib/sysctl-host.h"
#include "lib/sysctl-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* So long a writer inside waits for a warden that died with its question. */
#define ANSWER_MS 1000

static int make_socket(struct warden *w)
{
	struct timeval limit = { .tv_usec = ANSWER_MS % 1000 * 1000, .tv_sec = ANSWER_MS / 1000 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	w->ask_fd = pair[0];
	w->ask_server_fd = pair[1];
	if (setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	w->watch_fd = -1;
	return 0;
}

static void allow(const char *path, const struct sysctl *s, void *arg)
{
	int *natives = arg;

	if (*natives >= 0 && cgroup_sysctls_allow(*natives, path) < 0) {
		close(*natives);
		*natives = -1;
	}
}

/**
 * sysctls_look() - what the running kernel has, and where the limits stand that all share
 * @natives: receives the names for sysctls_confine(), or -1 if this kernel cannot
 *
 * It takes a while, and needs to know nothing of the container.
 */
int sysctls_look(struct sysctl_store *seen, int *natives)
{
	autofd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = root < 0 ? -errno : sysctl_store_new(seen);

	if (r < 0)
		return r;
	*natives = cgroup_sysctls_new();
	r = sysctl_scan(root, seen, allow, natives);
	if (r == 0)
		sysctl_host_initial(root, seen);
	else
		sysctl_store_close(seen);
	return r;
}

/**
 * sysctls_make() - the container's file of values, and the way on which the server asks
 * @seen: what is written into it first; closed
 */
int sysctls_make(struct warden *w, struct sysctl_store *seen)
{
	struct sysctl_store store;
	int r;

	w->values_fd = openat(w->dir_fd, SYSCTL_STORE_FILE,
			      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = w->values_fd < 0 ? -errno : sysctl_store_map(&store, w->values_fd);
	if (r == 0) {
		sysctl_store_copy(&store, seen);
		sysctl_store_close(&store);
	}
	sysctl_store_close(seen);
	return r < 0 ? r : make_socket(w);
}

/**
 * sysctls_confine() - what appears from here on shows the container nothing
 *
 * A module that is loaded, or loaded again, brings files on which no cover lies, and what is
 * mounted on them in a namespace that runs the container's root takes off. So the kernel asks a
 * program of ours at each read and write (lib/cgroup-sysctls.c). Where it cannot they are readable.
 */
void sysctls_confine(struct warden *w)
{
#ifndef MUTANT_LATE_SYSCTLS
	if (w->natives_map >= 0 && w->sysctls_group >= 0)
		cgroup_sysctls_attach(w->sysctls_group, w->natives_map);
#endif
	if (w->natives_map >= 0)
		close(w->natives_map);
	if (w->sysctls_group >= 0)
		close(w->sysctls_group);
	w->natives_map = w->sysctls_group = -1;
}

/*
 * There are 128 for a user (fs.inotify.max_user_instances), and containers may be more: it is the
 * container's root who has one less, and not the host's.
 */
static int new_watch(uid_t uid)
{
	int fd;

#ifdef MUTANT_WATCHED_BY_ROOT
	uid = 0;
#endif
	if (syscall(SYS_setresuid, -1, uid, -1) < 0)
		return -errno;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (syscall(SYS_setresuid, -1, 0, -1) < 0)
		_exit(1);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return fd;
}

/*
 * Made for the first wish. Without one the host's new value is seen when somebody next asks.
 */
static void watch_asked(struct warden *w, const struct sysctl_store *store)
{
	for (int i = 0; i < sysctls_count; i++) {
		char path[128];

		if (!sysctl_is_shared(&sysctls[i]) ||
		    !(sysctl_store_marks(store, &sysctls[i]) & SYSCTL_ASKED))
			continue;
		if (w->watch_fd < 0)
			w->watch_fd = new_watch(w->hello.uid);
		if (w->watch_fd < 0)
			return;
		snprintf(path, sizeof(path), "/%s", sysctls[i].path);
		inotify_add_watch(w->watch_fd, path, IN_MODIFY);
	}
}

/**
 * sysctls_settle() - the host follows what the container asks for
 *
 * Also whenever the server or the warden is a new one: the former may have died in between.
 */
void sysctls_settle(struct warden *w)
{
	struct sysctl_store store;

	if (w->hello.record.init.pid <= 0 || sysctl_store_load(&store, w->values_fd) < 0)
		return;
	/* Watched first: what the host writes from here on is seen. */
	watch_asked(w, &store);
	sysctl_host_ask(w->root_fd, &w->hello.record.init, &store);
	sysctl_store_close(&store);
}

/**
 * sysctls_asked() - the server says that something changed, or asks for a file of the kernel's
 */
void sysctls_asked(struct warden *w)
{
	static struct native_question q;
	ssize_t len = recv(w->ask_fd, &q, sizeof(q), MSG_DONTWAIT);

	if (len > (ssize_t)sizeof(q.number))
		natives_asked(w, &q, len);
	if (len != sizeof(q.number))
		return;
	sysctls_settle(w);
	send(w->ask_fd, &q.number, sizeof(q.number), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/**
 * sysctls_host_wrote() - somebody wrote a sysctl of the host that this container has a wish for
 *
 * We ourselves and other wardens do: then there is nothing to change.
 */
void sysctls_host_wrote(struct warden *w)
{
	char events[4096];

	while (read(w->watch_fd, events, sizeof(events)) > 0)
		;
	sysctls_settle(w);
}

/**
 * sysctls_end() - the container has ended: what it asked for is taken back
 */
void sysctls_end(struct warden *w)
{
	if (w->hello.record.init.pid > 0)
		sysctl_host_end(w->root_fd, &w->hello.record.init);
	if (w->watch_fd >= 0)
		close(w->watch_fd);
	w->watch_fd = -1;
}
