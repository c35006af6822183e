/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What makes a request one that may be sent to the engine. Both processes ask this.
 */
#include "sockproxy/commands.h"

/* What a request needs besides, so that what it starts is contained. */
enum request_need {
	NEEDS_NOTHING,
	NEEDS_RUNTIME,	/* a runtime of the engine's that is Cloister, for its body */
	NEEDS_BUILDS,	/* that this is the default */
	NEEDS_BUILDKIT, /* that BuildKit, which asks for no runtime, uses it as well */
};

enum request_need request_needs(const struct endpoint *e, const struct target *t);
int request_check(const struct http_head *h, const struct target *t,
		  const struct sockcommands *list, const struct endpoint **ret, const char **why);
int request_write(const struct http_head *h, const struct target *t, const struct endpoint *e,
		  int64_t length, char *buf, size_t size);
