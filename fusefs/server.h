/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of the server share: its options, and the steps from start to the loop.
 */
#define FUSE_USE_VERSION 314
#include "source.h"
#include "lib/sysctl-store.h"

#include <fuse_lowlevel.h>

#define MAX_SOURCE_FDS FACT_MAX_FDS

struct server {
	int fuse_fd, values_fd, init_fd, ready_fd;
	uid_t uid;
	gid_t gid;
	bool resume;
	bool no_resend; /* as on kernels before 6.9, for tests */
	int threads;	/* 0: as many as there are CPUs */
	struct facts facts;
	struct sysctl_store store;  /* mapping of values_fd */
	pthread_mutex_t store_lock; /* writers of store, and reads of it */
	int ask_fd;		    /* to the warden, or -1; see ask.c */
	pthread_mutex_t ask_lock;   /* whoever waits for its answer; no other lock is held */
	struct timespec started;    /* times of all files */
	struct survivor *survivor;  /* mapping of init_fd; see survive.h */
	struct fuse_session *session;
};

extern const struct fuse_lowlevel_ops server_ops;

int server_attach(struct server *s, const char **what);
int server_run(struct server *s);
void server_process(struct server *s, void *request, size_t len);

int confine_check(void);
int confine(const struct server *s, const char **what);
