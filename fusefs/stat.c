/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/stat: the container's CPUs. Interrupts, context switches and the number of processes since
 * boot are not counted per container: 0.
 */
#include "config.h"
#include "cpu-facts.h"
#include "providers.h"

/* user nice system idle iowait irq softirq steal guest guest_nice */
static void put_cpu(struct text *out, const struct cpu_ticks *t)
{
	text_bytes(out, " ", 1);
	text_num(out, t->user);
	text_str(out, " 0 ");
	text_num(out, t->system);
	text_bytes(out, " ", 1);
	text_num(out, t->idle);
	text_str(out, " 0 0 0 0 0 0\n");
}

/*
 * The wall-clock time of the container's start, as the kernel shows it in its time namespace:
 * getboottime64() less the namespace's offset, cut to seconds (fs/proc/stat.c). The two clocks are
 * read one after the other, so the difference is late by some ns: the least of a few is taken.
 */
static uint64_t btime(const struct facts *facts)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		uint64_t boot, real;

		facts->clock(&boot, &real);
		if (real - boot < best)
			best = real - boot;
	}
	return (best + facts->boot_offset_ns) / 1000000000;
}

int stat_render(const struct facts *facts, struct text *out)
{
	struct cpu_times times;
	int i = 0, r = cpu_times_get(facts, &times, true);

	if (r == 0) {
		text_str(out, "cpu ");
		put_cpu(out, &times.total);
		for_each_cpu(cpu, &times.cpus.shown)
		{
			text_str(out, "cpu");
			text_num(out, cpu);
			put_cpu(out, &times.cpu[i++]);
		}
		text_str(out, "intr 0\nctxt 0\nbtime ");
		text_num(out, btime(facts));
		text_str(out, "\nprocesses 0\nprocs_running ");
		text_num(out, load_running(facts, times.total.user + times.total.system));
		text_str(out, "\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
	}
	cpu_times_free(&times);
	return r;
}
