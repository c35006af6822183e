/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What this kernel and host can do, found by trying, and what Cloister does where something lacks.
 */
#include <glib.h>
#include <stdbool.h>

enum hostcheck_status {
	HOSTCHECK_OK,	   /* as good as it gets */
	HOSTCHECK_LIMITED, /* another way is taken, or a feature is not offered */
	HOSTCHECK_MISSING, /* not there */
};

struct hostcheck_item {
	char *name;
	enum hostcheck_status status;
	bool required;	   /* missing: containers cannot run */
	char *detail;	   /* what was found */
	char *consequence; /* what Cloister does instead; "" where nothing lacks */
};

struct hostcheck {
	char *kernel;	  /* release, as uname(1) -r prints it */
	GPtrArray *items; /* of struct hostcheck_item, in the order in which they were tried */
};

struct hostcheck *hostcheck_run(void);
bool hostcheck_can_run(const struct hostcheck *hc);
char *hostcheck_to_text(const struct hostcheck *hc);
char *hostcheck_to_json(const struct hostcheck *hc);
void hostcheck_free(struct hostcheck *hc);
