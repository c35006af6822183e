/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sysctls the processes of a v2 cgroup may read and write: a program that the kernel runs at
 * each of these (linux/bpf.h, BPF_PROG_TYPE_CGROUP_SYSCTL, Linux 5.2), wherever the procfs is that
 * they opened it in. It knows names: those that somebody has put into a map, and all of the
 * network and user namespaces. Any other is EPERM.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include "lib/fd.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>

#define PROGRAM_NAME "cloister_sysctl"
#define NAME_LEN     64 /* longer names end there, with their NUL */
#define NAMES_MAX    1024

#define INSN(c, d, s, o, i)                                                                        \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define CLEAR(offset)	       INSN(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, offset, 0)
#define MOVE(d, s)	       INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define SET(d, i)	       INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD(d, i)	       INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define LOAD(d, offset)	       INSN(BPF_LDX | BPF_MEM | BPF_W, d, BPF_REG_10, offset, 0)
#define LOAD_BYTE(d, offset)   INSN(BPF_LDX | BPF_MEM | BPF_B, d, BPF_REG_10, offset, 0)
#define IF_EQUAL(d, i, by)     INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, by, i)
#define UNLESS_EQUAL(d, i, by) INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, by, i)
#define CALL(function)	       INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define EXIT		       INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define MAP(d, fd)	       INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

/* Four bytes of text as the processor loads them. */
static int32_t word(const char *text)
{
	int32_t w;

	memcpy(&w, text, sizeof(w));
	return w;
}

/**
 * cgroup_sysctls_new() - a map of names, empty
 *
 * Return: a descriptor, or -errno.
 */
int cgroup_sysctls_new(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_HASH,
				.key_size = NAME_LEN,
				.value_size = 1,
				.max_entries = NAMES_MAX,
				.map_flags = BPF_F_NO_PREALLOC };

	return cgroup_bpf_make(BPF_MAP_CREATE, &attr);
}

/**
 * cgroup_sysctls_allow() - put a sysctl into the map
 * @path: "proc/sys/kernel/panic"
 */
int cgroup_sysctls_allow(int names, const char *path)
{
	char name[NAME_LEN] = "", value = 0;
	union bpf_attr attr = { .map_fd = names };

	memcpy(name, path + strlen("proc/sys/"), strnlen(path + strlen("proc/sys/"), NAME_LEN - 1));
	attr.key = (uintptr_t)name;
	attr.value = (uintptr_t)&value;
	return cgroup_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static int load(int names)
{
	const struct bpf_insn insns[] = {
		CLEAR(-64),
		CLEAR(-56),
		CLEAR(-48),
		CLEAR(-40),
		CLEAR(-32),
		CLEAR(-24),
		CLEAR(-16),
		CLEAR(-8),
		MOVE(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -NAME_LEN),
		SET(BPF_REG_3, NAME_LEN),
		SET(BPF_REG_4, 0),
		CALL(BPF_FUNC_sysctl_get_name),
		LOAD(BPF_REG_1, -NAME_LEN),
		IF_EQUAL(BPF_REG_1, word("net/"), 11),
		UNLESS_EQUAL(BPF_REG_1, word("user"), 2),
		LOAD_BYTE(BPF_REG_1, -NAME_LEN + 4),
		IF_EQUAL(BPF_REG_1, '/', 8),
		MAP(BPF_REG_1, names),
		MOVE(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -NAME_LEN),
		CALL(BPF_FUNC_map_lookup_elem),
		UNLESS_EQUAL(BPF_REG_0, 0, 2),
		SET(BPF_REG_0, 0),
		EXIT,
		SET(BPF_REG_0, 1),
		EXIT,
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_SYSCTL,
				.expected_attach_type = BPF_CGROUP_SYSCTL };

	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	return cgroup_bpf_make(BPF_PROG_LOAD, &attr);
}

/**
 * cgroup_sysctls_attach() - nothing but what is in @names for the v2 cgroup @cgroup_fd, and what is
 * below it
 *
 * Programs of others are asked too, and all have to agree. It stays as long as the cgroup.
 */
int cgroup_sysctls_attach(int cgroup_fd, int names)
{
	union bpf_attr attr = { .target_fd = cgroup_fd,
				.attach_type = BPF_CGROUP_SYSCTL,
				.attach_flags = BPF_F_ALLOW_MULTI };
	autofd program = load(names);

	if (program < 0)
		return program;
	attr.attach_bpf_fd = program;
	return cgroup_bpf(BPF_PROG_ATTACH, &attr);
}
