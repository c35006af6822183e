/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources: from JSON to the files that are written, on directories that look like cgroups;
 * and the device program, run by a small interpreter beside a plain reading of the rules.
 */
#include "config.h"
#include "runtime/limits.h"
#include "runtime/resources.h"

#include "lib/cgroup-internal.h"
#include "lib/fd.h"
#include "lib/reap.h"
#include "policy/settings.h"
#include "runtime/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char what[CGROUP_WHAT_MAX];
static char tmp[64];

static void touch(int dir, const char *name, const char *text)
{
	assert_int_equal(fd_replace_file_at(dir, name, text, strlen(text), 0600), 0);
}

/* A directory with these (empty) files in the place of a cgroup. */
static struct cgroup_hierarchy fake(const char *controllers, bool v2, const char *files)
{
	g_auto(GStrv) names = g_strsplit(files, " ", -1);
	struct cgroup_hierarchy h = { .v2 = v2, .mount_fd = -1 };
	static int n;
	char path[128];

	g_strlcpy(h.controllers, controllers, sizeof(h.controllers));
	g_snprintf(path, sizeof(path), "%s/%d", tmp, n++);
	assert_int_equal(mkdir(path, 0700), 0);
	h.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(h.dir_fd >= 0);
	for (char **name = names; *name; name++)
		if (**name)
			touch(h.dir_fd, *name, "");
	return h;
}

static const char *content(const struct cgroups *cg, int i, const char *name)
{
	static char text[256];

	assert_true(fd_read_file_at(cg->h[i].dir_fd, name, text, sizeof(text)) >= 0);
	return text;
}

static int apply(struct cgroups *cg, const char *json_text)
{
	json_t *json = json_loads(json_text, 0, NULL);
	g_autoptr(GError) error = NULL;
	struct cgroup_limits limits;
	int r;

	assert_non_null(json);
	if (!resources_parse(json, &limits, &error))
		fail_msg("%s", error->message);
	r = cgroup_set_limits(cg, &limits, what, sizeof(what));
	cgroup_limits_clear(&limits);
	json_decref(json);
	return r;
}

static void v2_files_are_written_in_units_of_v2(void **state)
{
	struct cgroups cg = { .n = 1 };

	cg.h[0] = fake("", true,
		       "memory.max memory.low memory.swap.max cpu.weight cpu.max cpu.max.burst "
		       "cpu.idle cpuset.cpus cpuset.mems pids.max io.weight io.max "
		       "hugetlb.2MB.max hugetlb.2MB.rsvd.max rdma.max memory.high odd.file");
	assert_int_equal(
		apply(&cg,
		      "{\"memory\": {\"limit\": 1000, \"swap\": 3000, \"reservation\": 500},"
		      "\"cpu\": {\"shares\": 1024, \"quota\": 5000, \"period\": 20000, "
		      "\"burst\": 100, \"idle\": 0, \"cpus\": \"0-1\", \"mems\": \"0\"},"
		      "\"pids\": {\"limit\": 5},"
		      "\"blockIO\": {\"weight\": 1000, \"throttleWriteBpsDevice\": [{\"major\": 8, "
		      "\"minor\": 1, \"rate\": 77}]},"
		      "\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4096}],"
		      "\"rdma\": {\"mlx5_1\": {\"hcaHandles\": 3, \"hcaObjects\": 100}},"
		      "\"unified\": {\"memory.high\": \"900\", \"odd.file\": \"x y\"}}"),
		0);
	assert_string_equal(content(&cg, 0, "memory.max"), "1000");
	assert_string_equal(content(&cg, 0, "memory.swap.max"), "2000");
	assert_string_equal(content(&cg, 0, "memory.low"), "500");
	assert_string_equal(content(&cg, 0, "cpu.weight"), "100");
	assert_string_equal(content(&cg, 0, "cpu.max"), "5000 20000");
	assert_string_equal(content(&cg, 0, "cpu.max.burst"), "100");
	assert_string_equal(content(&cg, 0, "cpu.idle"), "0");
	assert_string_equal(content(&cg, 0, "cpuset.cpus"), "0-1");
	assert_string_equal(content(&cg, 0, "pids.max"), "5");
	assert_string_equal(content(&cg, 0, "io.weight"), "10000");
	assert_string_equal(content(&cg, 0, "io.max"), "8:1 wbps=77");
	assert_string_equal(content(&cg, 0, "hugetlb.2MB.max"), "4096");
	assert_string_equal(content(&cg, 0, "hugetlb.2MB.rsvd.max"), "4096");
	assert_string_equal(content(&cg, 0, "rdma.max"), "mlx5_1 hca_handle=3 hca_object=100");
	assert_string_equal(content(&cg, 0, "memory.high"), "900");
	assert_string_equal(content(&cg, 0, "odd.file"), "x y");
	close(cg.h[0].dir_fd);
}

