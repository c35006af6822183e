/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `step` does to processes: follow one and what it forks, and put another in a caller's place.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum step_who {
	STEP_HELPER,
	STEP_BOTH,
	STEP_NOTIFIER,
	STEP_WARDEN,
	STEP_STALE_HELPER,
	STEP_STALE_NOTIFIER,
};

struct step_family {
	pid_t warden, twin, notifier;
};

/* Between `step` and who traces for it. */
struct step_shared {
	_Atomic bool ready; /* steps are counted */
	_Atomic int count;
	_Atomic bool hit;
	_Atomic int nr;
	_Atomic bool release; /* what is held may go on */
};

struct step_shared *trace_memory(void);
bool trace_sleeps(pid_t pid);
bool trace_is_alone(pid_t pid);
pid_t trace_start(struct step_shared *shared, enum step_who who, const struct step_family *f,
		  int at);
void stranger_start(pid_t pid);
void stranger_end(char *text, size_t size);
