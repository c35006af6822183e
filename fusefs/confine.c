/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking away from the server what it does not need: descriptors, memory, system calls. It refuses
 * to run with capabilities at all: whoever starts it has to drop them.
 */
#include "config.h"
#include "server.h"
#include "lib/sys.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

/* All memory of the server: code, stacks, and what handles.c lets the container make us hold. */
#define ADDRESS_SPACE (128u << 20)

/* The warden leaves some numbers free below those that it hands over. */
#define FIRST_FREE_FD 3
#define LATER_FDS     2 /* see pids.c */

/* A sanitizer needs its system calls and its address space: such a build keeps them. */
#if defined(CLOISTER_SANITIZED) || defined(MUTANT_FS_NO_FILTER)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/**
 * confine_check() - refuse to run with power
 *
 * Return: 0; -EPERM if there is any effective, permitted or inheritable capability, or uid 0.
 */
int confine_check(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

#if defined(MUTANT_FS_CAPABLE) || defined(MUTANT_ALONE_CAPABLE)
	return 0; /* else it would not start, and no test see with what rights it runs */
#endif
	if (syscall(SYS_capget, &head, caps) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (caps[i].effective || caps[i].permitted || caps[i].inheritable)
			return -EPERM;
	return getuid() == 0 || geteuid() == 0 ? -EPERM : 0;
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes all descriptors but the standard ones and ours. */
static int close_others(const struct server *s)
{
	int keep[MAX_SOURCE_FDS + 8] = {
		0, 1, 2, s->fuse_fd, s->values_fd, s->init_fd, s->ready_fd, s->ask_fd
	};
	int n = s->ask_fd < 0 ? 7 : 8, r = 0;

	for (int i = 0; i < FACT_COUNT; i++)
		for (int level = 0; level < s->facts.n[i]; level++)
			keep[n++] = s->facts.fd[i][level];
	qsort(keep, n, sizeof(*keep), compare_fds);
	for (int i = 0; i < n && r >= 0; i++) {
		unsigned int next = i + 1 < n ? (unsigned int)keep[i + 1] : ~0u;

		if (next > (unsigned int)keep[i] + 1)
			r = sys_close_range(keep[i] + 1, next == ~0u ? next : next - 1, 0);
	}
	return r;
}

static void limit(int resource, rlim_t value)
{
	struct rlimit r = { value, value };

	setrlimit(resource, &r);
}

static int allow_plain(scmp_filter_ctx ctx)
{
	static const int calls[] = {
		/* the work */
		SCMP_SYS(read),
		SCMP_SYS(poll),
		SCMP_SYS(ppoll),
		SCMP_SYS(write),
		SCMP_SYS(writev),
		SCMP_SYS(pread64),
		/* listing processes (pids.c) */
		SCMP_SYS(lseek),
		SCMP_SYS(getdents64),
		SCMP_SYS(recvmsg),
		SCMP_SYS(close),
		/* where there is no vDSO clock */
		SCMP_SYS(clock_gettime),
		/* memory and threads, as libc does them */
		SCMP_SYS(brk),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(madvise),
		SCMP_SYS(futex),
		SCMP_SYS(set_robust_list),
		SCMP_SYS(rseq),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(rt_sigaction),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(sched_yield),
		SCMP_SYS(gettid),
		SCMP_SYS(getpid),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

/*
 * Memory that is never executable; threads but no processes. The arguments of clone3 cannot be
 * seen by a filter: libc falls back to clone on ENOSYS.
 */
static int allow_conditional(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec);

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

static int load_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx ? 0 : -ENOMEM;

	if (r == 0)
		r = allow_plain(ctx);
	if (r == 0)
		r = allow_conditional(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return r;
}

/**
 * confine() - the last step before the first request
 * @what: receives what failed
 */
int confine(const struct server *s, const char **what)
{
	int r;

	*what = "close foreign descriptors";
	r = close_others(s);
	if (r < 0)
		return r;
	*what = "give up new privileges";
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	limit(RLIMIT_CORE, 0);
	if (SANITIZED)
		return 0;
	limit(RLIMIT_AS, ADDRESS_SPACE);
	/* Numbers below that are free: for what is received, and the filter lets nothing be opened.
	 */
	limit(RLIMIT_NOFILE, FIRST_FREE_FD + LATER_FDS);
	*what = "load the seccomp filter";
	return load_filter();
}
