/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /sys/devices/system/cpu/online: the CPUs are numbered from 0, as in cpuinfo and stat.
 */
#include "config.h"
#include "cpu-facts.h"
#include "providers.h"

int online_render(const struct facts *facts, struct text *out)
{
	int n = cpu_count(facts, NULL);

	if (n < 0)
		return n;
	text_str(out, "0");
	if (n > 1) {
		text_str(out, "-");
		text_num(out, n - 1);
	}
	text_str(out, "\n");
	return 0;
}
