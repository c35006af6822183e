/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /sys/devices/system/cpu: the CPUs that are shown, in one package of single-thread cores, as in
 * cpuinfo.
 *
 * A task may run on all CPUs of the cpuset, also those that a quota hides, and programs make arrays
 * of "possible" or count the directories cpuN, and index them by the number of the CPU they run on:
 * so these go up to the highest number in the cpuset. Those that are not shown are possible but not
 * present, and all that their directory says is that they are offline.
 *
 * The caches are the processor's, as it tells any program (sysconf() asks it by an instruction).
 * Frequencies, idle states, mitigations and microcode are left out: state of the host.
 */
#include "config.h"
#include "dirs.h"
#include "cpu-facts.h"

#include <string.h>
#include <unistd.h>

/**
 * put_cpu_list() - "0-3,5" as the kernel prints it, and a newline
 */
void put_cpu_list(struct text *out, const struct cpu_set *set)
{
	const char *comma = "";
	int last;

	for (int first = cpu_set_next(set, 0); first >= 0; first = cpu_set_next(set, last + 1)) {
		for (last = first; cpu_set_has(set, last + 1);)
			last++;
		text_str(out, comma);
		text_num(out, first);
		if (last > first) {
			text_bytes(out, "-", 1);
			text_num(out, last);
		}
		comma = ",";
	}
	text_bytes(out, "\n", 1);
}

/**
 * put_cpu_mask() - the same as a mask of @bits bits (%*pb), and a newline
 */
void put_cpu_mask(struct text *out, const struct cpu_set *set, unsigned int bits)
{
	for (unsigned int bit = (bits + 3) / 4 * 4; bit > 0; bit -= 4) {
		unsigned int v = set->word[(bit - 4) / 64] >> ((bit - 4) % 64) & 15;

		text_bytes(out, &"0123456789abcdef"[v], 1);
		if (bit - 4 > 0 && (bit - 4) % 32 == 0)
			text_bytes(out, ",", 1);
	}
	text_bytes(out, "\n", 1);
}

/* Which CPUs a file tells of. */
enum range {
	ONLINE,
	POSSIBLE,
	OFFLINE,
	NONE,
	SELF,
	MASK = 16, /* as a mask, not as a list */
};

static void pick(const struct cpus *cpus, int range, unsigned int cpu, struct cpu_set *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (range == ONLINE)
		*ret = cpus->shown;
	else if (range == SELF && cpu < CPU_SET_BITS)
		ret->word[cpu / 64] = 1ull << (cpu % 64);
	for (unsigned int i = 0; i < cpus->possible; i++)
		if (range == POSSIBLE || (range == OFFLINE && !cpu_set_has(&cpus->shown, i)))
			ret->word[i / 64] |= 1ull << (i % 64);
}

