/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's own counters: what they say agrees with meminfo, stat and diskstats, and nothing in
 * them is the host's.
 */
#include "config.h"
#include "fs-fixture.h"
#include "fusefs/netdev.h"
#include "fusefs/pids.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const trees[] = { "v1", "v2", "hybrid" };
#define N_TREES (sizeof(trees) / sizeof(trees[0]))

static struct fixture f;
static struct text out;

static int teardown(void **state)
{
	fixture_free(&f);
	text_free(&out);
	return 0;
}

static const char *render(const char *path)
{
	assert_int_equal(fixture_render(&f, path, &out), 0);
	return out.buf;
}

/* The same, to be freed. */
static char *keep(const char *path)
{
	return strdup(render(path));
}

static uint64_t indented(const char *text, const char *key)
{
	for (; *text; text = parse_next_line(text)) {
		const char *p = text + strspn(text, " ");

		if (strncmp(p, key, strlen(key)) == 0 && p[strlen(key)] == ' ')
			return strtoull(p + strlen(key), NULL, 10);
	}
	fail_msg("no line %s", key);
	return 0;
}

static uint64_t pages(const char *meminfo, const char *key)
{
	return field(meminfo, key) / 4;
}

static void vmstat_agrees_with_meminfo(void **state)
{
	static const struct {
		const char *vm, *mem;
	} same[] = { { "nr_free_pages", "MemFree" },
		     { "nr_inactive_anon", "Inactive(anon)" },
		     { "nr_active_anon", "Active(anon)" },
		     { "nr_inactive_file", "Inactive(file)" },
		     { "nr_active_file", "Active(file)" },
		     { "nr_zone_active_file", "Active(file)" },
		     { "nr_slab_reclaimable", "SReclaimable" },
		     { "nr_slab_unreclaimable", "SUnreclaim" },
		     { "nr_anon_pages", "AnonPages" },
		     { "nr_mapped", "Mapped" },
		     { "nr_dirty", "Dirty" },
		     { "nr_writeback", "Writeback" },
		     { "nr_shmem", "Shmem" },
		     { "nr_page_table_pages", "PageTables" },
		     { "nr_swapcached", "SwapCached" } };

	for (size_t t = 0; t < N_TREES; t++) {
		char *mem, *vm, *zone;

		fixture_load(&f, trees[t]);
		mem = keep("proc/meminfo");
		vm = keep("proc/vmstat");
		zone = keep("proc/zoneinfo");
		for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
			assert_int_equal(field(vm, same[i].vm), pages(mem, same[i].mem));
			assert_int_equal(indented(zone, same[i].vm), pages(mem, same[i].mem));
		}
		assert_int_equal(field(vm, "nr_kernel_stack"), field(mem, "KernelStack"));
		assert_int_equal(field(vm, "nr_file_pages"),
				 (field(mem, "Cached") + field(mem, "SwapCached")) / 4);
		assert_int_equal(indented(zone, "managed"), pages(mem, "MemTotal"));
		free(mem);
		free(vm);
		free(zone);
		fixture_free(&f);
	}
}

static void events_and_io(void **state)
{
	const char *t;

	fixture_load(&f, "v2");
	t = render("proc/vmstat");
	assert_int_equal(field(t, "pgfault"), 99999);
	assert_int_equal(field(t, "pgmajfault"), 12);
	assert_int_equal(field(t, "workingset_refault_file"), 1234);
	assert_int_equal(field(t, "oom_kill"), 1);
	assert_int_equal(field(t, "pgpgin"), 1024); /* kB, as diskstats has in sectors */
	assert_int_equal(field(t, "pgpgout"), 512);
	assert_int_equal(field(t, "nr_anon_transparent_hugepages"), 1);
	assert_int_equal(field(t, "numa_hit"), 0);
	fixture_free(&f);
	fixture_load(&f, "v1");
	t = render("proc/vmstat");
	assert_int_equal(field(t, "pgfault"), 4091);
	assert_int_equal(field(t, "oom_kill"), 2);
	assert_int_equal(field(t, "pgpgin"), 4096); /* not the charges of memory.stat */
}

