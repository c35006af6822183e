/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The warden's part in the system calls of a container: which of them its filter notifies, and
 * handing over the listener.
 */
#include "policy/settings.h"
#include "runtime/seccomp.h"

const char *mediation_prepare(const struct settings_inside *inside, struct seccomp *seccomp);
bool mediation_deliver(int dir_fd, int end, int listener, GError **error);
