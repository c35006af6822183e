/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory and swap of the container: the one answer behind meminfo and swaps. All in bytes, and
 * already made to fit each other.
 */
#include "source.h"

struct memory_facts {
	uint64_t total, free, available;
	uint64_t swap_total, swap_used;
	/* from memory.stat; 0 where the kernel does not count it for a cgroup */
	uint64_t cached, swap_cached, mapped, dirty, writeback, shmem, anon;
	uint64_t active_anon, inactive_anon, active_file, inactive_file, unevictable;
	uint64_t slab_reclaimable, slab_unreclaimable;
	uint64_t kernel_stack, page_tables, sec_page_tables, percpu, vmalloc;
	uint64_t anon_huge, shmem_huge, file_huge, zswap, zswapped, swap_v1;
};

int memory_facts_get(const struct facts *facts, const char *meminfo, struct memory_facts *ret);
int memory_host_kb(const char *meminfo, const char *key, uint64_t *ret_bytes);
