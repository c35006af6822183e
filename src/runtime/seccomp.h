/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The "linux.seccomp" object of the OCI specification: from JSON to a filter that one system call
 * loads, and what becomes of the listener of SCMP_ACT_NOTIFY.
 */
#include "lib/mediate.h"

#include <glib.h>
#include <jansson.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

struct seccomp {
	struct sock_fprog filter;    /* .filter is NULL if there is none to load */
	unsigned int flags;	     /* of seccomp(SECCOMP_SET_MODE_FILTER) */
	bool listener;		     /* loading makes a descriptor that must be delivered */
	char *listener_path;	     /* set if listener is */
	char *listener_metadata;     /* may be NULL */
	bool from_cache;	     /* for tests and measurements */
	struct sock_fprog mediation; /* the warden's filter; .filter is NULL if there is none */
	bool mediation_listens;	     /* loading it makes a descriptor too */
};

/* What the agent behind listenerPath is told of the process. All borrowed. */
struct seccomp_process {
	const char *id;
	const char *bundle; /* absolute */
	const char *status; /* of the container: "created", "running" */
	pid_t init;	    /* the container's first process */
	pid_t pid;	    /* the one that is filtered */
	json_t *annotations;
	int dir_fd; /* its container's directory */
	/*
	 * PID 1, which need not wait until the warden has its listener: nobody else has one yet, so
	 * there is room, and what it calls meanwhile waits. Or -1.
	 */
	int pidfd;
};

bool seccomp_compile(json_t *profile, struct sock_fprog *filter, GError **error);
bool seccomp_prepare(json_t *profile, int root_fd, struct seccomp *ret, GError **error);
void seccomp_clear(struct seccomp *s);
bool seccomp_deliver_listener(const struct seccomp *s, const struct seccomp_process *who, int fd,
			      GError **error);
json_t *seccomp_default_architectures(void);
