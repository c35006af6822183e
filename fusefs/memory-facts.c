/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the container, from cgroup v1 or v2 (Documentation/admin-guide/cgroup-v2.rst and
 * cgroup-v1/memory.rst name the keys).
 *
 * MemTotal is the smallest limit of all levels, at most the host's. Nothing is known of what the
 * host has free: a container's view must not move because a neighbour works.
 */
#include "config.h"
#include "memory-facts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct stat_key {
	const char *key;
	unsigned char len;
	unsigned short offset;
};
#define KEY(k, field)                                                                              \
	{                                                                                          \
		k, sizeof(k) - 1, offsetof(struct memory_facts, field)                             \
	}

/* In the order of the files, which makes the search short. */
static const struct stat_key v2_keys[] = {
	KEY("anon", anon),
	KEY("file", cached),
	KEY("kernel_stack", kernel_stack),
	KEY("pagetables", page_tables),
	KEY("sec_pagetables", sec_page_tables),
	KEY("percpu", percpu),
	KEY("vmalloc", vmalloc),
	KEY("shmem", shmem),
	KEY("zswap", zswap),
	KEY("zswapped", zswapped),
	KEY("file_mapped", mapped),
	KEY("file_dirty", dirty),
	KEY("file_writeback", writeback),
	KEY("swapcached", swap_cached),
	KEY("anon_thp", anon_huge),
	KEY("file_thp", file_huge),
	KEY("shmem_thp", shmem_huge),
	KEY("inactive_anon", inactive_anon),
	KEY("active_anon", active_anon),
	KEY("inactive_file", inactive_file),
	KEY("active_file", active_file),
	KEY("unevictable", unevictable),
	KEY("slab_reclaimable", slab_reclaimable),
	KEY("slab_unreclaimable", slab_unreclaimable),
};

static const struct stat_key v1_keys[] = {
	KEY("total_cache", cached),
	KEY("total_rss", anon),
	KEY("total_rss_huge", anon_huge),
	KEY("total_shmem", shmem),
	KEY("total_mapped_file", mapped),
	KEY("total_dirty", dirty),
	KEY("total_writeback", writeback),
	KEY("total_swap", swap_v1),
	KEY("total_swapcached", swap_cached),
	KEY("total_inactive_anon", inactive_anon),
	KEY("total_active_anon", active_anon),
	KEY("total_inactive_file", inactive_file),
	KEY("total_active_file", active_file),
	KEY("total_unevictable", unevictable),
};

#define N_KEYS(keys) (sizeof(keys) / sizeof((keys)[0]))

/* The whole key must match: "file" is not "file_mapped", "total_rss" not "total_rss_huge". */
static const struct stat_key *find_key(const struct stat_key *keys, size_t n, size_t *next,
				       const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		const struct stat_key *k = &keys[(*next + i) % n];

		if (k->len == len && memcmp(k->key, name, len) == 0) {
			*next = (*next + i + 1) % n;
			return k;
		}
	}
	return NULL;
}

static void parse_stat(const struct stat_key *keys, size_t n, const char *text,
		       struct memory_facts *m)
{
	size_t next = 0;

	for (; *text; text = parse_next_line(text)) {
		size_t len = strcspn(text, " \n");
		const struct stat_key *k;

		if (text[len] != ' ')
			continue;
		k = find_key(keys, n, &next, text, len);
		text += len + 1;
		if (k)
			parse_u64(&text, (uint64_t *)((char *)m + k->offset));
	}
}

