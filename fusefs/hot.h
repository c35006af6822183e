/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The requests of an open, read and close of a file.
 */
#include "server.h"

bool hot_request(struct server *s, const void *request, size_t len);
