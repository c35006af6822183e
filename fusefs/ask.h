/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Telling the warden that a shared sysctl was written.
 */
#include "server.h"

void ask_warden(struct server *s);
