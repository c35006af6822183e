// SPDX-License-Identifier: Apache-2.0
/*
 * mediated: sysinfo(2) and sched_getaffinity(2).
 */
#include "config.h"
#include "mediated.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <unistd.h>

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

	if (!CAN_CALL32)
		return ask_sysinfo(a);
	if (!c)
		return -ENOMEM;
	r = (int)call32(116, (long)c, 0, 0, 0, 0);
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
	while (now_ms() < load.until) {
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
	load.until = now_ms() + atof(a[0]);
	for (int i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, load_thread, NULL))
			return -EAGAIN;
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	printf("calls %ld wrong %ld\n", load.calls, load.wrong);
	return load.wrong ? -EIO : 0;
}

static void call_sysinfo(char **a)
{
	struct sysinfo si;

	sysinfo(&si);
}

static int sysinfo_killed(char **a)
{
	return kill_children(call_sysinfo, a, atof(a[0]), 2000);
}

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

static int ask_affinity32(char **a)
{
	unsigned char *mask = low_memory();
	long r;
	int n = 0;

	(void)a;
	if (!mask)
		return -ENOMEM;
	r = call32(242, 0, 128, (long)mask, 0, 0);
	for (long i = 0; i < r; i++)
		n += __builtin_popcount(mask[i]);
	printf("%d\n", n);
	return r < 0 ? (int)r : 0;
}

static int affinity_length(char **a)
{
	unsigned char mask[1024];
	long r = syscall(SYS_sched_getaffinity, 0, atoi(a[0]), mask);

	if (r >= 0)
		printf("%ld\n", r);
	return result(r);
}

const struct call mediated_info[] = {
	{ "sysinfo", ask_sysinfo, 0, "" },
	{ "sysinfo32", ask_sysinfo32, 0, "" },
	{ "sysinfo-faults", sysinfo_faults, 0, "" },
	{ "sysinfo-load", sysinfo_load, 2, "MILLISECONDS THREADS" },
	{ "sysinfo-killed", sysinfo_killed, 1, "MILLISECONDS" },
	{ "affinity", ask_affinity, 1, "PID" },
	{ "affinity32", ask_affinity32, 0, "" },
	{ "affinity-length", affinity_length, 1, "BYTES" },
	{ 0 },
};
