/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits as properties of a scope (systemd.resource-control(5)), as far as systemd knows them: what
 * it does not know of it overwrites with its defaults when it reloads.
 */
#include "config.h"
#include "runtime/scope.h"

#include "runtime/devices.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_PERIOD_US 100000
#define PERCENT_US	  10000 /* systemd counts CPU time in whole percent of a second */

static void add(GPtrArray *arguments, const char *name, GVariant *value)
{
	g_autoptr(GVariant) owned = g_variant_ref_sink(value);
	g_autofree char *text = g_variant_print(owned, true);

	g_ptr_array_add(arguments, g_strdup_printf("%s=%s", name, text));
}

/* -1 is "infinity". */
static void add_limit(GPtrArray *arguments, const char *name, int64_t value)
{
	if (value)
		add(arguments, name,
		    g_variant_new_uint64(value < 0 ? G_MAXUINT64 : (uint64_t)value));
}

static void add_quota(GPtrArray *arguments, const struct cgroup_limits *l)
{
	uint64_t period = l->cpu_period ?: DEFAULT_PERIOD_US, usec;

	if (l->cpu_period)
		add_limit(arguments, "CPUQuotaPeriodUSec", l->cpu_period);
	if (l->cpu_quota < 0)
		add_limit(arguments, "CPUQuotaPerSecUSec", -1);
	if (l->cpu_quota <= 0)
		return;
	usec = (uint64_t)((double)l->cpu_quota * 1000000 / period);
	/* Rounded up: the exact limit, which is written afterwards, must fit below. */
	usec = (usec + PERCENT_US - 1) / PERCENT_US * PERCENT_US;
	add_limit(arguments, "CPUQuotaPerSecUSec", usec);
}

/* "0-2,5" as a bit mask of bytes; nothing for forms that only the kernel knows. */
static void add_list(GPtrArray *arguments, const char *name, const char *list)
{
	uint8_t bits[1024] = { 0 };
	size_t n = 0;

	if (!list || !*list)
		return;
	do {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (last < first || last >= sizeof(bits) * 8 || (*end && *end != ','))
			return;
		for (unsigned long i = first; i <= last; i++)
			bits[i / 8] |= 1 << (i % 8);
		n = MAX(n, last / 8 + 1);
		list = *end ? end + 1 : end;
	} while (*list);
	add(arguments, name, g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bits, n, 1));
}

static void add_unified(GPtrArray *arguments, const struct cgroup_limits *l)
{
	static const struct {
		const char *key, *property;
	} known[] = { { "memory.max", "MemoryMax" }, { "memory.high", "MemoryHigh" },
		      { "memory.low", "MemoryLow" }, { "memory.min", "MemoryMin" },
		      { "pids.max", "TasksMax" },    { "memory.swap.max", "MemorySwapMax" },
		      { "cpu.weight", "CPUWeight" } };

	for (size_t i = 0; i < l->n_unified; i++) {
		const char *value = l->unified[i].value;
		char *end;
		uint64_t number = g_ascii_strtoull(value, &end, 10);

		if (strcmp(value, "max") == 0)
			number = G_MAXUINT64;
		else if (end == value || *end)
			continue;
		for (size_t k = 0; k < G_N_ELEMENTS(known); k++)
			if (strcmp(l->unified[i].key, known[k].key) == 0)
				add(arguments, known[k].property, g_variant_new_uint64(number));
	}
}

static void add_v2(GPtrArray *arguments, const struct cgroup_limits *l)
{
	add_limit(arguments, "MemoryMax", l->memory);
	add_limit(arguments, "MemoryLow", l->memory_reservation);
	if (l->memory_swap > 0 && l->memory > 0)
		add(arguments, "MemorySwapMax", g_variant_new_uint64(l->memory_swap - l->memory));
	else if (l->memory_swap < 0)
		add_limit(arguments, "MemorySwapMax", -1);
	add_limit(arguments, "CPUWeight", cgroup_weight_from_shares(l->cpu_shares));
	add_limit(arguments, "IOWeight", cgroup_weight_from_blkio(l->io_weight));
	add_list(arguments, "AllowedCPUs", l->cpuset_cpus);
	add_list(arguments, "AllowedMemoryNodes", l->cpuset_mems);
	add_unified(arguments, l);
}

static char *device_name(const struct cgroup_device *rule)
{
	const char *kind = rule->type == 'b' ? "block" : "char";
	g_autofree char *driver = NULL;

	if (rule->major < 0)
		return g_strdup_printf("%s-*", kind);
	if (rule->minor >= 0)
		return g_strdup_printf("/dev/%s/%d:%d", kind, (int)rule->major, (int)rule->minor);
	driver = devices_driver(rule->type, rule->major);
	return driver ? g_strdup_printf("%s-%s", kind, driver) : NULL;
}

/**
 * scope_device_properties() - add the rules of devices, all of them, with those of every container
 *
 * v1 only: there systemd writes devices.allow itself when it reloads, and without these would allow
 * everything. In v2 our program stays beside whatever systemd attaches.
 */
void scope_device_properties(const struct cgroups *cg, const struct cgroup_limits *l,
			     GPtrArray *arguments)
{
	g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ss)"));
	struct cgroup_device_list list;

	if (cgroup_mode(cg) == CGROUP_V2 ||
	    cgroup_devices_normalise(l->devices, l->n_devices, &list) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		const struct cgroup_device *rule = &list.rules[i];
		g_autofree char *name = device_name(rule);
		g_autofree char *access = g_strdup_printf(
			"%s%s%s", rule->access & CGROUP_DEVICE_READ ? "r" : "",
			rule->access & CGROUP_DEVICE_WRITE ? "w" : "",
			rule->access & CGROUP_DEVICE_MKNOD ? "m" : "");

		if (name && rule->allow)
			g_variant_builder_add(&builder, "(ss)", name, access);
	}
	free(list.rules);
	add(arguments, "DevicePolicy", g_variant_new_string("strict"));
	add(arguments, "DeviceAllow", g_variant_builder_end(&builder));
}

static void add_v1(GPtrArray *arguments, const struct cgroup_limits *l)
{
	add_limit(arguments, "MemoryLimit", l->memory);
	add_limit(arguments, "CPUShares", l->cpu_shares);
	add_limit(arguments, "BlockIOWeight", l->io_weight);
}

/**
 * scope_properties() - add @limits to the arguments of cloister-systemd
 */
void scope_properties(const struct cgroups *cg, const struct cgroup_limits *limits,
		      GPtrArray *arguments)
{
	add_quota(arguments, limits);
	if (limits->pids || limits->has_pids)
		add_limit(arguments, "TasksMax", limits->pids ?: 1);
	if (cgroup_mode(cg) == CGROUP_V2)
		add_v2(arguments, limits);
	else
		add_v1(arguments, limits);
}
