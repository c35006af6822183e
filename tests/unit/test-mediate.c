/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warden's filter: which calls it notifies, by which numbers, and with which arguments.
 */
#include "config.h"
#include "bpf.h"
#include "lib/mediate.h"

#include <errno.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NOTIFY SECCOMP_RET_USER_NOTIF
#define ALLOW  SECCOMP_RET_ALLOW
#define ALL    (~0U)

static uint32_t decide(unsigned int calls, uint32_t arch, int nr, const uint64_t args[6])
{
	struct sock_filter code[MEDIATE_FILTER_MAX];
	struct sock_fprog program = { .filter = code, .len = mediate_filter(code, calls, NOTIFY) };
	struct seccomp_data data = { .nr = nr, .arch = arch };

	assert_true(program.len > 0);
	if (args)
		memcpy(data.args, args, sizeof(data.args));
	return bpf_run(&program, &data);
}

static void test_numbers(void **state)
{
	(void)state;
#ifdef __x86_64__
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 99, NULL), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 99 | 0x40000000, NULL), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_I386, 116, NULL), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_I386, 99, NULL), ALLOW);
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 116, NULL), ALLOW);
#endif
	/* Another machine's. */
	assert_int_equal(decide(ALL, AUDIT_ARCH_S390X, 99, NULL), ALLOW);
}

static void test_only_wanted(void **state)
{
	unsigned int sysinfo = MEDIATE_BIT(MEDIATE_SYSINFO);
	struct sock_filter code[MEDIATE_FILTER_MAX];

	(void)state;
	assert_int_equal(mediate_filter(code, 0, NOTIFY), 0);
#ifdef __x86_64__
	assert_int_equal(decide(sysinfo, AUDIT_ARCH_X86_64, 99, NULL), NOTIFY);
	assert_int_equal(decide(sysinfo, AUDIT_ARCH_X86_64, 204, NULL), ALLOW);
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 204, NULL), NOTIFY);
#endif
}

/* What is not ours is decided by the number alone: the kernel keeps that in a bitmap. */
static void test_others_by_number(void **state)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64 };
	const uint64_t ones[6] = { ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL };

	(void)state;
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		for (int nr = 0; nr < 600; nr++) {
			const struct seccomp_data data = { .nr = nr, .arch = archs[i] };
			enum mediate_abi abi;

			if (mediate_identify(&data, &abi) != MEDIATE_NONE)
				continue;
			assert_int_equal(decide(ALL, archs[i], nr, NULL), ALLOW);
			assert_int_equal(decide(ALL, archs[i], nr, ones), ALLOW);
		}
}

static void test_identify(void **state)
{
	struct seccomp_data data = { .arch = AUDIT_ARCH_I386, .nr = 116 };
	enum mediate_abi abi;

	(void)state;
#ifdef __x86_64__
	assert_int_equal(mediate_identify(&data, &abi), MEDIATE_SYSINFO);
	assert_int_equal(abi, MEDIATE_ABI_COMPAT);
	data = (struct seccomp_data){ .arch = AUDIT_ARCH_X86_64, .nr = 99 | 0x40000000 };
	assert_int_equal(mediate_identify(&data, &abi), MEDIATE_SYSINFO);
	assert_int_equal(abi, MEDIATE_ABI_NATIVE);
#endif
	data = (struct seccomp_data){ .arch = AUDIT_ARCH_X86_64, .nr = 0 };
	assert_int_equal(mediate_identify(&data, &abi), MEDIATE_NONE);
	data.arch = 1;
	assert_int_equal(mediate_identify(&data, &abi), MEDIATE_NONE);
}

static uint32_t decide_mount(uint64_t flags)
{
	const uint64_t args[6] = { 1, 2, 3, flags, 5, 0 };

	return decide(ALL, AUDIT_ARCH_X86_64, 165, args);
}

