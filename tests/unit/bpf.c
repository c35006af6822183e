/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a seccomp filter decides: the part of classic BPF that the kernel allows there.
 */
#include "config.h"
#include "bpf.h"

#include <string.h>

static uint32_t operand(const struct sock_filter *i, uint32_t x)
{
	return BPF_SRC(i->code) == BPF_X ? x : i->k;
}

static int compare(const struct sock_filter *i, uint32_t a, uint32_t x)
{
	uint32_t k = operand(i, x);

	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return (a & k) != 0;
	default:
		return -1;
	}
}

uint32_t bpf_run(const struct sock_fprog *program, const struct seccomp_data *data)
{
	uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = { 0 };

	for (unsigned int pc = 0; pc < program->len; pc++) {
		const struct sock_filter *i = &program->filter[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k % 4 || i->k >= sizeof(*data))
				return BPF_BROKEN;
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			continue;
		case BPF_LD | BPF_MEM:
			a = memory[i->k % BPF_MEMWORDS];
			continue;
		case BPF_ST:
			memory[i->k % BPF_MEMWORDS] = a;
			continue;
		case BPF_MISC | BPF_TAX:
			x = a;
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		}
		if (BPF_CLASS(i->code) != BPF_JMP || compare(i, a, x) < 0)
			return BPF_BROKEN;
		pc += compare(i, a, x) ? i->jt : i->jf;
	}
	return BPF_BROKEN;
}