static void only_what_is_given_is_written(void **state)
{
	struct cgroups cg = { .n = 1 };

	cg.h[0] = fake("", true, "memory.max memory.swap.max pids.max cpu.max cpu.weight");
	assert_int_equal(apply(&cg, "{\"memory\": {\"limit\": 0}, \"cpu\": {\"shares\": 0, "
				    "\"quota\": 0}, \"pids\": {}}"),
			 0);
	assert_string_equal(content(&cg, 0, "memory.max"), "");
	assert_string_equal(content(&cg, 0, "pids.max"), "");
	assert_int_equal(apply(&cg, "{\"pids\": {\"limit\": -1}, \"memory\": {\"limit\": -1}}"), 0);
	assert_string_equal(content(&cg, 0, "pids.max"), "max");
	assert_string_equal(content(&cg, 0, "memory.max"), "max");
	assert_string_equal(content(&cg, 0, "memory.swap.max"), "max");
	assert_string_equal(content(&cg, 0, "cpu.max"), "");
	close(cg.h[0].dir_fd);
}

static void no_first_process_is_kept_out_by_a_limit_of_0(void **state)
{
	struct cgroups cg = { .n = 1 };

	cg.h[0] = fake("pids", false, "pids.max");
	touch(cg.h[0].dir_fd, "pids.current", "0\n");
	assert_int_equal(apply(&cg, "{\"pids\": {\"limit\": 0}}"), 0);
	assert_string_equal(content(&cg, 0, "pids.max"), "1");
	touch(cg.h[0].dir_fd, "pids.current", "1\n");
	assert_int_equal(apply(&cg, "{\"pids\": {\"limit\": 0}}"), 0);
	assert_string_equal(content(&cg, 0, "pids.max"), "0");
	close(cg.h[0].dir_fd);
}

