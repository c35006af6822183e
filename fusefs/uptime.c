/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/uptime: time since the container's start, and what its CPUs were idle of it (the same
 * number as in /proc/stat).
 */
#include "config.h"
#include "cpu-facts.h"
#include "providers.h"

static void put_seconds(struct text *out, uint64_t hundredths)
{
	text_num(out, hundredths / 100);
	text_bytes(out, ".", 1);
	text_num_width(out, hundredths % 100, 2, '0');
}

int uptime_render(const struct facts *facts, struct text *out)
{
	struct cpu_times times;
	int r = cpu_times_get(facts, &times, false);

	if (r < 0)
		return r;
	put_seconds(out, facts_uptime_ns(facts) / 10000000);
	text_bytes(out, " ", 1);
	put_seconds(out, times.total.idle * 100 / CPU_USER_HZ);
	text_bytes(out, "\n", 1);
	return 0;
}