/* The value of a line "@key:   N kB" of the host's meminfo, in bytes. */
static int host_kb(const char *meminfo, const char *key, uint64_t *ret_bytes)
{
	size_t len = strlen(key);

	for (; *meminfo; meminfo = parse_next_line(meminfo)) {
		if (strncmp(meminfo, key, len) != 0 || meminfo[len] != ':')
			continue;
		meminfo += len + 1;
		meminfo += strspn(meminfo, " ");
		if (!parse_u64(&meminfo, ret_bytes))
			return -EINVAL;
		return __builtin_mul_overflow(*ret_bytes, 1024, ret_bytes) ? -EINVAL : 0;
	}
	return -ENODATA;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Swap that the container may use. v1 limits memory and swap together: what the sum leaves beyond
 * the memory limit. Without swap accounting there is no limit to show, and so no swap.
 */
static void swap_facts(const struct facts *facts, bool v1, uint64_t memory_limit,
		       uint64_t host_swap, struct memory_facts *m)
{
	uint64_t limit, used = 0;

	if (v1) {
		if (facts_limit(facts, FACT_V1_MEMSW_LIMIT, &limit) < 0)
			return;
		/* the kernel's "no limit" is PAGE_COUNTER_MAX, not a word */
		if (limit < (uint64_t)INT64_MAX - 4095)
			limit = limit > memory_limit ? limit - memory_limit : 0;
		used = m->swap_v1;
	} else if (facts_limit(facts, FACT_V2_SWAP_MAX, &limit) < 0 ||
		   facts_u64(facts, FACT_V2_SWAP_CURRENT, 0, &used) < 0) {
		return;
	}
	m->swap_total = least(limit, host_swap);
	m->swap_used = least(used, m->swap_total);
}

/*
 * The counters are gathered at different moments: bring them into bounds, so that no reader's
 * subtraction of one line from another goes below zero.
 */
static void fit(struct memory_facts *m, uint64_t usage)
{
	uint64_t used = least(usage, m->total), rest, reclaimable;

	for (size_t i = 0; i < N_KEYS(v2_keys); i++) {
		uint64_t *v = (uint64_t *)((char *)m + v2_keys[i].offset);

		*v = least(*v, v2_keys[i].offset == offsetof(struct memory_facts, zswapped)
				       ? m->swap_used
				       : used);
	}
	m->free = m->total - used;
	rest = used - m->cached;
	m->slab_reclaimable = least(m->slab_reclaimable, rest);
	m->shmem = least(m->shmem, m->cached);
	m->slab_unreclaimable = least(m->slab_unreclaimable, used - m->slab_reclaimable);
	m->inactive_anon = least(m->inactive_anon, used - m->active_anon);
	m->inactive_file = least(m->inactive_file, used - m->active_file);
	reclaimable = m->active_file + m->inactive_file;
	reclaimable += least(m->slab_reclaimable, used - reclaimable);
	m->available = m->free + reclaimable;
}

/**
 * memory_look() - read everything about the container's memory
 *
 * Return: 0, or -errno if the limit, the usage or the host's total are not known.
 */
int memory_look(const struct facts *facts, struct memory_look *ret)
{
	bool v1 = ret->v1 = facts_have(facts, FACT_V1_MEMORY_USAGE);
	enum fact stat = v1 ? FACT_V1_MEMORY_STAT : FACT_V2_MEMORY_STAT;
	uint64_t limit, usage, host_total, host_swap = 0;
	ssize_t r = facts_read(facts, FACT_MEMINFO, 0, ret->host, sizeof(ret->host));

	if (r >= 0)
		r = host_kb(ret->host, "MemTotal", &host_total);
	if (r == 0)
		r = facts_limit(facts, v1 ? FACT_V1_MEMORY_LIMIT : FACT_V2_MEMORY_MAX, &limit);
	if (r == 0)
		r = facts_u64(facts, v1 ? FACT_V1_MEMORY_USAGE : FACT_V2_MEMORY_CURRENT, 0, &usage);
	if (r == 0)
		r = facts_read(facts, stat, 0, ret->stat, sizeof(ret->stat));
	if (r < 0)
		return r;
	host_kb(ret->host, "SwapTotal", &host_swap);
	memset(&ret->m, 0, sizeof(ret->m));
	parse_stat(v1 ? v1_keys : v2_keys, v1 ? N_KEYS(v1_keys) : N_KEYS(v2_keys), ret->stat,
		   &ret->m);
	ret->m.total = least(limit, host_total);
	swap_facts(facts, v1, limit, host_swap, &ret->m);
	fit(&ret->m, usage);
	return 0;
}

/**
 * memory_huge_page() - bytes of a huge page, a property of the processor; 0 if it has none
 */
uint64_t memory_huge_page(const struct memory_look *look)
{
	uint64_t bytes = 0;

	host_kb(look->host, "Hugepagesize", &bytes);
	return bytes;
}
