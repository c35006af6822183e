/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/interrupts and /proc/softirqs: one column for each CPU shown. A container has no interrupt
 * of its own, and the host's tell its devices: there is only the line about errors, which the
 * kernel has everywhere. The kinds of softirqs are the kernel's; they are counted for no cgroup.
 */
#include "config.h"
#include "cpu-facts.h"
#include "providers.h"

#include <string.h>

static void put_header(struct text *out, const char *indent, const struct cpu_set *cpus)
{
	text_str(out, indent);
	for_each_cpu(cpu, cpus)
	{
		size_t start = out->len;

		text_str(out, "CPU");
		text_num(out, cpu);
		while (out->len < start + 11 && !out->failed)
			text_bytes(out, " ", 1);
	}
	text_bytes(out, "\n", 1);
}

static void put_zero(struct text *out)
{
	text_bytes(out, " ", 1);
	text_num_width(out, 0, 10, ' ');
}

int interrupts_render(const struct facts *facts, struct text *out)
{
	struct cpus cpus;
	int r = cpus_get(facts, &cpus);

	if (r < 0)
		return r;
	put_header(out, "           ", &cpus.shown);
	text_str(out, "ERR:");
	put_zero(out);
	text_bytes(out, "\n", 1);
	return 0;
}

static void put_softirq(struct text *out, const char *line, int cpus)
{
	size_t len = strcspn(line, ":\n");

	if (line[len] != ':')
		return;
	text_bytes(out, line, len + 1);
	for (int i = 0; i < cpus; i++)
		put_zero(out);
	text_bytes(out, "\n", 1);
}

int softirqs_render(const struct facts *facts, struct text *out)
{
	struct text host = { 0 };
	struct cpus cpus;
	int r = cpus_get(facts, &cpus);

	if (r == 0)
		r = facts_read_text(facts, FACT_SOFTIRQS, &host);
	if (r == 0) {
		put_header(out, "                    ", &cpus.shown);
		for (const char *p = host.buf; *p; p = parse_next_line(p))
			put_softirq(out, p, cpus.shown.count);
	}
	text_free(&host);
	return r;
}
