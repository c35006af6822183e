/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/zoneinfo: one node with one zone, which is all memory of the container. The lines are those
 * of the host's first populated zone, of which only the names are taken; watermarks, protection and
 * per-CPU lists are the host's allocator's: 0.
 */
#include "config.h"
#include "cpu-facts.h"
#include "providers.h"
#include "vm-facts.h"

#include <errno.h>
#include <string.h>

struct zone {
	const struct vm_facts *vm;
	struct text *out;
	const struct cpu_set *cpus;
	unsigned int node;
};

static bool begins(const char *p, const char *with)
{
	return strncmp(p, with, strlen(with)) == 0;
}

static uint64_t value_of(const struct vm_facts *vm, const char *name, size_t len)
{
	static const char *const all[] = { "spanned", "present", "managed" };

	if (len == strlen("pages free") && memcmp(name, "pages free", len) == 0)
		return vm->look.m.free / vm->page;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (len == strlen(all[i]) && memcmp(name, all[i], len) == 0)
			return vm->look.m.total / vm->page;
	return vm_value(vm, name, len);
}

/*
 * "      nr_dirty     0", "  pages free     3840", "  start_pfn:           1", "        min 23": a
 * name, blanks, a number. Whatever is not that is left out.
 */
static void put_line(const struct zone *z, const char *line)
{
	size_t end = strcspn(line, "\n"), indent = strspn(line, " "), digits = end, name;

	while (digits > 0 && line[digits - 1] >= '0' && line[digits - 1] <= '9')
		digits--;
	for (name = digits; name > indent && line[name - 1] == ' ';)
		name--;
	if (digits == end || name == digits || name == indent ||
	    memchr(line + indent, '(', name - indent))
		return;
	text_bytes(z->out, line, digits);
	text_num(z->out, value_of(z->vm, line + indent, name - indent));
	text_bytes(z->out, "\n", 1);
}

/* The lines of the host's first CPU, for each of ours. Return: where they end. */
static const char *put_pagesets(const struct zone *z, const char *p)
{
	const char *first = begins(p, "    cpu:") ? parse_next_line(p) : p, *end = first;

	while (*end && !begins(end, "    cpu:") &&
	       (begins(end, "     ") || begins(end, "  vm stats")))
		end = parse_next_line(end);
	for_each_cpu(cpu, z->cpus)
	{
		text_str(z->out, "    cpu: ");
		text_num(z->out, cpu);
		text_bytes(z->out, "\n", 1);
		for (const char *line = first; line < end; line = parse_next_line(line))
			put_line(z, line);
	}
	/* those of the other CPUs */
	while (*end && (begins(end, "    ") || begins(end, "  vm stats")))
		end = parse_next_line(end);
	return end;
}

static void put_zone(const struct zone *z, const char *p)
{
	text_str(z->out, "Node ");
	text_num(z->out, z->node);
	text_str(z->out, ", zone   Normal\n");
	for (p = parse_next_line(p); *p && !begins(p, "Node "); p = parse_next_line(p)) {
		if (begins(p, "  per-node stats")) {
			text_str(z->out, "  per-node stats\n");
		} else if (begins(p, "        protection:")) {
			text_str(z->out, "        protection: (0)\n");
		} else if (begins(p, "  pagesets")) {
			text_str(z->out, "  pagesets\n");
			p = put_pagesets(z, parse_next_line(p));
			if (!*p || begins(p, "Node "))
				break;
			put_line(z, p);
		} else {
			put_line(z, p);
		}
	}
}

/* The zone with the lines of its node: the first one that has pages. */
static const char *first_zone(const char *host)
{
	const char *zone = NULL;

	for (; *host; host = parse_next_line(host)) {
		if (begins(host, "Node "))
			zone = host;
		else if (begins(host, "  per-node stats"))
			return zone;
	}
	return NULL;
}

int zoneinfo_render(const struct facts *facts, struct text *out)
{
	struct vm_facts vm;
	struct text host = { 0 };
	struct cpus cpus;
	struct zone z = { &vm, out, &cpus.shown, cpu_node(facts, NULL) };
	int r = cpus_get(facts, &cpus);
	const char *zone;

	if (r == 0)
		r = vm_facts_get(facts, &vm);
	if (r == 0)
		r = facts_read_text(facts, FACT_ZONEINFO, &host);
	zone = r == 0 ? first_zone(host.buf) : NULL;
	if (zone)
		put_zone(&z, zone);
	else if (r == 0)
		r = -EINVAL;
	text_free(&host);
	return r;
}
