/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that are newer than a profile: ENOSYS instead of the profile's default action.
 *
 * A C library tries a new call (clone3, faccessat2, …) and takes the old one on ENOSYS. A profile
 * that was written before the call existed answers EPERM, which the library hands to the program.
 * Numbers are given out in ascending order, so what lies above the highest number that a profile
 * names is what its author cannot have known. As in runc this is judged per ABI.
 *
 * It costs the calls that the profile allows nothing: the kernel (since 5.11) evaluates a filter
 * once per number at load time and keeps a bitmap of those that are allowed whatever their
 * arguments.
 *
 * The code that is put in front has one block per architecture. It may use the accumulator, since
 * what follows begins by loading it:
 *
 *            ld   arch
 *            jeq  ARCH, 0, next           one block
 *            ld   nr
 *            jgt  NEWEST, 0, 1
 *            ret  ERRNO(ENOSYS)
 *            ja   filter
 *   next:    …
 *
 * x86_64 and x32 are one architecture to the kernel and differ in bit 30 of the number:
 *
 *            jset X32_BIT, 1, 0
 *            jgt  NEWEST_64, 1, 2
 *            jgt  NEWEST_X32, 0, 1
 */
#include "config.h"
#include "runtime/seccomp-internal.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#define X32_BIT 0x40000000U

/* Nothing is greater: the filter proper decides. */
#define NEVER UINT32_MAX

#define LOAD(field)                                                                                \
	(struct sock_filter)                                                                       \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JUMP(op, k, t, f) (struct sock_filter) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, t, f)
#define RET_ENOSYS	  (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)

/* Longest block, and what precedes them all. */
#define BLOCK_MAX 7
#define STUB_MAX  (1 + BLOCK_MAX * SECCOMP_MAX_ARCHS)

static uint32_t newest_of(const struct seccomp_newest *newest, size_t n, uint32_t token)
{
	for (size_t i = 0; i < n; i++)
		if (newest[i].token == token && newest[i].number > 0)
			return newest[i].number;
	return NEVER;
}

static size_t put_block(struct sock_filter *p, uint32_t arch, uint32_t number)
{
	const struct sock_filter block[] = {
		JUMP(BPF_JEQ, arch, 0, 4), LOAD(nr), JUMP(BPF_JGT, number, 0, 1), RET_ENOSYS,
		JUMP(BPF_JA, 0, 0, 0),
	};

	memcpy(p, block, sizeof(block));
	return G_N_ELEMENTS(block);
}

static size_t put_x86_64(struct sock_filter *p, uint32_t number, uint32_t x32_number)
{
	const struct sock_filter block[] = {
		JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 0, 6),
		LOAD(nr),
		JUMP(BPF_JSET, X32_BIT, 1, 0),
		JUMP(BPF_JGT, number, 1, 2),
		JUMP(BPF_JGT, x32_number, 0, 1),
		RET_ENOSYS,
		JUMP(BPF_JA, 0, 0, 0),
	};

	memcpy(p, block, sizeof(block));
	return G_N_ELEMENTS(block);
}

static size_t put_stub(struct sock_filter *stub, const struct seccomp_newest *newest, size_t n)
{
	uint32_t x86_64 = newest_of(newest, n, SCMP_ARCH_X86_64);
	uint32_t x32 = newest_of(newest, n, SCMP_ARCH_X32);
	size_t len = 0;

	stub[len++] = LOAD(arch);
	if (x86_64 != NEVER || x32 != NEVER)
		len += put_x86_64(stub + len, x86_64, x32);
	for (size_t i = 0; i < n; i++) {
		uint32_t token = newest[i].token;

		/* But for x32 libseccomp's names for architectures are the kernel's numbers. */
		if (token != SCMP_ARCH_X86_64 && token != SCMP_ARCH_X32 && newest[i].number > 0)
			len += put_block(stub + len, token, newest[i].number);
	}
	for (size_t i = 0; i < len; i++)
		if (stub[i].code == (BPF_JMP | BPF_JA | BPF_K))
			stub[i].k = len - i - 1;
	return len > 1 ? len : 0;
}

/**
 * seccomp_prepend_enosys() - have @filter answer ENOSYS to numbers above those in @newest
 * @filter: reallocated
 * @newest: per ABI the highest number that the profile names; 0: it names none, and nothing changes
 *
 * Return: false if the result is longer than the kernel takes.
 */
bool seccomp_prepend_enosys(struct sock_fprog *filter, const struct seccomp_newest *newest,
			    size_t n)
{
	struct sock_filter stub[STUB_MAX];
	size_t len = put_stub(stub, newest, MIN(n, SECCOMP_MAX_ARCHS));

	return seccomp_prepend(filter, stub, len);
}