static int put_range(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
{
	struct cpus cpus;
	struct cpu_set set;
	int r = cpus_get(facts, &cpus);

	if (r < 0)
		return r;
	pick(&cpus, arg & ~MASK, cpu, &set);
	if (arg & MASK)
		put_cpu_mask(out, &set, cpus.possible);
	else
		put_cpu_list(out, &set);
	return 0;
}

/* A number that the kernel was built with; it is no lower than any CPU's. */
static int put_kernel_max(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
{
	struct cpus cpus;
	uint64_t max;
	int r = cpus_get(facts, &cpus);

	if (r == 0)
		r = facts_u64(facts, FACT_CPU_KERNEL_MAX, 0, &max);
	if (r < 0)
		return r;
	text_num(out, max >= cpus.possible ? max : cpus.possible - 1);
	text_bytes(out, "\n", 1);
	return 0;
}

/* Cores of a single thread. */
static int put_smt(const struct facts *facts, unsigned int cpu, int control, struct text *out)
{
	text_str(out, control ? "notsupported\n" : "0\n");
	return 0;
}

static int put_cpu_online(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
{
	struct cpus cpus;
	int r = cpus_get(facts, &cpus);

	if (r == 0)
		text_str(out, cpu_set_has(&cpus.shown, cpu) ? "1\n" : "0\n");
	return r;
}

static int put_number(const struct facts *facts, unsigned int cpu, int own, struct text *out)
{
	text_num(out, own ? cpu : 0);
	text_bytes(out, "\n", 1);
	return 0;
}

/* In the kernel's order: each is a directory indexN. */
static const struct cache {
	int size, ways, line; /* of sysconf() */
	int level;
	const char *type;
} caches[] = {
	{ _SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL1_DCACHE_ASSOC, _SC_LEVEL1_DCACHE_LINESIZE, 1, "Data" },
	{ _SC_LEVEL1_ICACHE_SIZE, _SC_LEVEL1_ICACHE_ASSOC, _SC_LEVEL1_ICACHE_LINESIZE, 1,
	  "Instruction" },
	{ _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL2_CACHE_ASSOC, _SC_LEVEL2_CACHE_LINESIZE, 2, "Unified" },
	{ _SC_LEVEL3_CACHE_SIZE, _SC_LEVEL3_CACHE_ASSOC, _SC_LEVEL3_CACHE_LINESIZE, 3, "Unified" },
};

static uint64_t positive(int name)
{
	long v = sysconf(name);

	return v > 0 ? v : 0;
}

static bool cache_exists(int index)
{
	return positive(caches[index].size) > 0;
}

/* Not every processor tells that of all its caches. */
static bool ways_known(int index)
{
	return cache_exists(index) && positive(caches[index].ways) > 0;
}

static int put_cache_level(const struct facts *facts, unsigned int cpu, int index, struct text *out)
{
	text_num(out, caches[index].level);
	text_bytes(out, "\n", 1);
	return 0;
}

static int put_cache_type(const struct facts *facts, unsigned int cpu, int index, struct text *out)
{
	text_str(out, caches[index].type);
	text_bytes(out, "\n", 1);
	return 0;
}

static int put_cache_size(const struct facts *facts, unsigned int cpu, int index, struct text *out)
{
	text_num(out, positive(caches[index].size) / 1024);
	text_str(out, "K\n");
	return 0;
}

static int put_cache_line(const struct facts *facts, unsigned int cpu, int index, struct text *out)
{
	text_num(out, positive(caches[index].line));
	text_bytes(out, "\n", 1);
	return 0;
}

static int put_cache_ways(const struct facts *facts, unsigned int cpu, int index, struct text *out)
{
	text_num(out, positive(caches[index].ways));
	text_bytes(out, "\n", 1);
	return 0;
}

static int put_cache_sets(const struct facts *facts, unsigned int cpu, int index, struct text *out)
{
	uint64_t way = positive(caches[index].line) * positive(caches[index].ways);

	text_num(out, way ? positive(caches[index].size) / way : 0);
	text_bytes(out, "\n", 1);
	return 0;
}

/* The last level belongs to the package, the others to a core. */
static bool shared(int index)
{
	return caches[index].level > 2;
}

static int put_cache_id(const struct facts *facts, unsigned int cpu, int index, struct text *out)
{
	return put_number(facts, cpu, !shared(index), out);
}

static int put_sharers(const struct facts *facts, unsigned int cpu, int index, struct text *out)
{
	return put_range(facts, cpu, shared(index) ? ONLINE : SELF, out);
}

static int put_sharers_mask(const struct facts *facts, unsigned int cpu, int index,
			    struct text *out)
{
	return put_range(facts, cpu, (shared(index) ? ONLINE : SELF) | MASK, out);
}

#define CPU(name)      "sys/devices/system/cpu/" name
#define TOPOLOGY(name) CPU(DIR_CPU "/topology/" name)
#define CACHE(n, name) CPU(DIR_CPU "/cache/index" #n "/" name)
#define CACHE_FILES(n)                                                                             \
	{ CACHE(n, "level"), put_cache_level, n, cache_exists },                                   \
		{ CACHE(n, "type"), put_cache_type, n, cache_exists },                             \
		{ CACHE(n, "size"), put_cache_size, n, cache_exists },                             \
		{ CACHE(n, "coherency_line_size"), put_cache_line, n, cache_exists },              \
		{ CACHE(n, "ways_of_associativity"), put_cache_ways, n, ways_known },              \
		{ CACHE(n, "number_of_sets"), put_cache_sets, n, ways_known },                     \
		{ CACHE(n, "id"), put_cache_id, n, cache_exists },                                 \
		{ CACHE(n, "shared_cpu_list"), put_sharers, n, cache_exists },                     \
	{                                                                                          \
		CACHE(n, "shared_cpu_map"), put_sharers_mask, n, cache_exists                      \
	}

const struct dir_file cpu_dir[] = {
	{ CPU("online"), put_range, ONLINE },
	{ CPU("present"), put_range, ONLINE },
	{ CPU("possible"), put_range, POSSIBLE },
	{ CPU("offline"), put_range, OFFLINE },
	{ CPU("isolated"), put_range, NONE },
	{ CPU("kernel_max"), put_kernel_max },
	{ CPU("smt/active"), put_smt, 0 },
	{ CPU("smt/control"), put_smt, 1 },
	{ CPU(DIR_CPU "/online"), put_cpu_online },
	{ TOPOLOGY("physical_package_id"), put_number, 0 },
	{ TOPOLOGY("die_id"), put_number, 0 },
	{ TOPOLOGY("core_id"), put_number, 1 },
	{ TOPOLOGY("core_cpus"), put_range, SELF | MASK },
	{ TOPOLOGY("core_cpus_list"), put_range, SELF },
	{ TOPOLOGY("thread_siblings"), put_range, SELF | MASK },
	{ TOPOLOGY("thread_siblings_list"), put_range, SELF },
	{ TOPOLOGY("core_siblings"), put_range, ONLINE | MASK },
	{ TOPOLOGY("core_siblings_list"), put_range, ONLINE },
	{ TOPOLOGY("die_cpus"), put_range, ONLINE | MASK },
	{ TOPOLOGY("die_cpus_list"), put_range, ONLINE },
	{ TOPOLOGY("package_cpus"), put_range, ONLINE | MASK },
	{ TOPOLOGY("package_cpus_list"), put_range, ONLINE },
	CACHE_FILES(0),
	CACHE_FILES(1),
	CACHE_FILES(2),
	CACHE_FILES(3),
	{ 0 },
};
