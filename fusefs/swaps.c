/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/swaps: one line that stands for what the container may use; no line if that is nothing.
 */
#include "config.h"
#include "memory-facts.h"
#include "providers.h"

#include "lib/swaplimit.h"

int swaps_render(const struct facts *facts, struct text *out)
{
	struct memory_look look;
	int r = memory_look(facts, &look);

	if (r < 0)
		return r;
	text_str(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	if (look.m.swap_total < 1024)
		return 0;
	/* What can be switched needs a name that swapoff(8) takes. */
	text_str(out, facts_have(facts, FACT_SWAP)
			      ? SWAPLIMIT_NAME "                               virtual\t\t"
			      : "none                                    virtual\t\t");
	text_num(out, look.m.swap_total / 1024);
	text_str(out, "\t\t");
	text_num(out, look.m.swap_used / 1024);
	text_str(out, "\t\t0\n");
	return 0;
}
