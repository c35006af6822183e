/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Telling the warden that a shared sysctl was written, and asking it for a file of the kernel's.
 */
#include "server.h"

struct native_question;
struct native_answer;

void ask_warden(struct server *s);
int64_t ask_native(struct server *s, struct native_question *q, struct native_answer *a);
