/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What makes a request one that may be sent to the engine. Both processes ask this.
 */
#include "sockproxy/commands.h"

int request_check(const struct http_head *h, const struct target *t,
		  const struct sockcommands *list, const struct endpoint **ret, const char **why);
int request_write(const struct http_head *h, const struct target *t, const struct endpoint *e,
		  int64_t length, char *buf, size_t size);
