/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new process gets from outside: limits, scheduling, oom score. From outside, since raising
 * any of them takes a capability in the initial user namespace.
 */
#include "config.h"
#include "runtime/limits.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "policy/settings.h"
#include "runtime/caps.h"
#include "runtime/error.h"
#include "runtime/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * To set the limits of a process in a user namespace below takes CAP_SYS_RESOURCE, or to be its
 * owner. (What may not be raised without it its owner may not raise either.)
 */
static bool become_owner(pid_t pid, struct owner_before *before)
{
	return !caps_has(CAP_SYS_RESOURCE) && owner_become_of(pid, before) == 0;
}

/**
 * limits_reset() - undo what a caller's session may have set on the new process @pid
 *
 * For containers that a person starts from a shell; an engine means what it passes on. Limits that
 * even this process may not raise stay as they are.
 */
void limits_reset(pid_t pid)
{
	static const struct {
		int resource;
		rlim_t soft, hard;
	} defaults[] = {
		{ RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_STACK, 8 << 20, RLIM_INFINITY },
		{ RLIMIT_CORE, 0, RLIM_INFINITY },
		{ RLIMIT_RSS, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_NPROC, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_NOFILE, 1024, 1 << 20 },
		{ RLIMIT_MEMLOCK, 8 << 20, 8 << 20 },
		{ RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_LOCKS, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_MSGQUEUE, 819200, 819200 },
		/* The kernel's own choice is in proportion to the machine's memory: it would tell.
		 */
		{ RLIMIT_SIGPENDING, 32768, 32768 },
		{ RLIMIT_NICE, 0, 0 },
		{ RLIMIT_RTPRIO, 0, 0 },
		{ RLIMIT_RTTIME, RLIM_INFINITY, RLIM_INFINITY },
	};
	struct owner_before before;
	bool is_owner = become_owner(pid, &before);
	char path[64];

#ifndef MUTANT_RLIMIT_KEPT
	for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++) {
		struct rlimit want = { defaults[i].soft, defaults[i].hard }, now;

		if (prlimit(pid, defaults[i].resource, &want, NULL) == 0 ||
		    prlimit(pid, defaults[i].resource, NULL, &now) < 0)
			continue;
		want.rlim_max = MIN(want.rlim_max, now.rlim_max);
		want.rlim_cur = MIN(want.rlim_cur, want.rlim_max);
		prlimit(pid, defaults[i].resource, &want, NULL);
	}
#endif
	if (is_owner)
		owner_leave(&before);
	setpriority(PRIO_PROCESS, pid, 0);
	g_snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	fd_write_file_at(AT_FDCWD, path, "0");
}

/*
 * Without CAP_SYS_RESOURCE (we are in a container ourselves) no limit can be raised above what we
 * have: that is the most there is to give.
 */
static int set_most(pid_t pid, const struct spec_rlimit *l)
{
	struct rlimit want = { l->soft, l->hard }, now;

	if (prlimit(pid, l->resource, NULL, &now) < 0)
		return -errno;
	want.rlim_max = MIN(want.rlim_max, now.rlim_max);
	want.rlim_cur = MIN(want.rlim_cur, want.rlim_max);
	return prlimit(pid, l->resource, &want, NULL) < 0 ? -errno : 0;
}

static bool set_rlimits(pid_t pid, const struct spec_process *process, GError **error)
{
	for (guint i = 0; process->rlimits && i < process->rlimits->len; i++) {
		const struct spec_rlimit *l = &g_array_index(process->rlimits, struct spec_rlimit,
							     i);
		struct rlimit want = { l->soft, l->hard };
		int r = prlimit(pid, l->resource, &want, NULL) < 0 ? -errno : 0;

		if (r == -EPERM && !caps_has(CAP_SYS_RESOURCE)) {
			r = set_most(pid, l);
			if (r == 0 && process->warnings)
				g_ptr_array_add(process->warnings,
						g_strdup_printf("process.rlimits: %s stays at the "
								"most that is allowed here",
								spec_rlimit_name(l->resource)));
		}
		if (r < 0)
			return error_set_errno(error, r,
					       "process.rlimits: %s %" G_GUINT64_FORMAT
					       ":%" G_GUINT64_FORMAT,
					       spec_rlimit_name(l->resource), l->soft, l->hard);
	}
	return true;
}

