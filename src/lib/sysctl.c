/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls: what a write means and what a read shows.
 *
 * Parsing follows kernel/sysctl.c (do_proc_dointvec, do_proc_douintvec, do_proc_doulongvec_minmax,
 * _proc_do_string, proc_get_long) byte for byte, so that the same write gives the same errno, the
 * same count, and the same values kept from a vector of which only the first ones were good.
 */
#include "config.h"
#include "lib/sysctl.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define KERNEL_PAGE 4096u

/**
 * sysctl_find() - the entry whose path is @path ("proc/sys/..."), or NULL
 */
const struct sysctl *sysctl_find(const char *path)
{
	int low = 0, high = sysctls_count;

	while (low < high) {
		int middle = (low + high) / 2;
		int order = strcmp(path, sysctls[middle].path);

		if (order == 0)
			return &sysctls[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/**
 * sysctl_namespaced() - why all below a directory is the container's own by itself, or NULL
 * @path: of a sysctl that has no row
 */
const char *sysctl_namespaced(const char *path)
{
	if (strncmp(path, "proc/sys/net/", 13) == 0)
		return "the network namespace's";
	if (strncmp(path, "proc/sys/user/", 14) == 0)
		return "the user namespace's";
	return NULL;
}

/**
 * sysctl_net_dir() - the directory of the network namespace that is covered and has @path, or NULL
 */
const struct sysctl_net_dir *sysctl_net_dir(const char *path)
{
	for (int i = 0; i < sysctl_net_dirs_count; i++) {
		size_t len = strlen(sysctl_net_dirs[i].path);

		if (strncmp(path, sysctl_net_dirs[i].path, len) == 0 && path[len] == '/')
			return &sysctl_net_dirs[i];
	}
	return NULL;
}

/**
 * sysctl_in_netfilter() - is the file @name of SYSCTL_NETFILTER one that the table has?
 */
bool sysctl_in_netfilter(const char *name)
{
	char path[sizeof(SYSCTL_NETFILTER) + 64];
	const struct sysctl *s;

	snprintf(path, sizeof(path), SYSCTL_NETFILTER "/%s", name);
	s = sysctl_find(path);
	return s && s->policy != SYSCTL_KERNEL;
}

/**
 * sysctl_policy_name() - as documented in cloister-sysctl(5)
 */
const char *sysctl_policy_name(enum sysctl_policy policy)
{
	static const char *const names[] = {
		"kernel", "private", "max", "min", "readonly", "hidden"
	};

	return names[policy];
}

/**
 * sysctl_is_text() - is its value a text, not numbers?
 */
bool sysctl_is_text(const struct sysctl *s)
{
	return s->type == SYSCTL_STRING || s->type == SYSCTL_WORD;
}

/**
 * sysctl_is_shared() - does a container's wish reach the host?
 */
bool sysctl_is_shared(const struct sysctl *s)
{
	return s->policy == SYSCTL_MAX || s->policy == SYSCTL_MIN;
}

/**
 * sysctl_reason() - one line for people: why it is treated as it is
 */
const char *sysctl_reason(const struct sysctl *s)
{
	static const char *const reasons[] = {
		[SYSCTL_PRIVATE] = "the container's own value; the kernel does not act on it",
		[SYSCTL_MAX] = "the host gets the largest value asked for, up to the cap",
		[SYSCTL_MIN] = "the host gets the smallest value asked for, down to the cap",
	};

	return s->why ? s->why : reasons[s->policy];
}

/**
 * sysctl_initial() - the value of a container that never wrote one
 */
void sysctl_initial(const struct sysctl *s, struct sysctl_value *value)
{
	memset(value, 0, sizeof(*value));
	if (!sysctl_is_text(s)) {
		memcpy(value->n, s->initial, sizeof(value->n));
		return;
	}
	memcpy(value->text, s->words,
	       s->type == SYSCTL_WORD ? strcspn(s->words, "|") : strlen(s->words));
}

/**
 * sysctl_twin() - the row that a write to @s changes too, or NULL
 */
const struct sysctl *sysctl_twin(const struct sysctl *s)
{
	return s->quirk == SYSCTL_CLEARS || s->quirk == SYSCTL_FOLLOWS ? sysctl_find(s->words)
								       : NULL;
}

/**
 * sysctl_follow() - what a value in one unit is in its twin's
 * @s: SYSCTL_FOLLOWS
 * @value: as written; what is kept of it replaces it
 * @twins: what the twin shows then
 *
 * The kernel keeps an int: ticks (include/linux/jiffies.h: clock_t_to_jiffies() rounds down,
 * msecs_to_jiffies() up, as all does here that is finer than what is kept), or bytes of packets
 * (net/core/neighbour.c: proc_unres_qlen()).
 */
void sysctl_follow(const struct sysctl *s, struct sysctl_value *value, struct sysctl_value *twins)
{
	const struct sysctl *twin = sysctl_twin(s);
	int64_t up = s->div > s->mul && value->n[0] > 0 ? s->div - 1 : 0;
	int32_t kept = (value->n[0] * s->mul + up) / s->div;

	value->n[0] = (int64_t)kept * s->div / s->mul;
	*twins = (struct sysctl_value){ .n = { (int64_t)kept * twin->div / twin->mul } };
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

/* fs/pipe.c: round_pipe_size() */
static bool round_pipe(int64_t *size)
{
	int64_t n = KERNEL_PAGE;

	if (*size > 1LL << 31)
		return false;
	while (n < *size)
		n <<= 1;
	*size = n;
	return true;
}

static bool in_range(const struct sysctl *s, int64_t old, unsigned long val, bool neg, int64_t *ret)
{
	int64_t min = s->quirk == SYSCTL_LOCKS_3 && old == 3 ? 3 : s->min;

	if (s->type == SYSCTL_ULONG) {
		*ret = val;
		return !neg && val <= (uint64_t)s->max && val >= (uint64_t)s->min;
	}
	if (s->type == SYSCTL_UINT ? neg || val > UINT_MAX : val > (unsigned long)INT_MAX + neg)
		return false;
	*ret = neg ? -(int64_t)val : (int64_t)val;
	if (*ret < min || *ret > s->max)
		return false;
	return s->quirk != SYSCTL_PIPE || round_pipe(ret);
}

static void skip_spaces(const char **text, size_t *left)
{
	/* the kernel's isspace(): also 0xa0, the no-break space of Latin-1 */
	while (*left > 0 && (memchr(" \t\n\v\f\r", **text, 6) || (unsigned char)**text == 0xa0)) {
		(*text)++;
		(*left)--;
	}
}

/* do_proc_dointvec(), do_proc_doulongvec_minmax() */
static int write_vector(const struct sysctl *s, int64_t *values, const char *text, size_t len,
			size_t *consumed)
{
	size_t left = len < KERNEL_PAGE ? len : KERNEL_PAGE - 1;
	int n = 0;

	*consumed = 0;
	while (left > 0 && n < s->count) {
		unsigned long val;
		int64_t value;
		bool neg;

		skip_spaces(&text, &left);
		if (left == 0)
			break;
		if (get_long(&text, &left, &val, &neg) < 0 ||
		    !in_range(s, values[n], val, neg, &value))
			return -EINVAL;
		values[n++] = value;
	}
	skip_spaces(&text, &left);
	if (n == 0)
		return -EINVAL;
	*consumed = len - left;
	return 0;
}

/* do_proc_douintvec_w(): one value, and nobody looks at what follows it */
static int write_uint(const struct sysctl *s, int64_t *value, const char *text, size_t len,
		      size_t *consumed)
{
	size_t left = len < KERNEL_PAGE ? len : KERNEL_PAGE - 1;
	unsigned long val;
	int64_t ret;
	bool neg;

	skip_spaces(&text, &left);
	if (left == 0 || get_long(&text, &left, &val, &neg) < 0 ||
	    !in_range(s, *value, val, neg, &ret))
		return -EINVAL;
	*value = ret;
	*consumed = len;
	return 0;
}

/* _proc_do_string() with sysctl_writes_strict = 1: what is written further on is appended */
static int write_string(const struct sysctl *s, char *value, const char *text, size_t len,
			off_t offset, size_t *consumed)
{
	size_t size = s->max, at = strnlen(value, size - 1);

	*consumed = len;
	if ((uint64_t)offset > at)
		return 0;
	at = offset;
	for (size_t i = 0; i < len && at < size - 1 && text[i] != '\0' && text[i] != '\n'; i++)
		value[at++] = text[i];
	memset(value + at, 0, SYSCTL_STRING_MAX - at);
	return 0;
}

/* kernel/printk/printk.c: devkmsg_sysctl_set_loglvl() */
static int write_word(const struct sysctl *s, char *value, const char *text, size_t len,
		      size_t *consumed)
{
	for (const char *word = s->words; *word; word += *word == '|') {
		size_t n = strcspn(word, "|");

		if (len == n + 1 && memcmp(text, word, n) == 0 &&
		    (text[n] == '\n' || text[n] == '\0')) {
			memset(value, 0, SYSCTL_STRING_MAX);
			memcpy(value, word, n);
			*consumed = len;
			return 0;
		}
		word += n;
	}
	return -EINVAL;
}

static int write_numbers(const struct sysctl *s, int64_t *values, const char *text, size_t len,
			 size_t *consumed)
{
	int64_t old = values[0];
	int r = s->type == SYSCTL_UINT ? write_uint(s, values, text, len, consumed)
				       : write_vector(s, values, text, len, consumed);

	if (s->quirk == SYSCTL_LOCKS_1 && r == 0 && old == 1 && values[0] != 1) {
		values[0] = old;
		return -EPERM;
	}
	return r;
}

/**
 * sysctl_write() - what one write(2) makes of a value
 * @value: the present one; what was read from @text replaces it, also when a later part of @text is
 *	wrong (as in the kernel, the caller stores it in either case)
 * @offset: numbers count only at 0, as with sysctl_writes_strict = 1
 * @consumed: bytes that write(2) reports; what follows the last value may be left over
 *
 * Return: 0 or -errno, as the kernel's.
 */
int sysctl_write(const struct sysctl *s, struct sysctl_value *value, const char *text, size_t len,
		 off_t offset, size_t *consumed)
{
	*consumed = len;
	if (len == 0)
		return 0;
	if (s->type == SYSCTL_STRING)
		return write_string(s, value->text, text, len, offset, consumed);
	if (offset != 0)
		return 0;
	if (s->type == SYSCTL_WORD)
		return write_word(s, value->text, text, len, consumed);
	return write_numbers(s, value->n, text, len, consumed);
}

/**
 * sysctl_format() - the text that a read gives
 * @text: room for SYSCTL_TEXT_MAX bytes; not terminated
 *
 * Return: its length.
 */
size_t sysctl_format(const struct sysctl *s, const struct sysctl_value *value, char *text)
{
	size_t len = 0;

	if (sysctl_is_text(s)) {
		len = strnlen(value->text, SYSCTL_STRING_MAX - 1);
		memcpy(text, value->text, len);
	}
	for (int i = 0; i < s->count && !sysctl_is_text(s); i++)
		len += sprintf(text + len, s->type == SYSCTL_ULONG ? "%s%" PRIu64 : "%s%" PRId64,
			       i ? "\t" : "", value->n[i]);
	text[len++] = '\n';
	return len;
}
