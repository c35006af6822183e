/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /sys/devices/system/node: one memory node, on which are all CPUs shown and all memory of the
 * container; its number is that of the first in the cpuset, by which mbind(2) names it. As with
 * CPUs, "possible" goes up to the highest number that getcpu(2) can say.
 */
#include "config.h"
#include "dirs.h"
#include "cpu-facts.h"
#include "providers.h"
#include "vm-facts.h"

#include <string.h>

static int put_number(const struct facts *facts, unsigned int node, int arg, struct text *out)
{
	text_num(out, cpu_node(facts, NULL));
	text_bytes(out, "\n", 1);
	return 0;
}

static int put_possible(const struct facts *facts, unsigned int node, int arg, struct text *out)
{
	unsigned int possible;

	cpu_node(facts, &possible);
	text_str(out, "0");
	if (possible > 1) {
		text_bytes(out, "-", 1);
		text_num(out, possible - 1);
	}
	text_bytes(out, "\n", 1);
	return 0;
}

static int put_cpus(const struct facts *facts, unsigned int node, int mask, struct text *out)
{
	struct cpus cpus;
	int r = cpus_get(facts, &cpus);

	if (r == 0 && mask)
		put_cpu_mask(out, &cpus.shown, cpus.possible);
	else if (r == 0)
		put_cpu_list(out, &cpus.shown);
	return r;
}

static int put_distance(const struct facts *facts, unsigned int node, int arg, struct text *out)
{
	text_str(out, "10\n");
	return 0;
}

static int put_meminfo(const struct facts *facts, unsigned int node, int arg, struct text *out)
{
	return meminfo_of_node(facts, out);
}

static int put_numastat(const struct facts *facts, unsigned int node, int arg, struct text *out)
{
	text_str(out, "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\n"
		      "local_node 0\nother_node 0\n");
	return 0;
}

/* The lines of /proc/vmstat up to those that no node has. */
static int put_vmstat(const struct facts *facts, unsigned int node, int arg, struct text *out)
{
	struct vm_facts vm;
	struct text host = { 0 };
	int r = vm_facts_get(facts, &vm);
	char *end;

	if (r == 0)
		r = facts_read_text(facts, FACT_VMSTAT, &host);
	if (r == 0) {
		end = strstr(host.buf, "nr_dirty_threshold ");
		if (end)
			*end = '\0';
		vmstat_lines(&vm, host.buf, out);
	}
	text_free(&host);
	return r;
}

#define NODE(name) "sys/devices/system/node/" name

const struct dir_file node_dir[] = {
	{ NODE("online"), put_number },
	{ NODE("possible"), put_possible },
	{ NODE("has_cpu"), put_number },
	{ NODE("has_memory"), put_number },
	{ NODE("has_normal_memory"), put_number },
	{ NODE(DIR_NODE "/cpulist"), put_cpus, 0 },
	{ NODE(DIR_NODE "/cpumap"), put_cpus, 1 },
	{ NODE(DIR_NODE "/distance"), put_distance },
	{ NODE(DIR_NODE "/meminfo"), put_meminfo },
	{ NODE(DIR_NODE "/numastat"), put_numastat },
	{ NODE(DIR_NODE "/vmstat"), put_vmstat },
	{ 0 },
};