/* May the process begin with the scheduling that the specification asks for? */
static bool check_scheduler(const struct spec_scheduler *s, int highest, GError **error)
{
	bool deadline = s->policy == SCHED_DEADLINE;
	bool realtime = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

	if (!s->present || (!deadline && !(realtime && s->priority > highest)))
		return true;
	return error_set(error,
			 "process.scheduler: %s is above the highest real-time priority of the "
			 "settings, cloister.inside.sched_setscheduler: %d",
			 deadline ? "SCHED_DEADLINE" : "this priority", highest);
}

static void lower(struct spec_process *process, struct spec_rlimit *l, uint64_t highest)
{
	if (l->soft <= highest && l->hard <= highest)
		return;
	l->soft = MIN(l->soft, highest);
	l->hard = MIN(l->hard, highest);
	if (process->warnings)
		g_ptr_array_add(process->warnings,
				g_strdup_printf("process.rlimits: RLIMIT_RTPRIO is lowered to %d, "
						"as the settings have it",
						(int)highest));
}

/**
 * limits_cap_realtime() - the highest real-time priority that the settings allow
 * @highest: 0 to 99, or SETTINGS_UNSET: what the specification asks for stands
 *
 * It is the kernel that grants and refuses, by RLIMIT_RTPRIO: what the specification does not limit
 * gets it, and what asks for more is lowered to it. (kernel/sched/syscalls.c:
 * user_check_sched_setscheduler(); no process inside can raise the limit, which takes
 * CAP_SYS_RESOURCE on the host.)
 */
bool limits_cap_realtime(struct spec_process *process, int highest, GError **error)
{
	struct spec_rlimit own = { RLIMIT_RTPRIO, highest, highest };
	bool given = false;

#ifdef MUTANT_REALTIME_ANY
	return true;
#endif
	if (highest == SETTINGS_UNSET)
		return true;
	if (!check_scheduler(&process->scheduler, highest, error))
		return false;
	if (!process->rlimits)
		process->rlimits = g_array_new(false, false, sizeof(own));
	for (guint i = 0; i < process->rlimits->len; i++) {
		struct spec_rlimit *l = &g_array_index(process->rlimits, struct spec_rlimit, i);

		if (l->resource != RLIMIT_RTPRIO)
			continue;
		given = true;
		lower(process, l, highest);
	}
	if (!given)
		g_array_append_val(process->rlimits, own);
	return true;
}

/**
 * limits_set() - what the specification asks for: resource limits and the oom score
 *
 * Before the process has its own file system: once its user namespace has the pid, only this can.
 */
bool limits_set(pid_t pid, const struct spec_process *process, GError **error)
{
	struct owner_before before;
	bool is_owner = become_owner(pid, &before);
	bool ok = set_rlimits(pid, process, error);
	char path[64], text[16];
	int r;

	if (is_owner)
		owner_leave(&before);
	if (!ok)
		return false;
	if (!process->has_oom_score_adj)
		return true;
	g_snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	g_snprintf(text, sizeof(text), "%d", process->oom_score_adj);
	r = fd_write_file_at(AT_FDCWD, path, text);
	return r == 0 ||
	       error_set_errno(error, r, "process.oomScoreAdj: %d", process->oom_score_adj);
}

/* sched_setattr(2) has no declaration in the C library. */
struct sched_attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static bool set_scheduler(pid_t pid, const struct spec_scheduler *s, GError **error)
{
	struct sched_attributes a = { .size = sizeof(a),
				      .policy = s->policy,
				      .flags = s->flags,
				      .nice = s->nice,
				      .priority = s->priority,
				      .runtime = s->runtime,
				      .deadline = s->deadline,
				      .period = s->period };

	if (!s->present || syscall(SYS_sched_setattr, pid, &a, 0) == 0)
		return true;
	return error_set_errno(error, -errno, "process.scheduler");
}

static bool set_affinity(pid_t pid, const char *list, GError **error)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (const char *p = list; p && *p;) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long cpu = first; cpu <= last && cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, &set);
		p = *end == ',' ? end + 1 : "";
	}
	if (!list || sched_setaffinity(pid, sizeof(set), &set) == 0)
		return true;
	return error_set_errno(error, -errno, "process.execCPUAffinity: \"%s\"", list);
}

/**
 * limits_schedule() - how the process is scheduled; when it has given up what it inherited
 * @affinity: list of CPUs, or NULL
 */
bool limits_schedule(pid_t pid, const struct spec_process *process, const char *affinity,
		     GError **error)
{
	if (process->ioprio >= 0 &&
	    syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, pid, process->ioprio) < 0)
		return error_set_errno(error, -errno, "process.ioPriority");
	return set_scheduler(pid, &process->scheduler, error) && set_affinity(pid, affinity, error);
}
