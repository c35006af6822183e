/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A helper's visit to the caller's namespaces.
 */
#include "warden/notify.h"

#include <stdbool.h>

struct visit {
	const struct request *request;
	int host_proc;
	int user_ns, mnt_ns, pid_ns, net_ns;
	int owner_ns; /* the user namespace that owns the caller's mount namespace */
	int root, cwd;
	uid_t euid, fsuid; /* on the host */
	gid_t fsgid;
	gid_t *groups;
	size_t n_groups;
	mode_t umask;
	uint64_t cap_eff;
};

/* A path argument: what it said when it was read, and its object if that is an open file. */
struct visit_path {
	const char *text;
	int fd;		  /* the caller's own descriptor that it begins with, or -1 */
	const char *rest; /* what follows that */
	bool nofollow;	  /* a symlink at the end is itself meant */
};

int visit_open(struct visit *v, const struct request *r);
bool visit_has(const struct visit *v, int user_ns, int capability);
bool visit_at_home(const struct visit *v);
bool visit_has_admin(const struct visit *v, int user_ns);
int visit_look_up(const struct visit *v, const char *text, struct visit_path *ret);
int visit_beneath(const struct visit *v, int number, struct visit_path *path);
int visit_enter_userns(struct visit *v);
int visit_enter_mounts(struct visit *v);
int visit_enter_root(struct visit *v);
int visit_resolve(const struct visit *v, const struct visit_path *path);
int visit_open_owned(const struct visit *v, int directory);
int visit_create(const struct visit *v, int dir, const char *name, mode_t mode);
int visit_adopt(const struct visit *v, int dir, const char *name);
int visit_unlink(const struct visit *v, int dir, const char *name);
int visit_answer(const struct request *r, int64_t value);
int visit_answer_fd(const struct request *r, int fd, bool cloexec);
