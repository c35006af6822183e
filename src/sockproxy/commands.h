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

struct endpoint {
	const char *method;
	const char *path;    /* segments; "*" one or more of any, "?" one */
	const char *defines; /* commands that this is what they do; separated by '|' */
	const char *used_by; /* commands that need it, too */
	enum endpoint_body body;
};

const struct endpoint *endpoint_find(struct span method, const struct target *t);
int endpoint_index(const struct endpoint *e);
const struct endpoint *endpoint_at(int index);
bool endpoint_allowed(const struct sockcommands *list, const struct endpoint *e);
