/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container uses, read from its cgroups: one JSON object of the shape that runc prints and
 * its callers parse. Times are in ns, the rest in bytes. "No limit" is 2^64-1 in runc; JSON numbers
 * of jansson end at 2^63-1, which stands for it here.
 */
#include "config.h"
#include "launcher/stats.h"

#include "lib/dir.h"
#include "lib/fd.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(int dir, const char *name)
{
	static char buf[1 << 16];

	return dir >= 0 && fd_read_file_at(dir, name, buf, sizeof(buf)) >= 0 ? buf : NULL;
}

static json_int_t to_number(const char *text)
{
	guint64 value = g_ascii_strtoull(text, NULL, 10);

	return g_str_has_prefix(text, "max") ? G_MAXINT64 : (json_int_t)MIN(value, G_MAXINT64);
}

/* The number in a file; 0 if there is none. */
static json_int_t number(int dir, const char *name)
{
	const char *text = read_file(dir, name);

	return text ? to_number(text) : 0;
}

/* The number behind @key in a file of "key number" lines. */
static json_int_t field(int dir, const char *name, const char *key)
{
	const char *text = read_file(dir, name);
	size_t len = strlen(key);

	while (text && *text) {
		if (strncmp(text, key, len) == 0 && text[len] == ' ')
			return to_number(text + len + 1);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return 0;
}

static void set(json_t *object, const char *key, json_int_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

/* The numbers in column @column of a file; with @header its first line is passed over. */
static json_t *numbers(int dir, const char *name, int column, bool header)
{
	json_t *array = json_array();
	const char *text = read_file(dir, name);
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines + (header && lines[0]); *line; line++) {
		g_auto(GStrv) words = g_strsplit(g_strstrip(*line), " ", -1);

		for (guint i = 0; words[i]; i++)
			if (*words[i] && (column < 0 || (int)i == column))
				json_array_append_new(array, json_integer(to_number(words[i])));
	}
	return array;
}

static json_t *throttling(json_int_t periods, json_int_t throttled, json_int_t ns)
{
	return json_pack("{s:I, s:I, s:I}", "periods", periods, "throttledPeriods", throttled,
			 "throttledTime", ns);
}

static json_t *cpu_v1(const struct cgroups *cg)
{
	bool v2;
	int acct = cgroup_controller_fd(cg, "cpuacct", &v2);
	int cpu = cgroup_controller_fd(cg, "cpu", &v2);

	return json_pack("{s:{s:I, s:I, s:I, s:o, s:o, s:o}, s:o}", "usage", "total",
			 number(acct, "cpuacct.usage"), "kernel", number(acct, "cpuacct.usage_sys"),
			 "user", number(acct, "cpuacct.usage_user"), "percpu",
			 numbers(acct, "cpuacct.usage_percpu", -1, false), "percpu_user",
			 numbers(acct, "cpuacct.usage_all", 1, true), "percpu_kernel",
			 numbers(acct, "cpuacct.usage_all", 2, true), "throttling",
			 throttling(field(cpu, "cpu.stat", "nr_periods"),
				    field(cpu, "cpu.stat", "nr_throttled"),
				    field(cpu, "cpu.stat", "throttled_time")));
}

static json_t *cpu_v2(int dir)
{
	return json_pack("{s:{s:I, s:I, s:I}, s:o}", "usage", "total",
			 field(dir, "cpu.stat", "usage_usec") * 1000, "kernel",
			 field(dir, "cpu.stat", "system_usec") * 1000, "user",
			 field(dir, "cpu.stat", "user_usec") * 1000, "throttling",
			 throttling(field(dir, "cpu.stat", "nr_periods"),
				    field(dir, "cpu.stat", "nr_throttled"),
				    field(dir, "cpu.stat", "throttled_usec") * 1000));
}

/* The four files of one counter of v1's memory controller: "memory" + @infix + ".failcnt", … */
static json_t *memory_entry_v1(int dir, const char *infix)
{
	static const char *const files[][2] = { { "limit", "limit_in_bytes" },
						{ "usage", "usage_in_bytes" },
						{ "max", "max_usage_in_bytes" },
						{ "failcnt", "failcnt" } };
	json_t *entry = json_object();

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *name = g_strdup_printf("memory%s.%s", infix, files[i][1]);

		set(entry, files[i][0], number(dir, name));
	}
	return entry;
}

static json_t *memory_entry_v2(json_int_t limit, json_int_t usage, json_int_t max,
			       json_int_t failcnt)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "limit", limit, "usage", usage, "max", max,
			 "failcnt", failcnt);
}

static json_t *raw(int dir)
{
	const char *text = read_file(dir, "memory.stat");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	json_t *object = json_object();

	for (char **line = lines; *line; line++) {
		char *space = strchr(*line, ' ');

		if (!space)
			continue;
		*space = '\0';
		set(object, *line, to_number(space + 1));
	}
	return object;
}

static json_t *memory_v1(int dir)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "cache",
			 field(dir, "memory.stat", "cache"), "usage", memory_entry_v1(dir, ""),
			 "swap", memory_entry_v1(dir, ".memsw"), "kernel",
			 memory_entry_v1(dir, ".kmem"), "kernelTCP",
			 memory_entry_v1(dir, ".kmem.tcp"), "raw", raw(dir));
}