/* Blocks of all sizes together are MemFree. */
static uint64_t in_blocks(const char *p, int *orders)
{
	uint64_t sum = 0, n;
	int used;

	for (*orders = 0; sscanf(p, "%ju%n", &n, &used) == 1; p += used)
		sum += n << (*orders)++;
	return sum;
}

static void free_blocks(void **state)
{
	uint64_t free_pages;
	const char *t;
	int orders;

	fixture_load(&f, "v2");
	free_pages = pages(render("proc/meminfo"), "MemFree");
	t = render("proc/buddyinfo");
	assert_int_equal(strncmp(t, "Node 0, zone   Normal ", 22), 0);
	assert_int_equal(in_blocks(t + 22, &orders), free_pages);
	assert_int_equal(orders, 11);
	t = strstr(render("proc/pagetypeinfo"), "type      Movable ");
	assert_non_null(t);
	assert_int_equal(in_blocks(t + 18, &orders), free_pages);
	assert_non_null(strstr(out.buf, "Page block order: 9\nPages per block:  512\n"));
	t = render("proc/slabinfo");
	assert_int_equal(indented(strstr(t, "\nreclaimable") + 1, "reclaimable"), 10485760 / 4096);
	fixture_set(&f, FACT_BUDDYINFO, 0, "Node 0, zone Normal\n");
	assert_int_equal(fixture_render(&f, "proc/buddyinfo", &out), -EINVAL);
}

static int words(const char *p)
{
	int n = 0;

	for (p += strspn(p, " "); *p && *p != '\n'; n++) {
		p += strcspn(p, " \n");
		p += strspn(p, " ");
	}
	return n;
}

static int count(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what))) {
		n++;
		text++;
	}
	return n;
}

static void a_column_or_line_for_each_cpu(void **state)
{
	const char *t;
	uint64_t busy;

	fixture_load(&f, "v2"); /* three CPUs */
	t = render("proc/softirqs");
	assert_int_equal(words(t), 3);
	assert_int_equal(words(parse_next_line(t)), 4);
	assert_string_equal(render("proc/interrupts"),
			    "           CPU1       CPU4       CPU5       \n"
			    "ERR:          0\n");
	assert_int_equal(count(render("proc/zoneinfo"), "    cpu: "), 3);
	busy = field(render("proc/stat"), "cpu1");
	t = render("proc/schedstat");
	assert_int_equal(strncmp(t, "version 15\ntimestamp 10000\ncpu1 0 ", 34), 0);
	assert_null(strstr(t, "domain"));
	assert_int_equal(count(t, "\ncpu"), 3);
	assert_true(strtoull(strstr(t, "\ncpu1 ") + 18, NULL, 10) / 10000000 >= busy);
}

static void pressure_is_the_cgroups(void **state)
{
	fixture_load(&f, "v2");
	assert_string_equal(render("proc/pressure/memory"),
			    "some avg10=1.50 avg60=0.70 avg300=0.10 total=633\n"
			    "full avg10=0.00 avg60=0.00 avg300=0.00 total=312\n");
	fixture_free(&f);
	fixture_load(&f, "v1"); /* which counts none: the lines of this kernel */
	fixture_taint(&f);
	fixture_set(&f, FACT_PSI_CPU, 0, "some avg10=9.99 avg60=9.99 avg300=9.99 total=999\n");
	assert_string_equal(render("proc/pressure/cpu"),
			    "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	assert_int_equal(count(render("proc/pressure/io"), "total=0\n"), 2);
	/* a cgroup that cannot be read any more is not one without pressure */
	fixture_free(&f);
	fixture_load(&f, "v2");
	fixture_vanish(&f, FACT_V2_PSI_IO);
	assert_true(fixture_render(&f, "proc/pressure/io", &out) < 0);
}

/* Of a procfs that is there, and of one that comes later over a socket. */
static void last_pid(void **state)
{
	struct pid_watch watch = PID_WATCH_NONE;
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), pair[2];
	uint64_t own = getpid(), seen;
	pid_t child;

	fixture_load(&f, "v2");
	assert_int_equal(facts_add(&f.facts, "pids", proc), 0);
	assert_int_equal(pids_last(&f.facts), 0); /* nobody watches */
	f.facts.pids = &watch;
	seen = pids_last(&f.facts);
	assert_true(seen >= own);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	seen = pids_last(&f.facts);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if ((uint64_t)child > own) /* they have not come round */
		assert_true(seen >= (uint64_t)child);
	assert_true(pids_last(&f.facts) >= seen);

	watch = (struct pid_watch)PID_WATCH_NONE;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	f.facts.fd[FACT_PIDS][0] = pair[1];
	assert_int_equal(pids_last(&f.facts), 0);
	assert_int_equal(fd_send(pair[0], "1", 1, &proc, 1), 0);
	assert_true(pids_last(&f.facts) >= own);
	assert_true(pids_last(&f.facts) >= own);
	close(pair[0]);
	close(proc);
	close(watch.dir);
}

