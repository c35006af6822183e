/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls of a container's own.
 *
 * Parsing follows kernel/sysctl.c (do_proc_dointvec, do_proc_doulongvec_minmax, proc_get_long) byte
 * for byte, so that the same write gives the same errno, the same count, and the same values kept
 * from a vector of which only the first ones were good.
 *
 * The store lives in a memfd that outlives the server. A value has two slots and a commit word: the
 * unused slot is filled, then the word is switched. A server killed half-way leaves the old value.
 */
#include "config.h"
#include "lib/sysctl.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define INT(p, lo, hi, def)                                                                        \
	{                                                                                          \
		"proc/sys/" p, SYSCTL_PRIVATE, SYSCTL_INT, 1, lo, hi,                              \
		{                                                                                  \
			def                                                                        \
		}                                                                                  \
	}
#define ULONG(p, lo, hi, def)                                                                      \
	{                                                                                          \
		"proc/sys/" p, SYSCTL_PRIVATE, SYSCTL_ULONG, 1, lo, hi,                            \
		{                                                                                  \
			def                                                                        \
		}                                                                                  \
	}

/* fs/file.c: __const_min(INT_MAX, ~(size_t)0 / sizeof(void *)) & -BITS_PER_LONG */
#define NR_OPEN_MAX (INT_MAX & -64)

/*
 * Ranges and defaults of a kernel without distribution settings (kernel/panic.c, kernel/printk,
 * drivers/tty/sysrq.c, lib/vsprintf.c, mm/util.c, security/min_addr.c, fs/file.c). file-max has no
 * constant there, it follows the host's memory; systemd raises it to this maximum at each boot.
 */
const struct sysctl sysctls[] = {
	INT("kernel/panic", INT_MIN, INT_MAX, 0),
	INT("kernel/panic_on_oops", INT_MIN, INT_MAX, 0),
	{ "proc/sys/kernel/printk",
	  SYSCTL_PRIVATE,
	  SYSCTL_INT,
	  4,
	  INT_MIN,
	  INT_MAX,
	  { 7, 4, 1, 7 } },
	INT("kernel/sysrq", INT_MIN, INT_MAX, 1),
	INT("kernel/dmesg_restrict", 0, 1, 0),
	INT("kernel/kptr_restrict", 0, 2, 0),
	INT("vm/overcommit_memory", 0, 2, 0),
	ULONG("vm/mmap_min_addr", 0, LONG_MAX, 4096),
	ULONG("fs/file-max", 0, LONG_MAX, LONG_MAX),
	INT("fs/nr_open", 64, NR_OPEN_MAX, 1048576),
};
const int sysctls_count = sizeof(sysctls) / sizeof(sysctls[0]);

/**
 * sysctl_find() - the entry whose path is @path ("proc/sys/..."), or NULL
 */
const struct sysctl *sysctl_find(const char *path)
{
	for (int i = 0; i < sysctls_count; i++)
		if (strcmp(sysctls[i].path, path) == 0)
			return &sysctls[i];
	return NULL;
}