/* "swap" is memory and swap together, as it is in v1. */
static json_t *memory_v2(int dir)
{
	json_int_t limit = number(dir, "memory.max"), usage = number(dir, "memory.current");
	json_int_t swap = number(dir, "memory.swap.max");

	swap = swap == G_MAXINT64 || limit == G_MAXINT64 ? G_MAXINT64 : swap + limit;
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "cache",
			 field(dir, "memory.stat", "file"), "usage",
			 memory_entry_v2(limit, usage, number(dir, "memory.peak"),
					 field(dir, "memory.events", "max")),
			 "swap",
			 memory_entry_v2(swap, number(dir, "memory.swap.current") + usage, 0,
					 field(dir, "memory.swap.events", "max")),
			 "kernel", memory_entry_v2(0, field(dir, "memory.stat", "kernel"), 0, 0),
			 "kernelTCP", memory_entry_v2(0, field(dir, "memory.stat", "sock"), 0, 0),
			 "raw", raw(dir));
}

static json_t *pids(const struct cgroups *cg)
{
	bool v2;
	int dir = cgroup_controller_fd(cg, "pids", &v2);
	json_int_t limit = number(dir, "pids.max");

	/* Here 0 is "no limit". */
	return json_pack("{s:I, s:I}", "current", number(dir, "pids.current"), "limit",
			 limit == G_MAXINT64 ? 0 : limit);
}

static void add_io(json_t *array, unsigned int major, unsigned int minor, const char *op,
		   json_int_t value)
{
	json_array_append_new(array,
			      json_pack("{s:I, s:I, s:s, s:I}", "major", (json_int_t)major, "minor",
					(json_int_t)minor, "op", op, "value", value));
}

/* "8:0 Read 4096"; the line "Total 4096" at the end belongs to no device. */
static json_t *io_v1(int dir, const char *name)
{
	const char *text = read_file(dir, name);
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	json_t *array = json_array();

	for (char **line = lines; *line; line++) {
		unsigned int major, minor;
		char op[32];
		long long value;

		if (sscanf(*line, "%u:%u %31s %lld", &major, &minor, op, &value) == 4)
			add_io(array, major, minor, op, value);
	}
	return array;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 …": @names are pairs of a name there and one of v1. */
static json_t *io_v2(int dir, const char *const names[][2], size_t n)
{
	const char *text = read_file(dir, "io.stat");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	json_t *array = json_array();

	for (char **line = lines; *line; line++) {
		unsigned int major, minor;

		if (sscanf(*line, "%u:%u", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < n; i++) {
			const char *at = strstr(*line, names[i][0]);

			if (at)
				add_io(array, major, minor, names[i][1],
				       to_number(at + strlen(names[i][0])));
		}
	}
	return array;
}

static json_t *blkio(const struct cgroups *cg)
{
	static const char *const bytes[][2] = { { " rbytes=", "Read" },
						{ " wbytes=", "Write" },
						{ " dbytes=", "Discard" } };
	static const char *const ops[][2] = { { " rios=", "Read" },
					      { " wios=", "Write" },
					      { " dios=", "Discard" } };
	bool v2;
	int dir = cgroup_controller_fd(cg, "blkio", &v2);

	if (v2)
		return json_pack("{s:o, s:o}", "ioServiceBytesRecursive", io_v2(dir, bytes, 3),
				 "ioServicedRecursive", io_v2(dir, ops, 3));
	return json_pack("{s:o, s:o}", "ioServiceBytesRecursive",
			 io_v1(dir, "blkio.throttle.io_service_bytes_recursive"),
			 "ioServicedRecursive", io_v1(dir, "blkio.throttle.io_serviced_recursive"));
}

static void add_hugepages(json_t *result, int dir, bool v2, const char *file)
{
	const char *dot = strchr(file + 8, '.');
	g_autofree char *size = g_strndup(file + 8, dot - file - 8);
	g_autofree char *max = g_strdup_printf("hugetlb.%s.max_usage_in_bytes", size);
	g_autofree char *fail = g_strdup_printf(v2 ? "hugetlb.%s.events" : "hugetlb.%s.failcnt",
						size);

	json_object_set_new(result, size,
			    json_pack("{s:I, s:I, s:I}", "usage", number(dir, file), "max",
				      v2 ? 0 : number(dir, max), "failcnt",
				      v2 ? field(dir, fail, "max") : number(dir, fail)));
}

/* The kernel has as many sizes as the machine: the file names tell. */
static json_t *hugetlb(const struct cgroups *cg)
{
	json_t *result = json_object();
	bool v2;
	int dir = cgroup_controller_fd(cg, "hugetlb", &v2);
	autodir files = dir < 0 ? NULL : dir_open_at(dir, ".");
	struct dirent *e;

	while (files && (e = dir_next(files)))
		if (g_str_has_prefix(e->d_name, "hugetlb.") && !strstr(e->d_name, "rsvd") &&
		    g_str_has_suffix(e->d_name, v2 ? ".current" : ".usage_in_bytes"))
			add_hugepages(result, dir, v2, e->d_name);
	return result;
}

/**
 * stats_collect() - the "data" of an event of type "stats"
 */
json_t *stats_collect(const struct cgroups *cg)
{
	bool v2;
	int cpu = cgroup_controller_fd(cg, "cpu", &v2);
	json_t *data = json_pack("{s:o}", "cpu", v2 ? cpu_v2(cpu) : cpu_v1(cg));
	int memory = cgroup_controller_fd(cg, "memory", &v2);

	json_object_set_new(data, "memory", v2 ? memory_v2(memory) : memory_v1(memory));
	json_object_set_new(data, "pids", pids(cg));
	json_object_set_new(data, "blkio", blkio(cg));
	json_object_set_new(data, "hugetlb", hugetlb(cg));
	json_object_set_new(data, "intel_rdt", json_object());
	json_object_set_new(data, "network_interfaces", json_null());
	return data;
}