static void v1_has_files_of_its_own(void **state)
{
	struct cgroups cg = { .n = 5 };

	cg.h[0] = fake("memory", false,
		       "memory.limit_in_bytes memory.memsw.limit_in_bytes "
		       "memory.soft_limit_in_bytes memory.swappiness memory.oom_control");
	cg.h[1] = fake("cpu,cpuacct", false,
		       "cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpu.rt_period_us "
		       "cpu.rt_runtime_us");
	cg.h[2] = fake("net_cls,net_prio", false, "net_cls.classid net_prio.ifpriomap");
	cg.h[3] = fake("hugetlb", false, "hugetlb.1GB.limit_in_bytes");
	cg.h[4] = fake("blkio", false,
		       "blkio.weight blkio.leaf_weight blkio.weight_device "
		       "blkio.throttle.read_iops_device");
	assert_int_equal(
		apply(&cg,
		      "{\"memory\": {\"limit\": 1000, \"swap\": 3000, \"reservation\": 500, "
		      "\"swappiness\": 0, \"disableOOMKiller\": true, \"kernel\": 5},"
		      "\"cpu\": {\"shares\": 1024, \"quota\": -1, \"period\": 20000, "
		      "\"realtimePeriod\": 1000000, \"realtimeRuntime\": 950000},"
		      "\"network\": {\"classID\": 1048577, \"priorities\": [{\"name\": \"eth0\", "
		      "\"priority\": 500}]},"
		      "\"hugepageLimits\": [{\"pageSize\": \"1GB\", \"limit\": 0}],"
		      "\"blockIO\": {\"weight\": 10, \"leafWeight\": 11, \"weightDevice\": "
		      "[{\"major\": 8, \"minor\": 0, \"weight\": 500}], "
		      "\"throttleReadIOPSDevice\": [{\"major\": 8, \"minor\": 0, \"rate\": "
		      "600}]}}"),
		0);
	assert_string_equal(content(&cg, 0, "memory.limit_in_bytes"), "1000");
	assert_string_equal(content(&cg, 0, "memory.memsw.limit_in_bytes"), "3000");
	assert_string_equal(content(&cg, 0, "memory.soft_limit_in_bytes"), "500");
	assert_string_equal(content(&cg, 0, "memory.swappiness"), "0");
	assert_string_equal(content(&cg, 0, "memory.oom_control"), "1");
	assert_string_equal(content(&cg, 1, "cpu.shares"), "1024");
	assert_string_equal(content(&cg, 1, "cpu.cfs_quota_us"), "-1");
	assert_string_equal(content(&cg, 1, "cpu.rt_period_us"), "1000000");
	assert_string_equal(content(&cg, 1, "cpu.rt_runtime_us"), "950000");
	assert_string_equal(content(&cg, 2, "net_cls.classid"), "1048577");
	assert_string_equal(content(&cg, 2, "net_prio.ifpriomap"), "eth0 500");
	assert_string_equal(content(&cg, 3, "hugetlb.1GB.limit_in_bytes"), "0");
	assert_string_equal(content(&cg, 4, "blkio.weight"), "10");
	assert_string_equal(content(&cg, 4, "blkio.leaf_weight"), "11");
	assert_string_equal(content(&cg, 4, "blkio.weight_device"), "8:0 500");
	assert_string_equal(content(&cg, 4, "blkio.throttle.read_iops_device"), "8:0 600");
	assert_int_equal(apply(&cg, "{\"unified\": {\"memory.max\": \"1\"}}"), -ENOTSUP);
	assert_non_null(strstr(what, "unified"));
	for (int i = 0; i < cg.n; i++)
		close(cg.h[i].dir_fd);
}

static void a_missing_controller_is_named_and_nothing_is_written(void **state)
{
	struct cgroups cg = { .n = 1 };

	cg.h[0] = fake("", true, "pids.max");
	touch(cg.h[0].dir_fd, "cgroup.controllers", "pids\n");
	assert_int_equal(
		apply(&cg, "{\"pids\": {\"limit\": 7}, \"unified\": {\"misc.max\": \"x\"}}"),
		-ENODEV);
	assert_non_null(strstr(what, "\"misc\""));
	assert_non_null(strstr(what, "subtree_control"));
	assert_string_equal(content(&cg, 0, "pids.max"), "");
	close(cg.h[0].dir_fd);
	cg.n = 0;
	assert_int_equal(apply(&cg, "{\"pids\": {\"limit\": 7}}"), -ENODEV);
	assert_non_null(strstr(what, "\"pids\""));
}

/* The instructions that our programs are made of. */
static int interpret(const struct bpf_insn *p, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct bpf_insn *q = &p[i];
		uint64_t *dst = &reg[q->dst_reg];

		switch (q->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			*dst = ((const uint32_t *)ctx)[q->off / 4];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			*dst = reg[q->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = q->imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= q->imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= q->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			i += *dst != (uint64_t)q->imm ? q->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += *dst == (uint64_t)q->imm ? q->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)reg[0];
		default:
			fail_msg("instruction %02x", q->code);
		}
	}
	fail_msg("ran over the end");
	return -1;
}

