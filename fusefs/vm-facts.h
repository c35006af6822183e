/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory in the kernel's own counters: the one answer behind vmstat, zoneinfo, buddyinfo,
 * pagetypeinfo and what a memory node says.
 */
#include "memory-facts.h"

#define VM_ORDERS_MAX 32

struct vm_facts {
	struct memory_look look;
	uint64_t page, huge;	/* bytes of a page, and of a huge one */
	uint64_t in_kb, out_kb; /* block I/O */
	uint64_t oom_kills;
};

int vm_facts_get(const struct facts *facts, struct vm_facts *ret);
uint64_t vm_value(const struct vm_facts *vm, const char *name, size_t len);
uint64_t vm_free_blocks(const struct vm_facts *vm, int order, int orders);

int vm_orders(const struct facts *facts);

void vmstat_lines(const struct vm_facts *vm, const char *names, struct text *out);
