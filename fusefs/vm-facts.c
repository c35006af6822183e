/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters by the names that mm/vmstat.c gives them. Amounts are those of meminfo, in the unit that
 * the kernel shows them in. Events have the same name in memory.stat of cgroup v2, and "total_"
 * before it in v1. What is counted for no cgroup is 0.
 *
 * All memory is one zone of one node, and what is free in it lies in blocks as large as can be.
 */
#include "config.h"
#include "vm-facts.h"
#include "disk-facts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum unit { PAGES, KILOBYTES, HUGE_PAGES };

#define AMOUNT(name, field, unit)                                                                  \
	{                                                                                          \
		name, offsetof(struct memory_facts, field), unit                                   \
	}

static const struct amount {
	const char *name;
	unsigned short offset;
	enum unit unit;
} amounts[] = {
	AMOUNT("nr_free_pages", free, PAGES),
	AMOUNT("nr_zone_inactive_anon", inactive_anon, PAGES),
	AMOUNT("nr_zone_active_anon", active_anon, PAGES),
	AMOUNT("nr_zone_inactive_file", inactive_file, PAGES),
	AMOUNT("nr_zone_active_file", active_file, PAGES),
	AMOUNT("nr_zone_unevictable", unevictable, PAGES),
	AMOUNT("nr_inactive_anon", inactive_anon, PAGES),
	AMOUNT("nr_active_anon", active_anon, PAGES),
	AMOUNT("nr_inactive_file", inactive_file, PAGES),
	AMOUNT("nr_active_file", active_file, PAGES),
	AMOUNT("nr_unevictable", unevictable, PAGES),
	AMOUNT("nr_slab_reclaimable", slab_reclaimable, PAGES),
	AMOUNT("nr_slab_unreclaimable", slab_unreclaimable, PAGES),
	AMOUNT("nr_anon_pages", anon, PAGES),
	AMOUNT("nr_mapped", mapped, PAGES),
	AMOUNT("nr_dirty", dirty, PAGES),
	AMOUNT("nr_writeback", writeback, PAGES),
	AMOUNT("nr_shmem", shmem, PAGES),
	AMOUNT("nr_shmem_hugepages", shmem_huge, HUGE_PAGES),
	AMOUNT("nr_file_hugepages", file_huge, HUGE_PAGES),
	AMOUNT("nr_anon_transparent_hugepages", anon_huge, HUGE_PAGES),
	AMOUNT("nr_kernel_stack", kernel_stack, KILOBYTES),
	AMOUNT("nr_page_table_pages", page_tables, PAGES),
	AMOUNT("nr_sec_page_table_pages", sec_page_tables, PAGES),
	AMOUNT("nr_swapcached", swap_cached, PAGES),
};

/* Names begin with these where they count events; "pgpgin" and "pgpgout" are something else in v1.
 */
static bool is_event(const char *name, size_t len)
{
	static const char *const first[] = { "pg",  "thp_",  "workingset_", "pswp",  "swp",
					     "zsw", "numa_", "allocstall",  "slabs_" };

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (strlen(first[i]) < len && strncmp(name, first[i], strlen(first[i])) == 0)
			return true;
	return false;
}

/* The number on the line "@prefix@name N" of @text, or 0. */
static uint64_t on_line(const char *text, const char *prefix, const char *name, size_t len)
{
	size_t skip = strlen(prefix);
	uint64_t v = 0;

	for (; *text; text = parse_next_line(text)) {
		if (strncmp(text, prefix, skip) != 0 || strncmp(text + skip, name, len) != 0 ||
		    text[skip + len] != ' ')
			continue;
		text += skip + len + 1;
		parse_u64(&text, &v);
		break;
	}
	return v;
}

static uint64_t in_unit(const struct vm_facts *vm, uint64_t bytes, enum unit unit)
{
	if (unit == KILOBYTES)
		return bytes / 1024;
	if (unit == PAGES)
		return bytes / vm->page;
	return vm->huge ? bytes / vm->huge : 0;
}

static bool is(const char *name, size_t len, const char *what)
{
	return strlen(what) == len && memcmp(name, what, len) == 0;
}

/**
 * vm_value() - the counter @name of @len bytes, in the unit in which /proc/vmstat has it
 */
uint64_t vm_value(const struct vm_facts *vm, const char *name, size_t len)
{
	const struct memory_facts *m = &vm->look.m;

	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		const struct amount *a = &amounts[i];

		if (is(name, len, a->name))
			return in_unit(vm, *(const uint64_t *)((const char *)m + a->offset),
				       a->unit);
	}
	if (is(name, len, "nr_file_pages"))
		return (m->cached + m->swap_cached) / vm->page;
	if (is(name, len, "nr_free_pages_blocks")) /* those in whole page blocks */
		return vm->huge ? m->free / vm->huge * (vm->huge / vm->page) : 0;
	if (is(name, len, "nr_zone_write_pending"))
		return (m->dirty + m->writeback) / vm->page;
	if (is(name, len, "pgpgin"))
		return vm->in_kb;
	if (is(name, len, "pgpgout"))
		return vm->out_kb;
	if (is(name, len, "oom_kill"))
		return vm->oom_kills;
	if (!is_event(name, len))
		return 0;
	return on_line(vm->look.stat, vm->look.v1 ? "total_" : "", name, len);
}

static uint64_t oom_kills(const struct facts *facts, bool v1)
{
	char buf[512];

	if (facts_read(facts, v1 ? FACT_V1_OOM_CONTROL : FACT_V2_MEMORY_EVENTS, 0, buf,
		       sizeof(buf)) < 0)
		return 0;
	return on_line(buf, "", "oom_kill", strlen("oom_kill"));
}

/**
 * vm_facts_get() - read everything that the counters are derived from
 */
int vm_facts_get(const struct facts *facts, struct vm_facts *ret)
{
	struct disks disks;
	int r = memory_look(facts, &ret->look);

	if (r < 0)
		return r;
	ret->page = getpagesize();
	ret->huge = memory_huge_page(&ret->look);
	r = disks_get(facts, &disks);
	if (r == 0) {
		ret->in_kb = disks_bytes(&disks, DISK_READ) / 1024;
		ret->out_kb = disks_bytes(&disks, DISK_WRITE) / 1024;
		ret->oom_kills = oom_kills(facts, ret->look.v1);
	}
	disks_free(&disks);
	return r;
}

/**
 * vm_orders() - how many sizes of blocks this kernel's allocator has, or -errno
 */
int vm_orders(const struct facts *facts)
{
	struct text host = { 0 };
	int n = 0, r = facts_read_text(facts, FACT_BUDDYINFO, &host);
	const char *p = r == 0 ? strstr(host.buf, "zone") : NULL;

	if (p) {
		p += strlen("zone");
		p += strspn(p, " ");
		p += strcspn(p, " \n"); /* its name */
		for (p += strspn(p, " "); *p >= '0' && *p <= '9'; n++) {
			p += strcspn(p, " \n");
			p += strspn(p, " ");
		}
	}
	text_free(&host);
	if (r == 0 && (n == 0 || n > VM_ORDERS_MAX))
		r = -EINVAL;
	return r < 0 ? r : n;
}

/**
 * vm_free_blocks() - free blocks of 2^@order pages, of @orders sizes
 */
uint64_t vm_free_blocks(const struct vm_facts *vm, int order, int orders)
{
	uint64_t pages = vm->look.m.free / vm->page >> order;

	return order == orders - 1 ? pages : pages & 1;
}
