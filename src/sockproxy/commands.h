/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The engine's endpoints, the commands of `docker` that they stand for.
 */
#include "lib/sockcommands.h"
#include "sockproxy/target.h"

#include <stdbool.h>

enum endpoint_body {
	BODY_NONE,   /* nothing, or an empty JSON document */
	BODY_JSON,   /* read whole and written anew, see body.h */
	BODY_STREAM, /* passed on: an archive */
	BODY_HIJACK, /* JSON, then the connection is no HTTP any more */
};

/* What of a container that is there already a request gets at. */
enum endpoint_reach {
	REACH_NONE,   /* nothing: its state, its output, its end */
	REACH_INTO,   /* its inside: it has to be one that Cloister contains */
	REACH_FILES,  /* its files, by the engine, also those that are mounted */
	REACH_EXEC,   /* the inside of the container of which this is an exec's id */
	REACH_FILLED, /* volumes into which the engine copies what an image has in their place */
};

struct endpoint {
	const char *method;
	const char *path;    /* segments; "*" one or more of any, "?" one */
	const char *defines; /* commands that this is what they do; separated by '|' */
	const char *used_by; /* commands that need it, too */
	enum endpoint_body body;
	enum endpoint_reach reach;
};

const struct endpoint *endpoint_find(struct span method, const struct target *t);
bool endpoint_is_raw(const struct endpoint *e);
int endpoint_name(const struct endpoint *e, const struct target *t, char *buf, size_t size);
int endpoint_set_name(const struct endpoint *e, struct target *t, char *name);
bool endpoint_allowed(const struct sockcommands *list, const struct endpoint *e);