static bool is_always_allowed(unsigned int major, unsigned int minor)
{
	return (major == 1 && strchr("\3\5\7\10\11", (int)minor) && minor) ||
	       (major == 5 && minor <= 2) || major == 136;
}

/* Bit by bit, what the rules say by themselves: the last that fits decides. */
static bool allowed(const struct cgroup_device *rules, size_t n, char type, unsigned int major,
		    unsigned int minor, unsigned int bit)
{
	bool result = false;

	for (size_t i = 0; i < n; i++) {
		const struct cgroup_device *r = &rules[i];
		bool harmless = type == 'c' && (is_always_allowed(major, minor) ||
						(major == 10 && (minor == 229 || minor == 200)));

		if ((r->type != 'a' && r->type != type) || !(r->access & bit) ||
		    (r->major >= 0 && r->major != major) || (r->minor >= 0 && r->minor != minor))
			continue;
		if (!r->allow || r->major >= 0 || bit == CGROUP_DEVICE_MKNOD || harmless)
			result = r->allow;
	}
	return result || (type == 'c' && is_always_allowed(major, minor));
}

static void the_program_does_what_the_rules_say(void **state)
{
	static const int64_t majors[] = { -1, 1, 8, 10, 136 }, minors[] = { -1, 0, 3, 229 };
	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct cgroup_device rules[6];
		struct cgroup_device_list list;
		struct bpf_insn *program;
		size_t n = rand() % 7, size;

		for (size_t i = 0; i < n; i++)
			rules[i] = (struct cgroup_device){ .allow = rand() % 2,
							   .type = "abc"[rand() % 3],
							   .major = majors[rand() % 5],
							   .minor = minors[rand() % 4],
							   .access = 1 + rand() % 7 };
		assert_int_equal(cgroup_devices_normalise(rules, n, &list), 0);
		assert_int_equal(cgroup_bpf_program(&list, &program, &size), 0);
		for (int t = 0; t < 2; t++)
			for (int a = 1; a < 5; a++)
				for (int b = 1; b < 4; b++)
					for (unsigned int bit = 1; bit < 8; bit *= 2) {
						struct bpf_cgroup_dev_ctx ctx = {
							.access_type = bit << 16 | (t ? 2 : 1),
							.major = majors[a],
							.minor = minors[b]
						};

						assert_int_equal(interpret(program, size, &ctx),
								 allowed(rules, n, t ? 'c' : 'b',
									 majors[a], minors[b],
									 bit));
					}
		free(program);
		free(list.rules);
	}
}

static void scopes_have_a_place(void **state)
{
	static const struct {
		const char *path, *want;
	} good[] = { { "system.slice:docker:abc", "system.slice/docker-abc.scope" },
		     { ":docker:abc", "system.slice/docker-abc.scope" },
		     { "a-b-c.slice::x", "a.slice/a-b.slice/a-b-c.slice/x.scope" },
		     { "-.slice:p:x", "p-x.scope" },
		     { NULL, "system.slice/cloister-id.scope" } };
	static const char *const bad[] = { "/system.slice/x", "a:b",	      "a.slice:b:",
					   "a--b.slice:p:n",  "-a.slice:p:n", "a-.slice:p:n",
					   "a/b.slice:p:n",   "x:p:n",	      ".slice:p:n",
					   "a.slice:p:n/m",   "a.slice:p:n:m" };
	struct scope scope;

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autoptr(GError) error = NULL;

		if (!scope_parse(good[i].path, "id", &scope, &error))
			fail_msg("%s: %s", good[i].path, error->message);
		assert_string_equal(scope.path, good[i].want);
		scope_clear(&scope);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		assert_false(scope_parse(bad[i], "id", &scope, &error));
		assert_non_null(strstr(error->message, "linux.cgroupsPath"));
	}
}