/* The filter and the warden read the flags alike, and as the kernel does. */
static void test_mount_flags(void **state)
{
	static const uint64_t bits[] = { MS_RDONLY,  MS_REMOUNT, MS_BIND,   MS_MOVE,  MS_REC,
					 MS_PRIVATE, MS_SLAVE,	 MS_SHARED, MS_NOSUID };
	const size_t n = sizeof(bits) / sizeof(bits[0]);

	(void)state;
	assert_int_equal(decide_mount(0), NOTIFY);
	assert_int_equal(decide_mount(MS_MGC_VAL), NOTIFY);
	assert_int_equal(decide_mount(MS_BIND | MS_REC), ALLOW);
	assert_int_equal(decide_mount(MS_REMOUNT | MS_BIND | MS_RDONLY), NOTIFY);
	assert_int_equal(decide_mount(MS_REMOUNT | MS_BIND), ALLOW);
	for (size_t set = 0; set < (1U << n); set++)
		for (int magic = 0; magic < 2; magic++) {
			uint64_t flags = magic ? MS_MGC_VAL : 0;

			for (size_t i = 0; i < n; i++)
				flags |= set >> i & 1 && !(magic && bits[i] > 0xffff) ? bits[i] : 0;
			assert_int_equal(decide_mount(flags),
					 mediate_mount_kind(flags) == MEDIATE_MOUNT_OTHER ? ALLOW
											  : NOTIFY);
		}
}

static void test_other_flags(void **state)
{
	uint64_t args[6] = { 0 };

	(void)state;
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 166, args), NOTIFY);
	args[1] = MNT_DETACH;
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 166, args), ALLOW);
	assert_int_equal(decide(ALL, AUDIT_ARCH_I386, 22, args), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 442, args), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 467, args), SECCOMP_RET_ERRNO | ENOSYS);
	args[2] = 0x8000; /* AT_RECURSIVE */
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 442, args), ALLOW);
	args[2] = 1; /* OPEN_TREE_CLONE */
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 467, args), ALLOW);
}

/* Attributes of one byte, and where their size cannot be seen. */
static void test_attributes(void **state)
{
	static const struct {
		uint32_t arch;
		int nr;
	} calls[] = { { AUDIT_ARCH_X86_64, 188 }, { AUDIT_ARCH_X86_64, 189 },
		      { AUDIT_ARCH_X86_64, 190 }, { AUDIT_ARCH_I386, 226 },
		      { AUDIT_ARCH_I386, 227 },	  { AUDIT_ARCH_I386, 228 } };
	uint64_t args[6] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		args[3] = 1;
		assert_int_equal(decide(ALL, calls[i].arch, calls[i].nr, args), NOTIFY);
		args[3] = 2;
		assert_int_equal(decide(ALL, calls[i].arch, calls[i].nr, args), ALLOW);
		args[3] = 0;
		assert_int_equal(decide(ALL, calls[i].arch, calls[i].nr, args), ALLOW);
	}
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 463, args), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_I386, 463, args), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 167, args), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 168, args), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_I386, 87, args), NOTIFY);
	assert_int_equal(decide(ALL, AUDIT_ARCH_I386, 115, args), NOTIFY);
}

static uint32_t decide_mknod(uint32_t arch, int nr, int at, uint64_t mode, uint64_t dev)
{
	uint64_t args[6] = { 0 };

	args[1 + at] = mode;
	args[2 + at] = dev;
	return decide(ALL, arch, nr, args);
}

