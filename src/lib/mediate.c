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

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define X32_BIT 0x40000000U

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#define CHANGE_TYPE (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* Of a 64-bit argument. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOWER_HALF 0
#else
#define LOWER_HALF 4
#endif

struct abi {
	uint32_t arch;
	uint32_t ignore; /* bits of the number that make no difference */
	enum mediate_abi layout;
};

#if defined(__x86_64__)
#define NUMBERS(x86_64, i386, aarch64, arm) x86_64, i386
static const struct abi abis[] = {
	/* x32 has its own bit, and these numbers. */
	{ AUDIT_ARCH_X86_64, X32_BIT, MEDIATE_ABI_NATIVE },
	{ AUDIT_ARCH_I386, 0, MEDIATE_ABI_COMPAT },
};
#elif defined(__aarch64__)
#define NUMBERS(x86_64, i386, aarch64, arm) aarch64, arm
static const struct abi abis[] = {
	{ AUDIT_ARCH_AARCH64, 0, MEDIATE_ABI_NATIVE },
	{ AUDIT_ARCH_ARM, 0, MEDIATE_ABI_COMPAT },
};
#else
#error "which numbers do the mediated calls have here?"
#endif

#define N_ABIS (sizeof(abis) / sizeof(abis[0]))

/* From 424 on all architectures count alike. */
#define SAME(number) NUMBERS(number, number, number, number)

/* By abis[]; 0: it has none. */
static const uint16_t numbers[MEDIATE_CALLS][N_ABIS] = {
	[MEDIATE_SYSINFO] = { NUMBERS(99, 116, 179, 116) },
	[MEDIATE_GETAFFINITY] = { NUMBERS(204, 242, 123, 242) },
	[MEDIATE_MOUNT] = { NUMBERS(165, 21, 40, 21) },
	[MEDIATE_UMOUNT] = { NUMBERS(166, 52, 39, 52) },
	[MEDIATE_OLDUMOUNT] = { NUMBERS(0, 22, 0, 0) },
	[MEDIATE_FSOPEN] = { SAME(430) },
	[MEDIATE_FSMOUNT] = { SAME(432) },
	[MEDIATE_FSPICK] = { SAME(433) },
	[MEDIATE_SETATTR] = { SAME(442) },
	[MEDIATE_MKNOD] = { NUMBERS(133, 14, 0, 14) },
	[MEDIATE_MKNODAT] = { NUMBERS(259, 297, 33, 324) },
	[MEDIATE_SETXATTR] = { NUMBERS(188, 226, 5, 226) },
	[MEDIATE_LSETXATTR] = { NUMBERS(189, 227, 6, 227) },
	[MEDIATE_FSETXATTR] = { NUMBERS(190, 228, 7, 228) },
	[MEDIATE_SETXATTRAT] = { SAME(463) },
	[MEDIATE_SWAPON] = { NUMBERS(167, 87, 224, 87) },
	[MEDIATE_SWAPOFF] = { NUMBERS(168, 115, 225, 115) },
	[MEDIATE_SYSLOG] = { NUMBERS(103, 103, 116, 103) },
	[MEDIATE_SYSFS] = { NUMBERS(139, 135, 0, 135) },
	[MEDIATE_USTAT] = { NUMBERS(136, 62, 0, 62) },
	[MEDIATE_OPEN_TREE_ATTR] = { SAME(467) },
	[MEDIATE_PERF] = { NUMBERS(298, 336, 241, 364) },
};

/**
 * mediate_mount_kind() - what mount(2) does with these flags (fs/namespace.c: path_mount())
 */
enum mediate_mount mediate_mount_kind(uint64_t flags)
{
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(uint64_t)MS_MGC_MSK;
	if (flags & MS_REMOUNT)
		return (flags & MS_BIND) && (flags & MS_RDONLY) ? MEDIATE_MOUNT_READONLY
								: MEDIATE_MOUNT_OTHER;
	if (flags & MS_BIND)
		return flags & MS_REC ? MEDIATE_MOUNT_OTHER : MEDIATE_MOUNT_BIND;
	return flags & (CHANGE_TYPE | MS_MOVE) ? MEDIATE_MOUNT_OTHER : MEDIATE_MOUNT_NEW;
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
			if (numbers[call][i] &&
			    numbers[call][i] == ((uint32_t)data->nr & ~abis[i].ignore))
				return call;
	}
	*abi = MEDIATE_ABI_NATIVE;
	return MEDIATE_NONE;
}