/* lib/kstrtox.c: base 0, no sign, no space; false on overflow. */
static bool parse_ulong(const char **p, unsigned long *ret)
{
	unsigned int base = 10;
	unsigned long v = 0;

	if (**p == '0') {
		base = 8;
		if (tolower((unsigned char)(*p)[1]) == 'x' && isxdigit((unsigned char)(*p)[2])) {
			base = 16;
			*p += 2;
		}
	}
	for (;; (*p)++) {
		int c = tolower((unsigned char)**p);
		unsigned int digit = c >= 'a' && c <= 'f' ? c - 'a' + 10 : c - '0';

		if (!isxdigit(c) || digit >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
}

/* kernel/sysctl.c: proc_get_long() with proc_wspace_sep. */
static int get_long(const char **text, size_t *left, unsigned long *val, bool *neg)
{
	char tmp[22];
	size_t len = *left < sizeof(tmp) - 1 ? *left : sizeof(tmp) - 1;
	const char *p = tmp;

	memcpy(tmp, *text, len);
	tmp[len] = '\0';
	*neg = *p == '-' && *left > 1;
	if (*neg)
		p++;
	if (*p < '0' || *p > '9' || !parse_ulong(&p, val))
		return -EINVAL;
	len = p - tmp;
	if (len == sizeof(tmp) - 1) /* more digits may follow: the kernel refuses such lengths */
		return -EINVAL;
	if (len < *left && *p != ' ' && *p != '\t' && *p != '\n')
		return -EINVAL;
	*text += len;
	*left -= len;
	return 0;
}

static bool in_range(const struct sysctl *s, unsigned long val, bool neg, int64_t *ret)
{
	if (s->type == SYSCTL_ULONG) {
		*ret = val;
		return !neg && val <= (unsigned long)s->max && (int64_t)val >= s->min;
	}
	if (val > (unsigned long)INT_MAX + neg)
		return false;
	*ret = neg ? -(int64_t)val : (int64_t)val;
	return *ret >= s->min && *ret <= s->max;
}

static void skip_spaces(const char **text, size_t *left)
{
	/* the kernel's isspace(): also 0xa0, the no-break space of Latin-1 */
	while (*left > 0 && (memchr(" \t\n\v\f\r", **text, 6) || (unsigned char)**text == 0xa0)) {
		(*text)++;
		(*left)--;
	}
}

/**
 * sysctl_parse() - take the text of one write at offset 0
 * @values: the present values; those that were read from @text are replaced, also when a later
 *	one is wrong (as in the kernel, the caller stores them in either case)
 * @consumed: bytes that write(2) reports; what follows the last value is left over
 *
 * Return: number of values replaced, or -EINVAL.
 */
ssize_t sysctl_parse(const struct sysctl *s, const char *text, size_t len, int64_t *values,
		     size_t *consumed)
{
	size_t left = len < 4095 ? len : 4095; /* PAGE_SIZE - 1 */
	int n = 0;

	*consumed = 0;
	if (len == 0)
		return 0;
	while (left > 0 && n < s->count) {
		unsigned long val;
		int64_t value;
		bool neg;

		skip_spaces(&text, &left);
		if (left == 0)
			break;
		if (get_long(&text, &left, &val, &neg) < 0 || !in_range(s, val, neg, &value))
			return -EINVAL;
		values[n++] = value;
	}
	skip_spaces(&text, &left);
	if (n == 0)
		return -EINVAL;
	*consumed = len - left;
	return n;
}

/**
 * sysctl_format() - the text that a read gives
 * @text: room for SYSCTL_TEXT_MAX bytes; not terminated
 *
 * Return: its length.
 */
size_t sysctl_format(const struct sysctl *s, const int64_t *values, char *text)
{
	size_t len = 0;

	for (int i = 0; i < s->count; i++)
		len += sprintf(text + len, "%s%lld", i ? "\t" : "", (long long)values[i]);
	text[len++] = '\n';
	return len;
}

struct stored {
	_Atomic uint32_t commit; /* 0: never written; else 1 + the slot that counts */
	int64_t slot[2][SYSCTL_MAX_VALUES];
};

struct sysctl_store {
	struct stored values[sizeof(sysctls) / sizeof(sysctls[0])];
};

/**
 * sysctl_store_size() - size of the memfd that holds one container's values, zero-filled at first
 */
size_t sysctl_store_size(void)
{
	return (sizeof(struct sysctl_store) + 4095) & ~(size_t)4095;
}

/**
 * sysctl_store_get() - the container's values of @s
 *
 * Locking: the caller keeps writers of the same store away.
 */
void sysctl_store_get(const struct sysctl_store *store, const struct sysctl *s, int64_t *values)
{
	const struct stored *st = &store->values[s - sysctls];
	uint32_t commit = atomic_load_explicit(&st->commit, memory_order_acquire);
	const int64_t *from = commit ? st->slot[(commit - 1) & 1] : s->initial;

	memcpy(values, from, sizeof(st->slot[0]));
}

/**
 * sysctl_store_put() - replace the container's values of @s, all or nothing
 *
 * Locking: one writer at a time.
 */
void sysctl_store_put(struct sysctl_store *store, const struct sysctl *s, const int64_t *values)
{
	struct stored *st = &store->values[s - sysctls];
	uint32_t commit = atomic_load_explicit(&st->commit, memory_order_relaxed);
	uint32_t spare = commit == 1;

	memcpy(st->slot[spare], values, sizeof(st->slot[0]));
	atomic_store_explicit(&st->commit, spare + 1, memory_order_release);
}
