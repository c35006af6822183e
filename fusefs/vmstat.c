/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/vmstat: the counters that this kernel has, in its order; of the host's file only the names
 * are taken.
 */
#include "config.h"
#include "providers.h"
#include "vm-facts.h"

#include <string.h>

/**
 * vmstat_lines() - append "name value" for each line of @names, a text in the layout of vmstat
 */
void vmstat_lines(const struct vm_facts *vm, const char *names, struct text *out)
{
	for (const char *p = names; *p; p = parse_next_line(p)) {
		size_t len = strcspn(p, " \n");

		if (p[len] != ' ' || (*p >= '0' && *p <= '9'))
			continue;
		text_bytes(out, p, len + 1);
		text_num(out, vm_value(vm, p, len));
		text_bytes(out, "\n", 1);
	}
}

int vmstat_render(const struct facts *facts, struct text *out)
{
	struct vm_facts vm;
	struct text host = { 0 };
	int r = vm_facts_get(facts, &vm);

	if (r == 0)
		r = facts_read_text(facts, FACT_VMSTAT, &host);
	if (r == 0)
		vmstat_lines(&vm, host.buf, out);
	text_free(&host);
	return r;
}
