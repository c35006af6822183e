/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `attack`, `granted`, `mediated` and `newmount` have in common: programs that make one system
 * call (or do one trick) by name, from inside a container, and say what came of it.
 *
 *	PROGRAM NAME ARG...
 *
 * Exit status 0: it worked. 1: the kernel (or the warden) refused, and the error's name (EPERM) is
 * on stderr. 2: wrong use, so that a refusal is never a typing error. Static, so that they run in
 * any root file system.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in glibc 2.36. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);
int umount2(const char *target, int flags);

/* Tables end with one that has no name. */
struct call {
	const char *name;
	int (*run)(char **args); /* -errno if it failed */
	int args;		 /* at least */
	const char *usage;
};

static inline int run_call(const struct call *call, char **args)
{
	int r = call->run(args);

	if (r < 0)
		fprintf(stderr, "%s\n", strerrorname_np(-r));
	return r < 0;
}

/* main() of such a program. @tables ends with NULL. */
static inline int run_calls(const struct call *const *tables, int argc, char **argv)
{
	for (const struct call *const *table = tables; argc > 1 && *table; table++)
		for (const struct call *call = *table; call->name; call++)
			if (strcmp(argv[1], call->name) == 0 && argc - 2 >= call->args)
				return run_call(call, argv + 2);
	for (; *tables; tables++)
		for (const struct call *call = *tables; call->name; call++)
			fprintf(stderr, "%s %s %s\n", program_invocation_short_name, call->name,
				call->usage);
	return 2;
}

static inline int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

static inline double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Goes on without @capability, one of the first 64. */
static inline int drop_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[capability / 32].effective &= ~(1U << capability % 32);
	return result(syscall(SYS_capset, &header, data));
}

#ifdef __x86_64__
#define CAN_CALL32 1

/* By the other door of the kernel, as a 32-bit program. Return: -errno */
static inline long call32(long number, long arg0, long arg1, long arg2, long arg3, long arg4)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(arg0), "c"(arg1), "d"(arg2), "S"(arg3), "D"(arg4)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}
#else
#define CAN_CALL32 0
#define MAP_32BIT  0

static inline long call32(long number, long arg0, long arg1, long arg2, long arg3, long arg4)
{
	return -ENOSYS;
}
#endif

/* Two pages that a 32-bit program can name, or NULL. */
static inline void *low_memory(void)
{
	void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}
