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

/* The facts, and the texts from which they come. */
struct memory_look {
	struct memory_facts m;
	bool v1;
	char host[8192]; /* the host's meminfo */
	char stat[8192]; /* memory.stat */
};

int memory_look(const struct facts *facts, struct memory_look *ret);
uint64_t memory_huge_page(const struct memory_look *look);
