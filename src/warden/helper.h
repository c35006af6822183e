/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A short-lived process that does for one caller what the notifier may not do itself: enter its
 * namespaces.
 */
#include "warden/visit.h"

#include <limits.h>

struct rusage;

struct job {
	const struct request *request;
	struct visit visit;
	struct notify_mail *mail;
	const void *arg;
	int undo; /* the mount that was attached, or -1 */
	int gift; /* what the call returns a descriptor of, or -1 */
	bool gift_cloexec;
	/* Or, for a mount on a file made for it: where that is, for whoever has the caller's root.
	 */
	char undo_path[PATH_MAX];
};

/* What a job returns for "the kernel shall judge"; else a value or -errno for the caller. */
#define JOB_CONTINUE INT64_MIN

typedef int64_t job_fn(struct job *job);

/* Descriptors of its own that a helper can have besides what all have. */
#define HELPER_OWN 2

struct helper_task {
	job_fn *run;
	const void *arg;
	int own[HELPER_OWN]; /* -1: none */
};

void helper_let_go(const struct request *r, const int own[HELPER_OWN]);
void helper_wait_end(const struct request *r, int pidfd);
bool helper_recover(struct request *r);
void helper_forget(struct notify_mail *mail);
void helper_wait_others(const struct request *r);
void helper_run_task(struct request *r, const struct helper_task *task);
void helper_run(struct request *r, job_fn *run, const void *arg);
void rest_owe(const struct rusage *usage);
void rest_owe_own(const struct rusage *since);
void rest_take(void);
bool helper_try(struct job *job);
int64_t helper_attach(struct job *job, int tree, int target);
int64_t helper_give(struct job *job, int fd, bool cloexec);
int64_t helper_detach(struct job *job, int id);
