/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The hooks of the OCI runtime specification: programs that the engine wants run at points of a
 * container's life.
 */
#include "runtime/spec.h"

#include <glib.h>

/* What came of one hook; see hooks_run(). */
struct hook_failure {
	int index;	  /* which of its kind */
	int err;	  /* errno if it could not be run or waited for, ETIMEDOUT; else 0 */
	int status;	  /* as of waitpid(2) */
	char output[256]; /* the end of what it said on stderr */
};

/* Where a hook runs, and as what; all zero but .namespaces_pidfd, -1: as we are. */
struct hook_place {
	int namespaces_pidfd; /* process whose namespaces it enters, or -1 */
	bool shared;	      /* its user namespace is that of another container too */
	/* Called in the child last of all: gives up what the hook must not have, or does not
	 * return. */
	void (*confine)(int sync, const void *arg);
	const void *arg;
	int sync; /* for confine() */
};

int hooks_run_list(const GPtrArray *hooks, const char *state, const struct hook_place *place,
		   struct hook_failure *failure);
void hooks_describe(enum spec_hook_kind kind, const struct spec_hook *hook,
		    const struct hook_failure *failure, char *buf, size_t size);
bool hooks_run(const struct spec *spec, enum spec_hook_kind kind, const char *state,
	       int namespaces_pidfd, bool shared, GError **error);
bool hooks_run_all(const struct spec *spec, enum spec_hook_kind kind, const char *state,
		   GError **error);