static void limits_become_properties(void **state)
{
	struct cgroups v2 = { .n = 1, .h = { { .v2 = true } } };
	struct cgroups v1 = { .n = 1 };
	struct cgroup_limits l = { .memory = 1000,
				   .memory_swap = 3000,
				   .cpu_quota = 33333,
				   .cpu_shares = 1024,
				   .cpuset_cpus = "0,9",
				   .pids = -1 };
	g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);
	static const char *const want[] = { "CPUQuotaPerSecUSec=uint64 340000",
					    "TasksMax=uint64 18446744073709551615",
					    "MemoryMax=uint64 1000",
					    "MemorySwapMax=uint64 2000",
					    "CPUWeight=uint64 100",
					    "AllowedCPUs=[byte 0x01, 0x02]" };

	scope_properties(&v2, &l, args);
	assert_int_equal(args->len, G_N_ELEMENTS(want));
	for (guint i = 0; i < args->len; i++)
		assert_string_equal(args->pdata[i], want[i]);
	g_ptr_array_set_size(args, 0);
	scope_properties(&v1, &l, args);
	assert_string_equal(args->pdata[2], "MemoryLimit=uint64 1000");
	assert_string_equal(args->pdata[3], "CPUShares=uint64 1024");
	assert_int_equal(args->len, 4);
	scope_device_properties(&v1, &l, args);
	assert_string_equal(args->pdata[4], "DevicePolicy='strict'");
	assert_non_null(strstr(args->pdata[5], "('/dev/char/1:3', 'rwm')"));
}

static void enter_v1(const struct cgroups *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (!cg->h[i].v2 && cg->h[i].dir_fd >= 0)
			fd_write_file_at(cg->h[i].dir_fd, "cgroup.procs", "0");
}

/* While a child, which is what cannot be killed, tries to end itself, the lock is to be had. */
static void nobody_waits_for_it(int root, const struct cgroups *cg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		enter_v1(cg);
		_exit(reap_container(root, "stuck") == -EBUSY ? 0 : 1);
	}
	for (int i = 0; i < 10; i++) {
		int lock = rundir_lock(root);

		assert_true(lock >= 0);
		close(lock);
		usleep(50000);
	}
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The caller is what cannot be killed: cgroup_kill() passes over it. */
static void a_container_that_cannot_end_stays_on_record(void **state)
{
	struct rundir_record record = { .cgroup_own = true };
	int alive, root = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cgroups cg;
	bool stuck = false;
	int dir;

	if (geteuid() != 0 || cgroup_detect(&cg) < 0 || cg.n == 0) {
		print_message("not root, or no cgroups: nothing to try\n");
		return;
	}
	g_snprintf(record.cgroup, sizeof(record.cgroup), "test-reap %d", (int)getpid());
	assert_int_equal(cgroup_create(&cg, record.cgroup, what, sizeof(what)), 0);
	/* Not in v2: there cgroup.kill would end us. */
	for (int i = 0; i < cg.n; i++)
		stuck |= !cg.h[i].v2 && cg.h[i].dir_fd >= 0;
	dir = rundir_create(root, "stuck", &alive);
	assert_true(dir >= 0);
	assert_int_equal(rundir_write_record(dir, &record), 0);
	if (stuck)
		nobody_waits_for_it(root, &cg);
	assert_int_equal(rundir_read_record(dir, &record), 0);
	assert_int_equal(reap_container(root, "stuck"), 0);
	assert_int_equal(rundir_enter(root, "stuck"), -ENOENT);
	close(dir);
	close(alive);
	close(root);
	cgroup_free(&cg);
}

