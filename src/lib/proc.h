/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Processes named so that a reused pid is not mistaken for the old process: pid and start time.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_id {
	pid_t pid;
	uint64_t start; /* clock ticks after boot, field 22 of /proc/PID/stat */
};

int proc_identify_at(int proc_fd, pid_t pid, struct proc_id *ret);
int proc_identify(pid_t pid, struct proc_id *ret);
bool proc_alive(const struct proc_id *id);
bool proc_ending(const struct proc_id *id);
int proc_open_at(int proc_fd, const struct proc_id *id);
int proc_open(const struct proc_id *id);
int proc_kill(const struct proc_id *id, int sig);
int proc_memory(pid_t pid, uint64_t *pss_kib, uint64_t *dirty_kib);
bool proc_would_drop(pid_t pid, int sig);
