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

static void put_header(struct text *out, const char *indent, int cpus)
{
	text_str(out, indent);
	for (int i = 0; i < cpus; i++) {
		size_t start = out->len;

		text_str(out, "CPU");
		text_num(out, i);
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
	int cpus = cpu_count(facts, NULL);

	if (cpus < 0)
		return cpus;
	put_header(out, "           ", cpus);
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
	int cpus = cpu_count(facts, NULL);
	int r = cpus < 0 ? cpus : facts_read_text(facts, FACT_SOFTIRQS, &host);

	if (r == 0) {
		put_header(out, "                    ", cpus);
		for (const char *p = host.buf; *p; p = parse_next_line(p))
			put_softirq(out, p, cpus);
	}
	text_free(&host);
	return r;
}
