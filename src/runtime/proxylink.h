/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The sockets that a container gets in the place of an engine's.
 */
#include "runtime/container.h"

bool proxylink_start(struct container *c, GError **error);
