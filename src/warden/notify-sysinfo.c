/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysinfo(2): the numbers of /proc/meminfo, /proc/loadavg and /proc/uptime in the kernel's
 * structure (kernel/sys.c: do_sysinfo(), and for 32-bit callers the compat one).
 */
#include "config.h"
#include "warden/notify.h"

#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#define LOAD_SHIFT 16 /* SI_LOAD_SHIFT */

struct compat_sysinfo {
	int32_t uptime;
	uint32_t loads[3];
	uint32_t totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint32_t totalhigh, freehigh, mem_unit;
	char unused[8];
};
_Static_assert(sizeof(struct compat_sysinfo) == 64, "as the kernel has it");

static long uptime(const struct request *r)
{
	struct timespec t;
	int64_t ns;

	clock_gettime(CLOCK_BOOTTIME, &t);
	ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - r->notify->boot_offset;
	/* As the kernel does: a begun second counts. */
	return ns > 0 ? (ns + 999999999) / 1000000000 : 0;
}

static void fill(const struct request *r, const struct notify_facts *f, struct sysinfo *si)
{
	*si = (struct sysinfo){ .uptime = uptime(r),
				.totalram = f->total_ram,
				.freeram = f->free_ram,
				.sharedram = f->shared_ram,
				.bufferram = f->buffer_ram,
				.totalswap = f->total_swap,
				.freeswap = f->free_swap,
				.procs = f->procs,
				.mem_unit = 1 };
	for (int i = 0; i < 3; i++)
		si->loads[i] = ((unsigned long)f->loads[i] << LOAD_SHIFT) / 100;
}

/* What does not fit into 32 bits is counted in larger units, up to pages. */
static void narrow(const struct sysinfo *si, struct compat_sysinfo *c)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	unsigned int shift = 0;

	if (si->totalram >> 32 || si->totalswap >> 32)
		while ((1ULL << shift) < page)
			shift++;
	*c = (struct compat_sysinfo){ .uptime = si->uptime,
				      .loads = { si->loads[0], si->loads[1], si->loads[2] },
				      .totalram = si->totalram >> shift,
				      .freeram = si->freeram >> shift,
				      .sharedram = si->sharedram >> shift,
				      .bufferram = si->bufferram >> shift,
				      .totalswap = si->totalswap >> shift,
				      .freeswap = si->freeswap >> shift,
				      .procs = si->procs,
				      .mem_unit = 1U << shift };
}

/**
 * sysinfo_handle() - sysinfo(info)
 */
void sysinfo_handle(struct request *r)
{
	struct notify_facts f;
	struct compat_sysinfo narrowed;
	struct sysinfo si;
	uint64_t address = r->notif->data.args[0];
	int e = notify_facts_get(r->notify, &f);

	if (e == 0) {
		fill(r, &f, &si);
		narrow(&si, &narrowed);
		if (r->abi == MEDIATE_ABI_COMPAT)
			e = request_write(r, address, &narrowed, sizeof(narrowed));
		else
			e = request_write(r, address, &si, sizeof(si));
	}
	request_answer(r, e);
}
