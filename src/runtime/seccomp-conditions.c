/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules with conditions on arguments, compiled here: in the order of the profile, the first whose
 * conditions all hold decides.
 *
 * Why not by libseccomp, which does the rest: with several rules for one call, 2.5.4 takes the
 * default action although a later rule holds, when an earlier one held in part (tests/unit/
 * test-seccomp.c finds such profiles within a second), and on some it does not end. Only what it
 * alone knows is left to it: the calls that i386 multiplexes (socketcall, ipc).
 *
 * What is put in front of libseccomp's filter, per ABI:
 *
 *            ld   arch
 *            jeq  ARCH, 1, 0
 *            ja   next ABI
 *            ld   nr
 *            jeq  NUMBER, 1, 0        one call
 *            ja   next call
 *            …                        a rule: its conditions, each ends in "ja next rule"
 *            ret  ACTION
 *            ret  DEFAULT
 */
#include "config.h"
#include "runtime/seccomp-internal.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

static size_t put(GArray *code, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	struct sock_filter f = { op, jt, jf, k };

	g_array_append_val(code, f);
	return code->len - 1;
}

static void load(GArray *code, size_t offset)
{
	put(code, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* A jump whose target is not known yet. */
static size_t put_jump(GArray *code)
{
	return put(code, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void land(GArray *code, size_t jump)
{
	g_array_index(code, struct sock_filter, jump).k = code->len - jump - 1;
}

static size_t offset_of(unsigned int arg, bool high)
{
	bool second = high == (G_BYTE_ORDER == G_LITTLE_ENDIAN);

	return offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t) + (second ? 4 : 0);
}

/* A comparison of 64 bits in two steps; those that are the contrary of another are turned round. */
struct comparison {
	bool equal;    /* else greater */
	bool or_equal; /* greater or equal */
	bool contrary;
	uint64_t mask, value;
};

static struct comparison comparison_of(const struct scmp_arg_cmp *c)
{
	struct comparison r = { .mask = UINT64_MAX, .value = c->datum_a };

	r.equal = c->op == SCMP_CMP_EQ || c->op == SCMP_CMP_NE || c->op == SCMP_CMP_MASKED_EQ;
	r.or_equal = c->op == SCMP_CMP_GE || c->op == SCMP_CMP_LT;
	r.contrary = c->op == SCMP_CMP_NE || c->op == SCMP_CMP_LT || c->op == SCMP_CMP_LE;
	if (c->op == SCMP_CMP_MASKED_EQ) {
		r.mask = c->datum_a;
		r.value = c->datum_b & c->datum_a;
	}
	return r;
}

static void put_half(GArray *code, unsigned int arg, bool high, uint32_t mask)
{
	load(code, offset_of(arg, high));
	if (mask != UINT32_MAX)
		put(code, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
}

/*
 * Falls through if the condition holds. Return: the jump taken if it does not.
 *
 * The last instruction is that jump, "no"; what comes after it is "yes".
 */
static size_t put_condition(GArray *code, const struct scmp_arg_cmp *cmp, bool narrow)
{
	struct comparison c = comparison_of(cmp);
	size_t above = 0, differs = 0, last, no;
	uint16_t op = c.equal ? BPF_JEQ : c.or_equal ? BPF_JGE : BPF_JGT;
	struct sock_filter *f;

	if (!narrow) {
		put_half(code, cmp->arg, true, c.mask >> 32);
		if (!c.equal)
			above = put(code, BPF_JMP | BPF_JGT | BPF_K, c.value >> 32, 0, 0);
		differs = put(code, BPF_JMP | BPF_JEQ | BPF_K, c.value >> 32, 0, 0);
	}
	put_half(code, cmp->arg, false, c.mask);
	last = put(code, BPF_JMP | op | BPF_K, (uint32_t)c.value, 0, 0);
	no = put_jump(code);
	f = &g_array_index(code, struct sock_filter, 0);
	f[last].jt = c.contrary ? 0 : 1;
	f[last].jf = c.contrary ? 1 : 0;
	if (above)
		f[above].jt = no - above - 1 + (c.contrary ? 0 : 1);
	if (differs)
		f[differs].jf = no - differs - 1 + (c.contrary ? 1 : 0);
	return no;
}

static void put_rule(GArray *code, const struct seccomp_rule *rule, size_t first, size_t n,
		     bool narrow)
{
	g_autofree size_t *jumps = g_new(size_t, n + 1);

	for (size_t i = 0; i < n; i++)
		jumps[i] = put_condition(code, &rule->cmp[first + i], narrow);
	put(code, BPF_RET | BPF_K, rule->action, 0, 0);
	for (size_t i = 0; i < n; i++)
		land(code, jumps[i]);
}

static void put_call(GArray *code, const struct seccomp_call *call, uint32_t number,
		     uint32_t default_action, bool narrow)
{
	size_t other;

	put(code, BPF_JMP | BPF_JEQ | BPF_K, number, 1, 0);
	other = put_jump(code);
	for (guint i = 0; i < call->rules->len; i++) {
		const struct seccomp_rule *rule = g_ptr_array_index(call->rules, i);

		if (!rule->any)
			put_rule(code, rule, 0, rule->n, narrow);
		for (size_t k = 0; rule->any && k < rule->n; k++)
			put_rule(code, rule, k, 1, narrow);
	}
	put(code, BPF_RET | BPF_K, default_action, 0, 0);
	land(code, other);
}

static void put_abi(GArray *code, uint32_t token, GPtrArray *calls, uint32_t default_action)
{
	/* Of the 64-bit ABIs the numbers are distinct: bit 30 is x32's. */
	uint32_t arch = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token;
	/* The kernel gives i386 32 bits of each; of x32 libseccomp looks at no more either. */
	bool narrow = !(arch & __AUDIT_ARCH_64BIT) || token == SCMP_ARCH_X32;
	size_t other;

	load(code, offsetof(struct seccomp_data, arch));
	put(code, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
	other = put_jump(code);
	load(code, offsetof(struct seccomp_data, nr));
	for (guint i = 0; i < calls->len; i++) {
		const struct seccomp_call *call = g_ptr_array_index(calls, i);
		int number = seccomp_syscall_resolve_name_arch(token, call->name);

		if (number >= 0)
			put_call(code, call, number, default_action, narrow);
	}
	land(code, other);
}

/**
 * seccomp_prepend() - put @code in front of @filter
 *
 * Return: false if the result is longer than the kernel takes.
 */
bool seccomp_prepend(struct sock_fprog *filter, const struct sock_filter *code, size_t len)
{
	struct sock_filter *whole;

	if (len == 0)
		return true;
	if (filter->len + len > SECCOMP_MAX_LEN)
		return false;
	whole = g_new(struct sock_filter, filter->len + len);
	memcpy(whole, code, len * sizeof(*whole));
	memcpy(whole + len, filter->filter, filter->len * sizeof(*whole));
	g_free(filter->filter);
	filter->filter = whole;
	filter->len += len;
	return true;
}

/**
 * seccomp_prepend_conditions() - have @filter decide on @calls (struct seccomp_call *) first
 */
bool seccomp_prepend_conditions(struct sock_fprog *filter, GPtrArray *calls,
				const struct seccomp_newest *abis, size_t n,
				uint32_t default_action)
{
	g_autoptr(GArray) code = g_array_new(false, false, sizeof(struct sock_filter));

	for (size_t i = 0; calls->len > 0 && i < n; i++)
		put_abi(code, abis[i].token, calls, default_action);
	return seccomp_prepend(filter, (const struct sock_filter *)(void *)code->data, code->len);
}