/* Names are found by a number that is made of them, also when others come and go. */
/* On a busy machine one list does for a while: as long as it took to read. */
static bool is_device_soon(const char *name, bool there)
{
	uint32_t number;

	for (int i = 0; i < 5000; i++) {
		if (netdev_find(&f.facts, name, &number) == there)
			return true;
		usleep(1000);
	}
	return false;
}

static void devices_of_the_container(void **state)
{
	static const char *const names[] = { "lo", "eth0", "eth0.100", "abcdefghijklmno",
					     "a.b-c@d" };
	static const char heading[] = "Inter-|   Receive\n face |bytes    packets errs\n";
	char text[1024], name[NETDEV_NAME_MAX];
	size_t len = sizeof(heading) - 1, n = sizeof(names) / sizeof(names[0]);
	uint32_t number, found = 0;
	int64_t next = -1;

	fixture_load(&f, "v2");
	assert_false(netdev_find(&f.facts, "lo", &number)); /* nobody brought the list */
	assert_int_equal(netdev_next(&f.facts, 0), -1);
	assert_int_equal(facts_add(&f.facts, "net.dev", memfd_create("devices", 0)), 0);
	memcpy(text, heading, sizeof(heading));
	for (size_t i = 0; i < n; i++)
		len += sprintf(text + len, "%6s: 0 0 0\n", names[i]);
	fixture_set(&f, FACT_NET_DEV, 0, text);
	assert_true(is_device_soon("lo", true));
	for (size_t i = 0; i < n; i++) {
		assert_true(netdev_find(&f.facts, names[i], &number));
		assert_true(netdev_name(&f.facts, number, name));
		assert_string_equal(name, names[i]);
	}
	for (next = -1; (next = netdev_next(&f.facts, next + 1)) >= 0; found++)
		assert_true(netdev_name(&f.facts, next, name));
	assert_int_equal(found, n);
	assert_false(netdev_find(&f.facts, "face", &number));
	assert_false(netdev_find(&f.facts, "Inter-", &number));
	assert_false(netdev_find(&f.facts, "eth", &number));
	assert_false(netdev_find(&f.facts, "", &number));
	fixture_set(&f, FACT_NET_DEV, 0,
		    "default: 0\n  .kernel: 0\n  lo: 0\n  toolongforanyname:\n\n:\nno colon");
	assert_true(is_device_soon("eth0", false));
	assert_true(netdev_find(&f.facts, "lo", &number));
	assert_int_equal(netdev_next(&f.facts, 0), number);
	assert_int_equal(netdev_next(&f.facts, number + 1ull), -1);
}

static void look_for_taint(struct fixture *fixture, const char *path, void *tree)
{
	fixture_render(fixture, path, &out);
	if (strstr(out.buf, TAINT))
		fail_msg("%s of %s: %.300s", path, (char *)tree, strstr(out.buf, TAINT));
}

static void nothing_of_the_host(void **state)
{
	for (size_t t = 0; t < N_TREES; t++) {
		fixture_load(&f, trees[t]);
		fixture_taint(&f);
		fixture_each_path(&f, look_for_taint, (void *)trees[t]);
		fixture_free(&f);
	}
}

