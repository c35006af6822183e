/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that a container's processes bring before the warden.
 *
 * The filter is loaded in addition to that of the container's profile, and each decides for itself:
 * the kernel takes the strictest answer, so that what the profile refuses is never notified. What
 * is not in the table is allowed whatever its arguments, which the kernel (since 5.11) finds out
 * once when the filter is loaded: ordinary calls cost nothing.
 *
 * What can be told from the numbers among the arguments is told here, without a notification; what
 * pointers lead to the warden has to look at.
 */
#include "config.h"
#include "lib/mediate.h"

#include <linux/audit.h>
#include <string.h>

#define X32_BIT 0x40000000U

struct abi {
	uint32_t arch;
	uint32_t ignore; /* bits of the number that make no difference */
	enum mediate_abi layout;
	uint16_t number[MEDIATE_CALLS]; /* 0: it has none */
};

/* The calls that differ; from 424 on all architectures count alike. */
static const struct abi abis[] = {
#if defined(__x86_64__)
	/* x32 has its own bit, and these numbers. */
	{ AUDIT_ARCH_X86_64,
	  X32_BIT,
	  MEDIATE_ABI_NATIVE,
	  { [MEDIATE_SYSINFO] = 99, [MEDIATE_GETAFFINITY] = 204 } },
	{ AUDIT_ARCH_I386,
	  0,
	  MEDIATE_ABI_COMPAT,
	  { [MEDIATE_SYSINFO] = 116, [MEDIATE_GETAFFINITY] = 242 } },
#elif defined(__aarch64__)
	{ AUDIT_ARCH_AARCH64,
	  0,
	  MEDIATE_ABI_NATIVE,
	  { [MEDIATE_SYSINFO] = 179, [MEDIATE_GETAFFINITY] = 123 } },
	{ AUDIT_ARCH_ARM,
	  0,
	  MEDIATE_ABI_COMPAT,
	  { [MEDIATE_SYSINFO] = 116, [MEDIATE_GETAFFINITY] = 242 } },
#else
#error "which numbers do the mediated calls have here?"
#endif
};
#define N_ABIS (sizeof(abis) / sizeof(abis[0]))

static const char *const names[MEDIATE_CALLS] = {
	[MEDIATE_SYSINFO] = "sysinfo",
	[MEDIATE_GETAFFINITY] = "sched_getaffinity",
};

const char *mediate_name(enum mediate_call call)
{
	return call < MEDIATE_CALLS && names[call] ? names[call] : "none";
}

/**
 * mediate_identify() - which of our calls a notification is about
 * @abi: set to how its caller lays out structures
 */
enum mediate_call mediate_identify(const struct seccomp_data *data, enum mediate_abi *abi)
{
	for (size_t i = 0; i < N_ABIS; i++) {
		if (abis[i].arch != data->arch)
			continue;
		*abi = abis[i].layout;
		for (int call = 0; call < MEDIATE_CALLS; call++)
			if (abis[i].number[call] &&
			    abis[i].number[call] == ((uint32_t)data->nr & ~abis[i].ignore))
				return call;
	}
	*abi = MEDIATE_ABI_NATIVE;
	return MEDIATE_NONE;
}

/* The program as it grows. Jumps lead forward only, and never far. */
struct program {
	struct sock_filter *code;
	size_t len;
	uint32_t action;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (p->len < MEDIATE_FILTER_MAX)
		p->code[p->len] = (struct sock_filter){ code, yes, no, k };
	p->len++;
}

static void put_load(struct program *p, uint32_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void put_jump(struct program *p, uint16_t op, uint32_t k, uint8_t yes, uint8_t no)
{
	put(p, BPF_JMP | BPF_K | op, k, yes, no);
}

static void put_return(struct program *p, uint32_t value)
{
	put(p, BPF_RET | BPF_K, value, 0, 0);
}

/* What becomes of a call whose number was recognised: ends in a return on each way. */
static void put_decision(struct program *p, enum mediate_call call)
{
	(void)call;
	put_return(p, p->action);
}

static void put_call(struct program *p, const struct abi *abi, enum mediate_call call)
{
	size_t jump = p->len;

	put_jump(p, BPF_JEQ, abi->number[call], 0, 0);
	put_decision(p, call);
	if (jump < MEDIATE_FILTER_MAX)
		p->code[jump].jf = p->len - jump - 1;
}

static void put_abi(struct program *p, const struct abi *abi, unsigned int calls)
{
	size_t jump = p->len;

	put_jump(p, BPF_JEQ, abi->arch, 0, 0);
	put_load(p, offsetof(struct seccomp_data, nr));
	if (abi->ignore)
		put(p, BPF_ALU | BPF_AND | BPF_K, ~abi->ignore, 0, 0);
	for (int call = 0; call < MEDIATE_CALLS; call++)
		if (abi->number[call] && (calls & MEDIATE_BIT(call)))
			put_call(p, abi, call);
	put_return(p, SECCOMP_RET_ALLOW);
	if (jump < MEDIATE_FILTER_MAX)
		p->code[jump].jf = p->len - jump - 1;
}

/**
 * mediate_filter() - the filter that answers @action for @calls, and allows all else
 * @calls: MEDIATE_BIT() of each
 * @action: SECCOMP_RET_USER_NOTIF, or what is done where nobody listens
 *
 * Return: number of instructions, 0 if there is nothing to notify.
 */
size_t mediate_filter(struct sock_filter filter[MEDIATE_FILTER_MAX], unsigned int calls,
		      uint32_t action)
{
	struct program p = { .code = filter, .action = action };

	if (!calls)
		return 0;
	put_load(&p, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < N_ABIS; i++)
		put_abi(&p, &abis[i], calls);
	put_return(&p, SECCOMP_RET_ALLOW);
	return p.len <= MEDIATE_FILTER_MAX ? p.len : 0;
}
