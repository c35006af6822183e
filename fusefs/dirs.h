/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What lies in the directories that are emulated as a whole (VIEW_DIRECTORY): entries come and go
 * there on the host, so that a cover on each file would not hide the next one.
 */
#include "source.h"
#include "text.h"

#include <sys/types.h>

/* In a path this stands for the number of a CPU: the directory exists once for each. */
#define DIR_CPU "cpu#"

/*
 * @cpu is the number in the place of DIR_CPU, else 0; @arg what the table says. Return as for a
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

/* The CPUs that have a directory, and those of them that are there: numbers from 0. */
struct cpu_numbers {
	unsigned int online, possible;
};

int cpu_numbers_get(const struct facts *facts, struct cpu_numbers *ret);
void put_cpu_list(struct text *out, unsigned int first, unsigned int end);
void put_cpu_mask(struct text *out, unsigned int first, unsigned int end, unsigned int bits);