/* Character devices are looked at; all else, and whiteouts, is the kernel's. */
static void test_mknod(void **state)
{
	static const struct {
		uint32_t arch;
		int nr, at;
	} calls[] = { { AUDIT_ARCH_X86_64, 133, 0 },
		      { AUDIT_ARCH_X86_64, 259, 1 },
		      { AUDIT_ARCH_I386, 14, 0 },
		      { AUDIT_ARCH_I386, 297, 1 } };
	static const unsigned int others[] = { S_IFREG, S_IFBLK, S_IFIFO, S_IFSOCK, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		uint32_t arch = calls[i].arch;
		int nr = calls[i].nr, at = calls[i].at;

		assert_int_equal(decide_mknod(arch, nr, at, S_IFCHR | 0666, 0x103), NOTIFY);
		assert_int_equal(decide_mknod(arch, nr, at, S_IFCHR, ~0ULL), NOTIFY);
		assert_int_equal(decide_mknod(arch, nr, at, S_IFCHR, 0), ALLOW);
		/* The kernel reads a 32-bit number. */
		assert_int_equal(decide_mknod(arch, nr, at, S_IFCHR, 1ULL << 32), ALLOW);
		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
			assert_int_equal(decide_mknod(arch, nr, at, others[j] | 07777, 0x103),
					 ALLOW);
	}
}

/* Refused by the filter itself, whoever listens. */
static void test_syslog(void **state)
{
	(void)state;
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 103, NULL), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decide(ALL, AUDIT_ARCH_X86_64, 103 | 0x40000000, NULL),
			 SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decide(ALL, AUDIT_ARCH_I386, 103, NULL), SECCOMP_RET_ERRNO | EPERM);
}

static void test_of_the_machine(void **state)
{
	static const struct {
		uint32_t arch;
		int nr;
	} calls[] = { { AUDIT_ARCH_X86_64, 136 },
		      { AUDIT_ARCH_X86_64, 139 },
		      { AUDIT_ARCH_X86_64, 139 | 0x40000000 },
		      { AUDIT_ARCH_I386, 62 },
		      { AUDIT_ARCH_I386, 135 } };

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_int_equal(decide(ALL, calls[i].arch, calls[i].nr, NULL),
				 SECCOMP_RET_ERRNO | ENOSYS);
}

static void test_perf(void **state)
{
	static const struct {
		uint32_t arch;
		int nr;
	} calls[] = { { AUDIT_ARCH_X86_64, 298 },
		      { AUDIT_ARCH_X86_64, 298 | 0x40000000 },
		      { AUDIT_ARCH_I386, 336 } };

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		uint64_t args[6] = { 0 };

		assert_int_equal(decide(ALL, calls[i].arch, calls[i].nr, args), ALLOW);
		/* The kernel reads a 32-bit number. */
		args[1] = UINT32_MAX;
		assert_int_equal(decide(ALL, calls[i].arch, calls[i].nr, args),
				 SECCOMP_RET_ERRNO | EACCES);
		args[1] = ~0ULL;
		assert_int_equal(decide(ALL, calls[i].arch, calls[i].nr, args),
				 SECCOMP_RET_ERRNO | EACCES);
	}
}

static void test_labels(void **state)
{
	static const char *const confined[] = {
		"docker-default (enforce)",
		"docker-default (complain)",
		"unconfined-tool (enforce)",
		"docker-default//&:ns:unconfined (mixed)",
		":a:unconfined_b (enforce)",
		"system_u:system_r:container_t:s0:c1,c2",
		"unconfined_u:unconfined_r:container_t:s0",
		"unconfined_u:system_r:container_t:s0-s0:c0.c1023",
		"a:b:spc_tool_t:s0",
		"anything else",
	};
	static const char *const free[] = {
		"unconfined",
		"kernel",
		"crun (unconfined)",
		"system_u:system_r:spc_t:s0",
		"system_u:system_r:spc_t",
		"unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023",
		"system_u:system_r:unconfined_service_t:s0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(confined) / sizeof(confined[0]); i++)
		assert_true(mediate_label_confines(confined[i]));
	for (size_t i = 0; i < sizeof(free) / sizeof(free[0]); i++)
		assert_false(mediate_label_confines(free[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_only_wanted),
		cmocka_unit_test(test_others_by_number),
		cmocka_unit_test(test_identify),
		cmocka_unit_test(test_labels),
#ifdef __x86_64__
		cmocka_unit_test(test_mount_flags),
		cmocka_unit_test(test_other_flags),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_mknod),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_of_the_machine),
		cmocka_unit_test(test_perf),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
