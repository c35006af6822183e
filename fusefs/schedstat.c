/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/schedstat: for each CPU shown the time that it ran (as in stat); scheduler calls and the
 * time that tasks waited are counted for no cgroup: 0. The host's domains are its topology: none.
 * Of the host's file the number of the format is taken (Documentation/scheduler/sched-stats.rst).
 */
#include "config.h"
#include "cpu-facts.h"
#include "providers.h"

#include <errno.h>
#include <string.h>

#define NS_PER_TICK (1000000000u / CPU_USER_HZ)

static int format_version(const struct facts *facts, uint64_t *ret)
{
	struct text host = { 0 };
	int r = facts_read_text(facts, FACT_SCHEDSTAT, &host);
	const char *p = host.buf;

	if (r == 0) {
		if (strncmp(p, "version ", 8) != 0)
			r = -EINVAL;
		else if (p += 8, !parse_u64(&p, ret))
			r = -EINVAL;
	}
	text_free(&host);
	return r;
}

int schedstat_render(const struct facts *facts, struct text *out)
{
	struct cpu_times times = { 0 };
	uint64_t version;
	int i = 0, r = format_version(facts, &version);

	if (r == 0)
		r = cpu_times_get(facts, &times, true);
	if (r == 0) {
		text_str(out, "version ");
		text_num(out, version);
		text_str(out, "\ntimestamp ");
		text_num(out, facts_uptime_ns(facts) / NS_PER_TICK);
		text_bytes(out, "\n", 1);
		for_each_cpu(cpu, &times.cpus.shown)
		{
			text_str(out, "cpu");
			text_num(out, cpu);
			text_str(out, " 0 0 0 0 0 0 ");
			text_num(out, (times.cpu[i].user + times.cpu[i].system) * NS_PER_TICK);
			text_str(out, " 0 0\n");
			i++;
		}
	}
	cpu_times_free(&times);
	return r;
}
