/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The threads of the server.
 */
#include "server.h"

void workers_measure_machine(void);
int workers_run(struct server *s);
void workers_redo(struct server *s);

/* Of the worker that calls. */
bool workers_block(struct server *s);
void workers_unblock(void);
uint64_t workers_asked_ns(void);
void workers_keep_answer(struct server *s, const struct iovec *iov, int count);
