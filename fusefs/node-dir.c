/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /sys/devices/system/node: one memory node, on which are all CPUs shown and all memory of the
 * container. As with CPUs, "possible" goes up to the highest number that getcpu(2) can say.
 */
#include "config.h"
#include "dirs.h"
#include "cpu-facts.h"
#include "providers.h"
#include "vm-facts.h"

#include <string.h>

static int put_zero(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
{
	text_str(out, "0\n");
	return 0;
}

static int put_possible(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
{
	struct cpu_set nodes;
	int r = cpu_nodes(facts, &nodes);

	if (r == 0)
		put_cpu_list(out, 0, cpu_set_highest(&nodes) + 1);
	return r;
}

static int put_cpus(const struct facts *facts, unsigned int cpu, int mask, struct text *out)
{
	struct cpu_numbers n;
	int r = cpu_numbers_get(facts, &n);

	if (r == 0 && mask)
		put_cpu_mask(out, 0, n.online, n.possible);
	else if (r == 0)
		put_cpu_list(out, 0, n.online);
	return r;
}

static int put_distance(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
{
	text_str(out, "10\n");
	return 0;
}

static int put_meminfo(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
{
	return meminfo_of_node(facts, out);
}

static int put_numastat(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
{
	text_str(out, "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\n"
		      "local_node 0\nother_node 0\n");
	return 0;
}

/* The lines of /proc/vmstat up to those that no node has. */
static int put_vmstat(const struct facts *facts, unsigned int cpu, int arg, struct text *out)
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
	{ NODE("online"), put_zero },
	{ NODE("possible"), put_possible },
	{ NODE("has_cpu"), put_zero },
	{ NODE("has_memory"), put_zero },
	{ NODE("has_normal_memory"), put_zero },
	{ NODE("node0/cpulist"), put_cpus, 0 },
	{ NODE("node0/cpumap"), put_cpus, 1 },
	{ NODE("node0/distance"), put_distance },
	{ NODE("node0/meminfo"), put_meminfo },
	{ NODE("node0/numastat"), put_numastat },
	{ NODE("node0/vmstat"), put_vmstat },
	{ 0 },
};