/* SELinux: "user:role:type:level". Whose the process is and in which role confines nobody. */
static bool has_free_type(const char *label)
{
	const char *role = strchr(label, ':'), *type = role ? strchr(role + 1, ':') : NULL;

	if (!type)
		return false;
	return strncmp(type, ":unconfined_", 12) == 0 ||
	       (strncmp(type, ":spc_t", 6) == 0 && (type[6] == ':' || !type[6]));
}

/**
 * mediate_label_confines() - does a security module confine who has this label?
 *
 * AppArmor: "name (mode)", or "unconfined". A profile may have any name, and be stacked with one
 * that confines nothing: the mode is that of all.
 */
bool mediate_label_confines(const char *label)
{
	static const char free_mode[] = " (unconfined)";
	size_t len = strlen(label), mode = sizeof(free_mode) - 1;

	if (strcmp(label, "unconfined") == 0 || strcmp(label, "kernel") == 0)
		return false;
	if (len > 0 && label[len - 1] == ')')
		return len < mode || strcmp(label + len - mode, free_mode) != 0;
	return !has_free_type(label);
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

static void put_return_if(struct program *p, uint32_t bits, uint32_t value)
{
	put_jump(p, BPF_JSET, bits, 0, 1);
	put_return(p, value);
}

/* Flags are in the lower half of the argument: all of them fit. */
static void put_load_arg(struct program *p, int index)
{
	put_load(p, offsetof(struct seccomp_data, args[index]) + LOWER_HALF);
}

/*
 * mediate_mount_kind() in another language. Old programs have a magic number in the upper half,
 * whose bits are not flags.
 */
static void put_mount(struct program *p)
{
	put_load_arg(p, 3);
	put(p, BPF_ALU | BPF_AND | BPF_K, MS_MGC_MSK, 0, 0);
	put_jump(p, BPF_JEQ, MS_MGC_VAL, 0, 3);
	put_load_arg(p, 3);
	put(p, BPF_ALU | BPF_AND | BPF_K, (uint32_t)~MS_MGC_MSK, 0, 0);
	put_jump(p, BPF_JA, 1, 0, 0);
	put_load_arg(p, 3);
	put_jump(p, BPF_JSET, MS_REMOUNT, 0, 5);
	put_jump(p, BPF_JSET, MS_BIND, 1, 0);
	put_return(p, SECCOMP_RET_ALLOW);
	put_return_if(p, MS_RDONLY, p->action);
	put_return(p, SECCOMP_RET_ALLOW);
	put_jump(p, BPF_JSET, MS_BIND, 0, 3);
	put_return_if(p, MS_REC, SECCOMP_RET_ALLOW);
	put_return(p, p->action);
	put_return_if(p, CHANGE_TYPE | MS_MOVE, SECCOMP_RET_ALLOW);
	put_return(p, p->action);
}

/* Character devices; but for 0:0, overlay's whiteout, which the kernel lets everybody make. */
static void put_mknod(struct program *p, int mode)
{
	put_load_arg(p, mode);
	put(p, BPF_ALU | BPF_AND | BPF_K, S_IFMT, 0, 0);
	put_jump(p, BPF_JEQ, S_IFCHR, 1, 0);
	put_return(p, SECCOMP_RET_ALLOW);
	put_load_arg(p, mode + 1);
	put_jump(p, BPF_JEQ, 0, 0, 1);
	put_return(p, SECCOMP_RET_ALLOW);
	put_return(p, p->action);
}

/*
 * perf_event_open(2) of all processes on a CPU, the host's too: with kernel.perf_event_paranoid at
 * 0 or less anybody may. Of one's own processes, or of a cgroup that one can open, it is as before.
 */
static void put_perf(struct program *p)
{
	put_load_arg(p, 1);
	put_jump(p, BPF_JEQ, (uint32_t)-1, 1, 0);
	put_return(p, SECCOMP_RET_ALLOW);
#ifdef MUTANT_MACHINE_WATCHED
	put_return(p, SECCOMP_RET_ALLOW);
#endif
	put_return(p, SECCOMP_RET_ERRNO | EACCES);
}

/* What becomes of a call whose number was recognised: ends in a return on each way. */
static void put_decision(struct program *p, enum mediate_call call)
{
	switch (call) {
	case MEDIATE_MOUNT:
		put_mount(p);
		return;
	case MEDIATE_UMOUNT: /* a tree goes as a whole by itself with MNT_DETACH */
		put_load_arg(p, 1);
		put_return_if(p, MNT_DETACH | MNT_EXPIRE | MNT_FORCE, SECCOMP_RET_ALLOW);
		break;
	case MEDIATE_PERF:
		put_perf(p);
		return;
	case MEDIATE_MKNOD:
		put_mknod(p, 1);
		return;
	case MEDIATE_MKNODAT:
		put_mknod(p, 2);
		return;
	case MEDIATE_SETXATTR: /* of one byte, which few others are */
	case MEDIATE_LSETXATTR:
	case MEDIATE_FSETXATTR:
		put_load_arg(p, 3);
		put_jump(p, BPF_JEQ, 1, 1, 0);
		put_return(p, SECCOMP_RET_ALLOW);
		break;
	case MEDIATE_SYSLOG: /* without kernel.dmesg_restrict anybody reads the host's log */
		put_return(p, SECCOMP_RET_ERRNO | EPERM);
		return;
	case MEDIATE_SYSFS: /* names the file systems that the host has loaded */
	case MEDIATE_USTAT: /* tells how full any of its disks is, by number */
#ifdef MUTANT_MACHINE_TOLD
		put_return(p, SECCOMP_RET_ALLOW);
#endif
		/* as kernels without them: nothing has used them for decades */
		put_return(p, SECCOMP_RET_ERRNO | ENOSYS);
		return;
	case MEDIATE_SETATTR: /* reaches the covers by itself */
		put_load_arg(p, 2);
		put_return_if(p, AT_RECURSIVE, SECCOMP_RET_ALLOW);
		break;
	case MEDIATE_OPEN_TREE_ATTR: /* the same of what is mounted, and no program's only way */
		put_load_arg(p, 2);
		put_return_if(p, OPEN_TREE_CLONE, SECCOMP_RET_ALLOW);
#ifdef MUTANT_TREE_ATTR
		put_return(p, SECCOMP_RET_ALLOW);
#endif
		put_return(p, SECCOMP_RET_ERRNO | ENOSYS);
		return;
	default:
		break;
	}
	put_return(p, p->action);
}

static void put_call(struct program *p, enum mediate_call call, uint16_t number)
{
	size_t jump = p->len;

	put_jump(p, BPF_JEQ, number, 0, 0);
	put_decision(p, call);
	if (jump < MEDIATE_FILTER_MAX)
		p->code[jump].jf = p->len - jump - 1;
}

static void put_abi(struct program *p, size_t i, unsigned int calls)
{
	const struct abi *abi = &abis[i];
	size_t jump = p->len;

	put_jump(p, BPF_JEQ, abi->arch, 0, 0);
	put_load(p, offsetof(struct seccomp_data, nr));
	if (abi->ignore)
		put(p, BPF_ALU | BPF_AND | BPF_K, ~abi->ignore, 0, 0);
	for (int call = 0; call < MEDIATE_CALLS; call++)
		if (numbers[call][i] && (calls & MEDIATE_BIT(call)))
			put_call(p, call, numbers[call][i]);
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
		put_abi(&p, i, calls);
	put_return(&p, SECCOMP_RET_ALLOW);
	return p.len <= MEDIATE_FILTER_MAX ? p.len : 0;
}
