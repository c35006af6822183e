/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/meminfo: the lines that this kernel has, in its order and layout. A line that nothing of
 * the container stands behind shows 0; only the size of a huge page is as on the host, being a
 * property of the processor.
 */
#include "config.h"
#include "cpu-facts.h"
#include "memory-facts.h"
#include "providers.h"

#include <string.h>

#define NAME_MAX_LEN 32

struct line {
	const char *name;
	uint64_t bytes;
};

/* In the kernel's order (fs/proc/meminfo.c), which makes the search short. */
#define MEMINFO_LINES(m)                                                                           \
	{                                                                                          \
		{ "MemTotal", (m)->total }, { "MemFree", (m)->free },                              \
			{ "MemAvailable", (m)->available }, { "Cached", (m)->cached },             \
			{ "SwapCached", (m)->swap_cached },                                        \
			{ "Active", (m)->active_anon + (m)->active_file },                         \
			{ "Inactive", (m)->inactive_anon + (m)->inactive_file },                   \
			{ "Active(anon)", (m)->active_anon },                                      \
			{ "Inactive(anon)", (m)->inactive_anon },                                  \
			{ "Active(file)", (m)->active_file },                                      \
			{ "Inactive(file)", (m)->inactive_file },                                  \
			{ "Unevictable", (m)->unevictable }, { "SwapTotal", (m)->swap_total },     \
			{ "SwapFree", (m)->swap_total - (m)->swap_used }, { "Zswap", (m)->zswap }, \
			{ "Zswapped", (m)->zswapped }, { "Dirty", (m)->dirty },                    \
			{ "Writeback", (m)->writeback }, { "AnonPages", (m)->anon },               \
			{ "Mapped", (m)->mapped }, { "Shmem", (m)->shmem },                        \
			{ "KReclaimable", (m)->slab_reclaimable },                                 \
			{ "Slab", (m)->slab_reclaimable + (m)->slab_unreclaimable },               \
			{ "SReclaimable", (m)->slab_reclaimable },                                 \
			{ "SUnreclaim", (m)->slab_unreclaimable },                                 \
			{ "KernelStack", (m)->kernel_stack }, { "PageTables", (m)->page_tables },  \
			{ "SecPageTables", (m)->sec_page_tables },                                 \
			{ "CommitLimit", (m)->swap_total + (m)->total / 2 },                       \
			{ "VmallocUsed", (m)->vmalloc }, { "Percpu", (m)->percpu },                \
			{ "AnonHugePages", (m)->anon_huge },                                       \
			{ "ShmemHugePages", (m)->shmem_huge },                                     \
			{ "FileHugePages", (m)->file_huge },                                       \
			{ "MemUsed", (m)->total - (m)->free },                                     \
			{ "FilePages", (m)->cached + (m)->swap_cached },                           \
	}

static uint64_t value_of(const struct line *lines, size_t n, size_t *next, const char *name,
			 size_t len)
{
	for (size_t i = 0; i < n; i++) {
		const struct line *l = &lines[(*next + i) % n];

		if (l->name[0] == name[0] && strncmp(l->name, name, len) == 0 &&
		    l->name[len] == '\0') {
			*next = (*next + i + 1) % n;
			return l->bytes;
		}
	}
	return 0;
}

/* show_val_kb() and the HugePages_ lines put the end of the number at the same column. */
static void put_line(struct text *out, const char *name, size_t len, uint64_t value, bool kb)
{
	static const char spaces[] = "                ";

	text_bytes(out, name, len);
	text_bytes(out, ":", 1);
	if (len + 1 < sizeof(spaces) - 1)
		text_bytes(out, spaces, sizeof(spaces) - 1 - len - 1);
	text_num_width(out, value, 8, ' ');
	text_bytes(out, kb ? " kB\n" : "\n", kb ? 4 : 1);
}

/* @names: in the layout of meminfo. @before: what begins each line. */
static void put_lines(struct text *out, const struct memory_look *look, const char *names,
		      const char *before)
{
	const struct line lines[] = MEMINFO_LINES(&look->m);
	size_t next = 0;

	for (const char *p = names; *p; p = parse_next_line(p)) {
		size_t len = strcspn(p, ":\n"), end = strcspn(p, "\n");
		bool kb = end >= 3 && memcmp(p + end - 3, " kB", 3) == 0;
		uint64_t value;

		if (p[len] != ':' || len > NAME_MAX_LEN)
			continue;
		value = value_of(lines, sizeof(lines) / sizeof(lines[0]), &next, p, len);
		if (len == 12 && memcmp(p, "Hugepagesize", 12) == 0)
			value = memory_huge_page(look);
		text_str(out, before);
		put_line(out, p, len, value / 1024, kb);
	}
}

int meminfo_render(const struct facts *facts, struct text *out)
{
	struct memory_look look;
	int r = memory_look(facts, &look);

	if (r == 0)
		put_lines(out, &look, look.host, "");
	return r;
}

/**
 * meminfo_of_node() - the same as drivers/base/node.c has it for a node
 */
int meminfo_of_node(const struct facts *facts, struct text *out)
{
	static const char names[] =
		"MemTotal: kB\nMemFree: kB\nMemUsed: kB\nSwapCached: kB\nActive: kB\nInactive: kB\n"
		"Active(anon): kB\nInactive(anon): kB\nActive(file): kB\nInactive(file): kB\n"
		"Unevictable: kB\nMlocked: kB\nDirty: kB\nWriteback: kB\nFilePages: kB\nMapped: "
		"kB\n"
		"AnonPages: kB\nShmem: kB\nKernelStack: kB\nPageTables: kB\nSecPageTables: kB\n"
		"NFS_Unstable: kB\nBounce: kB\nWritebackTmp: kB\nKReclaimable: kB\nSlab: kB\n"
		"SReclaimable: kB\nSUnreclaim: kB\nAnonHugePages: kB\nShmemHugePages: kB\n"
		"ShmemPmdMapped: kB\nFileHugePages: kB\nFilePmdMapped: kB\nHugePages_Total:\n"
		"HugePages_Free:\nHugePages_Surp:\n";
	struct memory_look look;
	struct text before = { 0 };
	int r = memory_look(facts, &look);

	text_str(&before, "Node ");
	text_num(&before, cpu_node(facts, NULL));
	text_bytes(&before, " ", 2); /* terminated */
	if (r == 0 && !before.failed)
		put_lines(out, &look, names, before.buf);
	text_free(&before);
	return r;
}