/* RLIMIT_RTPRIO as it comes out, or -1: none is set; what else is limited stays as it is. */
static int64_t realtime_of(int64_t soft, int64_t hard, int highest, int64_t *ret_hard)
{
	struct spec_rlimit other = { RLIMIT_NOFILE, 1000, 2000 };
	struct spec_rlimit asked = { RLIMIT_RTPRIO, soft, hard }, *l;
	struct spec_process p = { .warnings = g_ptr_array_new_with_free_func(g_free),
				  .rlimits = g_array_new(false, false, sizeof(other)) };
	int64_t result = -1;

	g_array_append_val(p.rlimits, other);
	if (soft >= 0)
		g_array_append_val(p.rlimits, asked);
	assert_true(limits_cap_realtime(&p, highest, NULL));
	for (guint i = 0; i < p.rlimits->len; i++) {
		l = &g_array_index(p.rlimits, struct spec_rlimit, i);
		if (l->resource == RLIMIT_NOFILE)
			assert_true(l->soft == 1000 && l->hard == 2000);
		if (l->resource != RLIMIT_RTPRIO)
			continue;
		assert_int_equal(result, -1);
		result = l->soft;
		*ret_hard = l->hard;
	}
	/* What is lowered is said. */
	assert_int_equal(p.warnings->len, soft >= 0 && *ret_hard < hard);
	g_array_unref(p.rlimits);
	g_ptr_array_unref(p.warnings);
	return result;
}

static void realtime_priorities_are_capped(void **state)
{
	int64_t hard = -1;

	assert_int_equal(realtime_of(-1, -1, SETTINGS_UNSET, &hard), -1);
	assert_int_equal(realtime_of(20, 30, SETTINGS_UNSET, &hard), 20);
	assert_int_equal(hard, 30);
	assert_int_equal(realtime_of(-1, -1, 10, &hard), 10);
	assert_int_equal(hard, 10);
	assert_int_equal(realtime_of(5, 10, 10, &hard), 5);
	assert_int_equal(hard, 10);
	assert_int_equal(realtime_of(5, 99, 10, &hard), 5);
	assert_int_equal(hard, 10);
	assert_int_equal(realtime_of(50, 99, 10, &hard), 10);
	assert_int_equal(hard, 10);
	assert_int_equal(realtime_of(50, 99, 0, &hard), 0);
	assert_int_equal(hard, 0);
	(void)state;
}

static bool may_begin(int policy, int priority, int highest)
{
	struct spec_process p = {
		.scheduler = { .present = true, .policy = policy, .priority = priority }
	};
	bool ok = limits_cap_realtime(&p, highest, NULL);

	if (p.rlimits)
		g_array_unref(p.rlimits);
	return ok;
}

static void who_begins_above_the_cap_does_not(void **state)
{
	assert_true(may_begin(SCHED_FIFO, 50, SETTINGS_UNSET));
	assert_true(may_begin(SCHED_OTHER, 0, 0));
	assert_true(may_begin(SCHED_FIFO, 10, 10));
	assert_false(may_begin(SCHED_FIFO, 11, 10));
	assert_false(may_begin(SCHED_RR, 1, 0));
	assert_true(may_begin(SCHED_DEADLINE, 0, SETTINGS_UNSET));
	assert_false(may_begin(SCHED_DEADLINE, 0, 99));
	(void)state;
}

static int set_up(void **state)
{
	strcpy(tmp, "/tmp/cloister-test-resources.XXXXXX");
	return mkdtemp(tmp) ? 0 : -1;
}

static int tear_down(void **state)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", tmp);

	return tmp[0] ? system(command) : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v2_files_are_written_in_units_of_v2),
		cmocka_unit_test(only_what_is_given_is_written),
		cmocka_unit_test(no_first_process_is_kept_out_by_a_limit_of_0),
		cmocka_unit_test(v1_has_files_of_its_own),
		cmocka_unit_test(a_missing_controller_is_named_and_nothing_is_written),
		cmocka_unit_test(the_program_does_what_the_rules_say),
		cmocka_unit_test(scopes_have_a_place),
		cmocka_unit_test(limits_become_properties),
		cmocka_unit_test(a_container_that_cannot_end_stays_on_record),
		cmocka_unit_test(realtime_priorities_are_capped),
		cmocka_unit_test(who_begins_above_the_cap_does_not),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
