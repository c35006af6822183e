/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/swaps: one line that stands for what the container may use; no line if that is nothing.
 */
#include "config.h"
#include "memory-facts.h"
#include "providers.h"

int swaps_render(const struct facts *facts, struct text *out)
{
	struct memory_facts m;
	char host[8192];
	ssize_t n = facts_read(facts, FACT_MEMINFO, 0, host, sizeof(host));
	int r = n < 0 ? (int)n : memory_facts_get(facts, host, &m);

	if (r < 0)
		return r;
	text_str(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	if (m.swap_total < 1024)
		return 0;
	text_str(out, "none                                    virtual\t\t");
	text_num(out, m.swap_total / 1024);
	text_str(out, "\t\t");
	text_num(out, m.swap_used / 1024);
	text_str(out, "\t\t0\n");
	return 0;
}
