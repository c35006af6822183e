/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which provider renders which view.
 */
#include "config.h"
#include "providers.h"

#include <string.h>

/**
 * provider_find() - the provider of a VIEW_RENDERED path of views[], or NULL
 */
provider_fn *provider_find(const char *path)
{
	static const struct {
		const char *path;
		provider_fn *render;
	} table[] = {
		{ "proc/buddyinfo", buddyinfo_render },
		{ "proc/cpuinfo", cpuinfo_render },
		{ "proc/diskstats", diskstats_render },
		{ "proc/interrupts", interrupts_render },
		{ "proc/loadavg", loadavg_render },
		{ "proc/meminfo", meminfo_render },
		{ "proc/pagetypeinfo", pagetypeinfo_render },
		{ "proc/partitions", partitions_render },
		{ "proc/pressure/cpu", pressure_cpu_render },
		{ "proc/pressure/io", pressure_io_render },
		{ "proc/pressure/irq", pressure_irq_render },
		{ "proc/pressure/memory", pressure_memory_render },
		{ "proc/schedstat", schedstat_render },
		{ "proc/slabinfo", slabinfo_render },
		{ "proc/softirqs", softirqs_render },
		{ "proc/stat", stat_render },
		{ "proc/swaps", swaps_render },
		{ "proc/uptime", uptime_render },
		{ "proc/vmstat", vmstat_render },
		{ "proc/zoneinfo", zoneinfo_render },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].path, path) == 0)
			return table[i].render;
	return NULL;
}
