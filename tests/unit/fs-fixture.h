/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Facts from a directory whose files are named like the sources ("v2.memory.max", its ancestor's
 * "v2.memory.max.1"), held in memfds so that a test can change them.
 */
#include "fusefs/dirs.h"
#include "fusefs/providers.h"

struct fixture {
	struct facts facts;
	struct cpu_account cpu;
	struct load_account load;
};

void fixture_load(struct fixture *f, const char *name);
void fixture_free(struct fixture *f);
void fixture_set(struct fixture *f, enum fact id, int level, const char *text);
void fixture_remove(struct fixture *f, enum fact id);
char *fixture_text(const struct fixture *f, enum fact id, int level);
void fixture_vanish(struct fixture *f, enum fact id);
void fixture_taint(struct fixture *f);
typedef void fixture_path_fn(struct fixture *f, const char *path, void *arg);
void fixture_each_path(struct fixture *f, fixture_path_fn *fn, void *arg);
int fixture_render(const struct fixture *f, const char *path, struct text *out);

/* No text with this in it can come from anywhere but the host. */
#define TAINT "98765"

extern uint64_t fixture_now_ns; /* CLOCK_BOOTTIME of the host, for the facts of a fixture */

uint64_t field(const char *text, const char *key);
