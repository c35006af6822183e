/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/pressure: the container's own stalls, as the kernel tells them of its cgroup. cgroup v1
 * counts none, and cgroup.pressure may switch it off: the lines of this kernel with zeros then.
 *
 * A trigger cannot be set here: see doc/views.md.
 */
#include "config.h"
#include "providers.h"

#include <errno.h>
#include <string.h>

/* @host tells whether this kernel has the lines "some" and "full". */
static void put_zeros(struct text *out, const char *host)
{
	for (; *host; host = parse_next_line(host))
		if (strncmp(host, "some ", 5) == 0 || strncmp(host, "full ", 5) == 0) {
			text_bytes(out, host, 5);
			text_str(out, "avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
		}
}

static int render(const struct facts *facts, enum fact own, enum fact host, struct text *out)
{
	char buf[512];
	ssize_t n = facts_read(facts, own, 0, buf, sizeof(buf));

	if (n >= 0) {
		text_bytes(out, buf, n);
		return 0;
	}
	if (n != -ENODATA && n != -EOPNOTSUPP)
		return n;
	n = facts_read(facts, host, 0, buf, sizeof(buf));
	if (n >= 0)
		put_zeros(out, buf);
	return n < 0 ? n : 0;
}

int pressure_cpu_render(const struct facts *facts, struct text *out)
{
	return render(facts, FACT_V2_PSI_CPU, FACT_PSI_CPU, out);
}

int pressure_memory_render(const struct facts *facts, struct text *out)
{
	return render(facts, FACT_V2_PSI_MEMORY, FACT_PSI_MEMORY, out);
}

int pressure_io_render(const struct facts *facts, struct text *out)
{
	return render(facts, FACT_V2_PSI_IO, FACT_PSI_IO, out);
}

int pressure_irq_render(const struct facts *facts, struct text *out)
{
	return render(facts, FACT_V2_PSI_IRQ, FACT_PSI_IRQ, out);
}
