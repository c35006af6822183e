/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the warden and its twin know; both have the same, since the twin is a fork.
 */
#include "lib/cgroup.h"
#include "lib/proc.h"
#include "lib/sysctl-store.h"
#include "lib/wardenproto.h"
#include "warden/notify.h"

#include <stdbool.h>

/* In memory that warden and twin share: who serves at the moment, whoever started it. */
struct warden_shared {
	struct proc_id server;
	bool detached; /* the container goes on without its launcher */
};

struct warden {
	struct warden_hello hello;
	int root_fd, dir_fd, alive_fd, fuse_fd;
	int values_fd; /* sysctl values, in the container's directory; survives the server */
	int ask_fd, ask_server_fd; /* both ends of the server's way to ask for shared sysctls */
	int watch_fd;		   /* inotify on those of the host */
	int program_fd;		   /* the last cloister-fs that started, or -1 */
	int init_fd;		   /* memfd: the kernel's first request; survives the server */
	int control;		   /* to the launcher; -1 once it has gone */
	int console;		   /* master of a pty that nobody reads, or -1 */
	int pids_fd;	/* a procfs of the container's pid namespace, for the server; -1: not yet */
	int devices_fd; /* its /proc/net/dev, which comes along, or -1 */
	int pids_link;	/* until then: where the server waits for it, or -1 */
	int init_pidfd;
	int server_pidfd;
	int other_pidfd; /* warden: of its twin; twin: of the warden */
	pid_t twin;
	int natives_map;   /* names of sysctls that the container may read; -1: not, or done */
	int sysctls_group; /* the cgroup in which that counts, or -1 */
	struct cgroups *hierarchies; /* of the host, until the first server is started; or NULL */
	int signals;		     /* SIGHUP: be replaced; see handover.c */
	int shared_fd;		     /* memfd: */
	struct warden_shared *shared;
	struct notify notify;
};

struct sysctl_store;
int sysctls_look(struct sysctl_store *seen, int *natives);
int sysctls_make(struct warden *w, struct sysctl_store *seen);
void sysctls_confine(struct warden *w);
void sysctls_settle(struct warden *w);
void sysctls_asked(struct warden *w);
void sysctls_host_wrote(struct warden *w);
void sysctls_end(struct warden *w);

struct native_question;
void natives_asked(const struct warden *w, struct native_question *q, size_t len);

int lookup_start(int views_fd);
void lookup_wait(int fd, int server_pidfd);

int handover_listen(void);
int handover_do(struct warden *w);
int handover_receive(struct warden *w, const char *number);

int server_start(struct warden *w, bool resume);
void server_send_pids(struct warden *w, const int *fds, size_t n);

void twin_write_helpers(const struct warden *w, pid_t twin);
void twin_make(struct warden *w);
void twin_renew(struct warden *w);

void warden_become(struct warden *w);
void warden_end(struct warden *w, bool all);
void warden_kill_container(struct warden *w);
