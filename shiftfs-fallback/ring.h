/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests by io_uring: a queue for each CPU in the place of one for all.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/fuse.h>

struct ring_entry;
struct server;
struct worker;

bool rings_prepare(struct server *s);
void rings_go(struct server *s);
void rings_look(struct server *s, bool quiet);
void ring_answer(struct worker *w, const struct fuse_out_header *head, const void *out, size_t len);
void ring_send(struct worker *w);
struct ring_entry *ring_put_aside(struct worker *w);
void ring_answer_late(struct ring_entry *e, const struct fuse_out_header *head);
