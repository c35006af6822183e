/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules in cgroup v2: a program that the kernel runs when a process of the cgroup opens a
 * device or makes a node (linux/bpf.h, BPF_PROG_TYPE_CGROUP_DEVICE). By bpf(2) itself: a handful
 * of instructions needs no library.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"

/* By this name an update finds what it has to replace; others' programs stay. */
#define PROGRAM_NAME "cloister_dev"
#define MAX_PROGRAMS 64

#define INSN(c, d, s, o, i)                                                                        \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define LOAD(d, offset)	   INSN(BPF_LDX | BPF_MEM | BPF_W, d, BPF_REG_1, offset, 0)
#define MOVE(d, s)	   INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define SET(d, i)	   INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define AND(d, i)	   INSN(BPF_ALU64 | BPF_AND | BPF_K, d, 0, 0, i)
#define SHIFT_RIGHT(d, i)  INSN(BPF_ALU64 | BPF_RSH | BPF_K, d, 0, 0, i)
#define UNLESS_EQUAL(d, i) INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, 0, i)
#define IF_EQUAL(d, i)	   INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, 0, i)
#define EXIT		   INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

enum { TYPE = BPF_REG_2, ACCESS = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5 };

#define HEAD_INSNS 6
#define RULE_INSNS 8
#define TAIL_INSNS 2
#define ALL_ACCESS (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* CGROUP_DEVICE_* are the kernel's numbers. */
_Static_assert((int)CGROUP_DEVICE_MKNOD == BPF_DEVCG_ACC_MKNOD, "mknod");
_Static_assert((int)CGROUP_DEVICE_READ == BPF_DEVCG_ACC_READ, "read");
_Static_assert((int)CGROUP_DEVICE_WRITE == BPF_DEVCG_ACC_WRITE, "write");

static struct bpf_insn *put_head(struct bpf_insn *p)
{
	*p++ = LOAD(TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	*p++ = MOVE(ACCESS, TYPE);
	*p++ = AND(TYPE, 0xffff);
	*p++ = SHIFT_RIGHT(ACCESS, 16);
	*p++ = LOAD(MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	*p++ = LOAD(MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	return p;
}

/*
 * One rule. It fits if it allows all that is asked for, or denies any of it (r0 holds the bits that
 * decide); else on to the next.
 */
static struct bpf_insn *put_rule(struct bpf_insn *p, const struct cgroup_device *rule)
{
	struct bpf_insn *first = p;
	int type = rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;

	*p++ = UNLESS_EQUAL(TYPE, type);
	if (rule->access != ALL_ACCESS) {
		*p++ = MOVE(BPF_REG_0, ACCESS);
		*p++ = AND(BPF_REG_0, rule->allow ? ALL_ACCESS & ~rule->access : rule->access);
		*p++ = rule->allow ? UNLESS_EQUAL(BPF_REG_0, 0) : IF_EQUAL(BPF_REG_0, 0);
	}
	if (rule->major >= 0)
		*p++ = UNLESS_EQUAL(MAJOR, (int)rule->major);
	if (rule->minor >= 0)
		*p++ = UNLESS_EQUAL(MINOR, (int)rule->minor);
	*p++ = SET(BPF_REG_0, rule->allow);
	*p++ = EXIT;
	/* A jump goes behind the rule, and counts from the instruction after itself. */
	for (struct bpf_insn *q = first; q < p; q++)
		if (BPF_CLASS(q->code) == BPF_JMP && BPF_OP(q->code) != BPF_EXIT)
			q->off = p - q - 1;
	return p;
}

/**
 * cgroup_bpf_program() - the program for rules of cgroup_devices_normalise()
 * @insns: receives them, to be freed
 *
 * The last rule that fits decides, so they are asked from the end.
 */
int cgroup_bpf_program(const struct cgroup_device_list *list, struct bpf_insn **insns, size_t *n)
{
	struct bpf_insn *p = calloc(HEAD_INSNS + list->n * RULE_INSNS + TAIL_INSNS, sizeof(*p));

	*insns = p;
	if (!p)
		return -ENOMEM;
	p = put_head(p);
	for (size_t i = list->n; i-- > 0;)
		p = put_rule(p, &list->rules[i]);
	*p++ = SET(BPF_REG_0, 0);
	*p++ = EXIT;
	*n = p - *insns;
	return 0;
}

/**
 * cgroup_bpf() - bpf(2)
 */
int cgroup_bpf(int command, union bpf_attr *attr)
{
	int r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

/**
 * cgroup_bpf_make() - make the program or map that @attr describes
 * @command: BPF_PROG_LOAD or BPF_MAP_CREATE
 */
int cgroup_bpf_make(int command, union bpf_attr *attr)
{
	struct rlimit before, all = { RLIM_INFINITY, RLIM_INFINITY };
	int r = cgroup_bpf(command, attr);

	/* Before 5.11 it counts as locked memory of whoever makes it. */
	if (r != -EPERM || getrlimit(RLIMIT_MEMLOCK, &before) < 0 ||
	    setrlimit(RLIMIT_MEMLOCK, &all) < 0)
		return r;
	r = cgroup_bpf(command, attr);
	setrlimit(RLIMIT_MEMLOCK, &before);
	return r;
}

static int load(const struct bpf_insn *insns, size_t n)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };

	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	return cgroup_bpf_make(BPF_PROG_LOAD, &attr);
}

/* A descriptor of the program @id if it is one of ours; else -1. */
static int open_ours(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };
	struct bpf_prog_info info = { 0 };
	autofd fd = cgroup_bpf(BPF_PROG_GET_FD_BY_ID, &attr);

	if (fd < 0)
		return -1;
	attr = (union bpf_attr){
		.info = { .bpf_fd = fd, .info_len = sizeof(info), .info = (uintptr_t)&info }
	};
	if (cgroup_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 || strcmp(info.name, PROGRAM_NAME) != 0)
		return -1;
	return fd_steal(&fd);
}

/* The program of ours that is attached to this very cgroup; -1 if none. */
static int find_ours(int cgroup_fd)
{
	uint32_t ids[MAX_PROGRAMS];
	union bpf_attr attr = { .query = { .target_fd = cgroup_fd,
					   .attach_type = BPF_CGROUP_DEVICE,
					   .prog_ids = (uintptr_t)ids,
					   .prog_cnt = MAX_PROGRAMS } };

	if (cgroup_bpf(BPF_PROG_QUERY, &attr) < 0)
		return -1;
	for (uint32_t i = 0; i < attr.query.prog_cnt; i++) {
		int fd = open_ours(ids[i]);

		if (fd >= 0)
			return fd;
	}
	return -1;
}

/**
 * cgroup_bpf_attach() - let @list decide about devices in the v2 cgroup @cgroup_fd
 *
 * In place of the program that an earlier call attached, in one step. Programs of others, systemd's
 * or those of cgroups above, are asked too, and all have to agree.
 */
int cgroup_bpf_attach(int cgroup_fd, const struct cgroup_device_list *list)
{
	union bpf_attr attr = { .target_fd = cgroup_fd,
				.attach_type = BPF_CGROUP_DEVICE,
				.attach_flags = BPF_F_ALLOW_MULTI };
	struct bpf_insn *insns;
	autofd prog = -1, old = -1;
	size_t n;
	int r = cgroup_bpf_program(list, &insns, &n);

	if (r < 0)
		return r;
	prog = load(insns, n);
	free(insns);
	if (prog < 0)
		return prog;
	old = find_ours(cgroup_fd);
	attr.attach_bpf_fd = prog;
	if (old >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = old;
	}
	return cgroup_bpf(BPF_PROG_ATTACH, &attr);
}
