// SPDX-License-Identifier: Apache-2.0
/*
 * mediated: makes the system calls that the warden answers, from inside a container, and says what
 * came of it.
 *
 *	mediated NAME ARG...
 *
 * Exit status as of `attack`: 0 it worked, 1 the kernel (or the warden) refused and the error's
 *name is on stderr, 2 wrong use.
 */
#define _GNU_SOURCE
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static void print_sysinfo(const struct sysinfo *si)
{
	printf("uptime %ld\nloads %.2f %.2f %.2f\ntotalram %llu\nfreeram %llu\nsharedram %llu\n"
	       "bufferram %llu\ntotalswap %llu\nfreeswap %llu\nprocs %u\n",
	       si->uptime, si->loads[0] / 65536.0, si->loads[1] / 65536.0, si->loads[2] / 65536.0,
	       (unsigned long long)si->totalram * si->mem_unit / 1024,
	       (unsigned long long)si->freeram * si->mem_unit / 1024,
	       (unsigned long long)si->sharedram * si->mem_unit / 1024,
	       (unsigned long long)si->bufferram * si->mem_unit / 1024,
	       (unsigned long long)si->totalswap * si->mem_unit / 1024,
	       (unsigned long long)si->freeswap * si->mem_unit / 1024, si->procs);
}

static int ask_sysinfo(char **a)
{
	struct sysinfo si;
	int r = result(sysinfo(&si));

	(void)a;
	if (r == 0)
		print_sysinfo(&si);
	return r;
}

#ifdef __x86_64__
/* By the other door of the kernel, as a 32-bit program. */
static long call32(long number, long arg0, long arg1, long arg2)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(arg0), "c"(arg1), "d"(arg2)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static void *low_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int ask_sysinfo32(char **a)
{
	struct {
		int32_t uptime;
		uint32_t loads[3], ram[4], swap[2];
		uint16_t procs, pad;
		uint32_t high[2], unit;
	} *c = low_memory();
	struct sysinfo si = { 0 };
	int r;

	(void)a;
	if (!c)
		return -ENOMEM;
	r = (int)call32(116, (long)c, 0, 0);
	if (r < 0)
		return r;
	si.uptime = c->uptime;
	for (int i = 0; i < 3; i++)
		si.loads[i] = c->loads[i];
	si.totalram = c->ram[0];
	si.freeram = c->ram[1];
	si.sharedram = c->ram[2];
	si.bufferram = c->ram[3];
	si.totalswap = c->swap[0];
	si.freeswap = c->swap[1];
	si.procs = c->procs;
	si.mem_unit = c->unit;
	print_sysinfo(&si);
	return 0;
}

static int ask_affinity32(char **a)
{
	unsigned char *mask = low_memory();
	long r;
	int n = 0;

	(void)a;
	if (!mask)
		return -ENOMEM;
	r = call32(242, 0, 128, (long)mask);
	for (long i = 0; i < r; i++)
		n += __builtin_popcount(mask[i]);
	printf("%d\n", n);
	return r < 0 ? (int)r : 0;
}
#else
static int ask_sysinfo32(char **a)
{
	return ask_sysinfo(a);
}

static int ask_affinity32(char **a)
{
	(void)a;
	return -ENOSYS;
}
#endif

static int ask_affinity(char **a)
{
	unsigned char mask[1024] = { 0 };
	long r = syscall(SYS_sched_getaffinity, atoi(a[0]), sizeof(mask), mask);
	int n = 0;

	if (r < 0)
		return -errno;
	for (long i = 0; i < r; i++)
		n += __builtin_popcount(mask[i]);
	printf("%d\n", n);
	return 0;
}

static int affinity_length(char **a)
{
	unsigned char mask[1024];
	long r = syscall(SYS_sched_getaffinity, 0, atoi(a[0]), mask);

	if (r >= 0)
		printf("%ld\n", r);
	return result(r);
}

/* Where nothing is mapped, where nothing may be written, and half of it. */
static int sysinfo_faults(char **a)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)a;
	if (pages == MAP_FAILED || munmap(pages + 4096, 4096) < 0)
		return -ENOMEM;
	if (syscall(SYS_sysinfo, NULL) == 0 || errno != EFAULT)
		return -EINVAL;
	if (syscall(SYS_sysinfo, pages + 4096 - 8) == 0 || errno != EFAULT)
		return -EINVAL;
	if (syscall(SYS_sysinfo, (void *)-8L) == 0 || errno != EFAULT)
		return -EINVAL;
	return 0;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* Calls for so many milliseconds from so many threads; every answer must be right. */
static struct {
	double until;
	unsigned long total;
	_Atomic long wrong, calls;
} load;

static void *load_thread(void *arg)
{
	struct sysinfo si;

	(void)arg;
	while (now_us() < load.until) {
		if (sysinfo(&si) < 0 || si.totalram * si.mem_unit != load.total)
			load.wrong++;
		load.calls++;
	}
	return NULL;
}

static int sysinfo_load(char **a)
{
	int n = atoi(a[1]);
	pthread_t t[64];
	struct sysinfo si;

	if (n < 1 || n > 64 || sysinfo(&si) < 0)
		return -EINVAL;
	load.total = si.totalram * si.mem_unit;
	load.until = now_us() + atof(a[0]) * 1000;
	for (int i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, load_thread, NULL))
			return -EAGAIN;
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	printf("calls %ld wrong %ld\n", load.calls, load.wrong);
	return load.wrong ? -EIO : 0;
}

/* Children that are killed while their calls are worked on. */
static int sysinfo_killed(char **a)
{
	double until = now_us() + atof(a[0]) * 1000;
	unsigned int seed = 1;
	long n = 0;

	for (; now_us() < until; n++) {
		pid_t pid = fork();
		struct sysinfo si;

		if (pid < 0)
			return -errno;
		if (pid == 0)
			for (;;)
				sysinfo(&si);
		usleep(rand_r(&seed) % 2000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	printf("killed %ld\n", n);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
	int args;
	const char *usage;
} calls[] = {
	{ "sysinfo", ask_sysinfo, 0, "" },
	{ "sysinfo32", ask_sysinfo32, 0, "" },
	{ "sysinfo-faults", sysinfo_faults, 0, "" },
	{ "sysinfo-load", sysinfo_load, 2, "MILLISECONDS THREADS" },
	{ "sysinfo-killed", sysinfo_killed, 1, "MILLISECONDS" },
	{ "affinity", ask_affinity, 1, "PID" },
	{ "affinity32", ask_affinity32, 0, "" },
	{ "affinity-length", affinity_length, 1, "BYTES" },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		int r;

		if (strcmp(argv[1], calls[i].name) != 0 || argc - 2 != calls[i].args)
			continue;
		r = calls[i].run(argv + 2);
		if (r < 0)
			fprintf(stderr, "%s\n", strerrorname_np(-r));
		return r < 0;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		fprintf(stderr, "mediated %s %s\n", calls[i].name, calls[i].usage);
	return 2;
}
