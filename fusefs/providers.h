/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The providers: facts in, bytes out. Each appends its file's text to @out and returns 0, or -errno
 * if a fact is missing: the reader gets EIO then, never the host's value.
 */
#include "source.h"
#include "text.h"

typedef int provider_fn(const struct facts *facts, struct text *out);

provider_fn buddyinfo_render;
provider_fn cpuinfo_render;
provider_fn diskstats_render;
provider_fn interrupts_render;
provider_fn loadavg_render;
provider_fn meminfo_render;
provider_fn pagetypeinfo_render;
provider_fn partitions_render;
provider_fn pressure_cpu_render;
provider_fn pressure_io_render;
provider_fn pressure_irq_render;
provider_fn pressure_memory_render;
provider_fn schedstat_render;
provider_fn slabinfo_render;
provider_fn softirqs_render;
provider_fn stat_render;
provider_fn swaps_render;
provider_fn uptime_render;
provider_fn vmstat_render;
provider_fn zoneinfo_render;

provider_fn *provider_find(const char *path);
void load_restore(struct load_account *l, struct load_saved *saved);
int meminfo_of_node(const struct facts *facts, struct text *out);
uint64_t load_running(const struct facts *facts, uint64_t usage);