/* The CPUs of the cpuset are 1, 4, 5 and 6, the quota is worth three. */
static void cpu_directory(void **state)
{
	const char *const cpu = "sys/devices/system/cpu/";
	static const struct {
		const char *file, *text;
	} want[] = { { "online", "1,4-5\n" },
		     { "present", "1,4-5\n" },
		     { "possible", "0-6\n" },
		     { "offline", "0,2-3,6\n" },
		     { "isolated", "\n" },
		     { "kernel_max", "8191\n" },
		     { "cpu4/topology/core_id", "4\n" },
		     { "cpu4/topology/physical_package_id", "0\n" },
		     { "cpu4/topology/thread_siblings", "10\n" },
		     { "cpu4/topology/thread_siblings_list", "4\n" },
		     { "cpu4/topology/package_cpus", "32\n" },
		     { "cpu4/topology/package_cpus_list", "1,4-5\n" },
		     { "cpu4/online", "1\n" },
		     { "cpu3/online", "0\n" } };
	char path[128];

	fixture_load(&f, "v2");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", cpu, want[i].file);
		assert_string_equal(render(path), want[i].text);
	}
	fixture_set(&f, FACT_V2_CPU_MAX, 0, "max 100000\n");
	fixture_set(&f, FACT_V2_CPUSET, 0, "0-39\n");
	assert_string_equal(render("sys/devices/system/cpu/online"), "0-39\n");
	assert_string_equal(render("sys/devices/system/cpu/offline"), "\n");
	assert_string_equal(render("sys/devices/system/cpu/cpu33/topology/core_cpus"),
			    "02,00000000\n");
	assert_string_equal(render("sys/devices/system/cpu/cpu33/topology/core_siblings"),
			    "ff,ffffffff\n");
	fixture_set(&f, FACT_V2_CPUSET, 0, "9000\n");
	assert_int_equal(fixture_render(&f, "sys/devices/system/cpu/possible", &out), -EINVAL);
	fixture_set(&f, FACT_CPU_KERNEL_MAX, 0, "3\n");
	fixture_set(&f, FACT_V2_CPUSET, 0, "7\n");
	assert_string_equal(render("sys/devices/system/cpu/kernel_max"), "7\n");
}

static void node_directory(void **state)
{
	char *mem, *node;

	fixture_load(&f, "v2");
	assert_string_equal(render("sys/devices/system/node/online"), "0\n");
	assert_string_equal(render("sys/devices/system/node/possible"), "0-1\n");
	assert_string_equal(render("sys/devices/system/node/node0/cpulist"), "1,4-5\n");
	assert_string_equal(render("sys/devices/system/node/node0/cpumap"), "32\n");
	mem = keep("proc/meminfo");
	node = keep("sys/devices/system/node/node0/meminfo");
	assert_int_equal(field(node, "Node 0 MemTotal"), field(mem, "MemTotal"));
	assert_int_equal(field(node, "Node 0 MemFree"), field(mem, "MemFree"));
	assert_int_equal(field(node, "Node 0 Mapped"), field(mem, "Mapped"));
	free(mem);
	free(node);
	assert_null(strstr(render("sys/devices/system/node/node0/vmstat"), "pgfault"));
	assert_non_null(strstr(out.buf, "nr_swapcached "));
	fixture_set(&f, FACT_V2_MEMS, 0, "2-3\n");
	assert_string_equal(render("sys/devices/system/node/online"), "2\n");
	assert_string_equal(render("sys/devices/system/node/possible"), "0-3\n");
	assert_int_equal(strncmp(render("proc/buddyinfo"), "Node 2, zone   Normal ", 22), 0);
	assert_int_equal(strncmp(render("proc/zoneinfo"), "Node 2, zone   Normal\n", 22), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(vmstat_agrees_with_meminfo, teardown),
		cmocka_unit_test_teardown(events_and_io, teardown),
		cmocka_unit_test_teardown(free_blocks, teardown),
		cmocka_unit_test_teardown(a_column_or_line_for_each_cpu, teardown),
		cmocka_unit_test_teardown(pressure_is_the_cgroups, teardown),
		cmocka_unit_test_teardown(cpu_directory, teardown),
		cmocka_unit_test_teardown(node_directory, teardown),
		cmocka_unit_test_teardown(last_pid, teardown),
		cmocka_unit_test_teardown(devices_of_the_container, teardown),
		cmocka_unit_test_teardown(nothing_of_the_host, teardown),
	};

	return cmocka_run_group_tests_name("fs-counters", tests, NULL, NULL);
}
