/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What lies in the directories that are emulated as a whole (VIEW_DIRECTORY): entries come and go
 * there on the host, so that a cover on each file would not hide the next one.
 */
#include "cpu-facts.h"
#include "text.h"

#include <sys/types.h>

/* In a path '#' stands for a number: the directory exists once for each CPU, or node. */
#define DIR_CPU	 "cpu#"
#define DIR_NODE "node#"

/*
 * @cpu is the number in the place of '#', else 0; @arg what the table says. Return as for a
 * provider.
 */
typedef int dir_render_fn(const struct facts *facts, unsigned int cpu, int arg, struct text *out);

struct dir_file {
	const char *path; /* as in views[] */
	dir_render_fn *render;
	int arg;
	bool (*exists)(int arg); /* on this processor; NULL: always */
};

extern const struct dir_file cpu_dir[], node_dir[]; /* both end with a NULL path */

void put_cpu_list(struct text *out, const struct cpu_set *set);
void put_cpu_mask(struct text *out, const struct cpu_set *set, unsigned int bits);
