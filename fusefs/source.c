/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources are read with pread() at offset 0 on kept descriptors: procfs and cgroupfs render anew
 * then, and nothing needs to be opened.
 */
#include "config.h"
#include "source.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

static void host_clock(uint64_t *boottime_ns, uint64_t *realtime_ns)
{
	*boottime_ns = clock_ns(CLOCK_BOOTTIME);
	if (realtime_ns)
		*realtime_ns = clock_ns(CLOCK_REALTIME);
}

/**
 * facts_init() - no source, the host's clocks
 */
void facts_init(struct facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->clock = host_clock;
}

/**
 * facts_add() - take one source, as given by --source @name:@fd
 *
 * Levels of a FACT_LIMIT source may come in any order; v1's quota and period in the same one.
 *
 * Return: 0, -ENOENT for an unknown name, -E2BIG for more levels than there can be.
 */
int facts_add(struct facts *facts, const char *name, int fd)
{
	int id = fact_by_name(name);

	if (id < 0)
		return id;
	if (facts->n[id] >= (fact_sources[id].where == FACT_LIMIT ? FACT_MAX_DEPTH : 1))
		return -E2BIG;
	facts->fd[id][facts->n[id]++] = fd;
	return 0;
}

/**
 * facts_have() - whether there is a source at all
 */
bool facts_have(const struct facts *facts, enum fact id)
{
	return facts->n[id] > 0;
}

/**
 * facts_read() - the text of a source that is one record (all but cpuinfo and diskstats),
 * terminated
 *
 * Return: its length, -ENODATA if that level is absent, -EFBIG if it does not fit, else -errno.
 */
ssize_t facts_read(const struct facts *facts, enum fact id, int level, char *buf, size_t size)
{
	ssize_t n;

	if (level >= facts->n[id])
		return -ENODATA;
	do {
		n = pread(facts->fd[id][level], buf, size, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	buf[n] = '\0';
	return n;
}

/**
 * source_read_text() - append the text of a file; terminated, but for @t->len
 * @max: it ends when it has so many bytes, or somewhat more
 *
 * Return: 0, -ENODATA without a file, -EFBIG, or -errno.
 */
int source_read_text(int fd, size_t max, struct text *t)
{
	size_t start = t->len;
	ssize_t n = 1;

	if (fd < 0)
		return -ENODATA;
	while (n > 0 && t->len - start < max) {
		if (!text_reserve(t, 4096))
			return -EFBIG;
		n = pread(fd, t->buf + t->len, t->cap - t->len - 1, t->len - start);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return -errno;
		else
			t->len += n;
	}
	t->buf[t->len] = '\0';
	return 0;
}

/**
 * facts_read_text() - source_read_text() of a source
 */
int facts_read_text(const struct facts *facts, enum fact id, struct text *t)
{
	return source_read_text(facts_have(facts, id) ? facts->fd[id][0] : -1, SIZE_MAX, t);
}

/**
 * parse_u64() - a decimal number at *@p, which moves behind it; too large ones saturate
 *
 * Return: false if there is no digit.
 */
bool parse_u64(const char **p, uint64_t *ret)
{
	const char *start = *p;
	uint64_t v = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, **p - '0', &v))
			v = UINT64_MAX;
	*ret = v;
	return *p != start;
}

/**
 * parse_next_line() - behind the next newline, or at the end of the text
 */
const char *parse_next_line(const char *p)
{
	const char *nl = strchr(p, '\n');

	return nl ? nl + 1 : p + strlen(p);
}

/**
 * facts_u64() - a source that is one number; "max" and "-1" are UINT64_MAX
 */
int facts_u64(const struct facts *facts, enum fact id, int level, uint64_t *ret)
{
	char buf[64];
	const char *p = buf;
	ssize_t len = facts_read(facts, id, level, buf, sizeof(buf));

	if (len < 0)
		return len;
	if (strncmp(buf, "max", 3) == 0 || strncmp(buf, "-1", 2) == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	return parse_u64(&p, ret) ? 0 : -EINVAL;
}

/**
 * facts_limit() - the smallest number over all levels of a source
 */
int facts_limit(const struct facts *facts, enum fact id, uint64_t *ret)
{
	if (!facts_have(facts, id))
		return -ENODATA;
	*ret = UINT64_MAX;
	for (int i = 0; i < facts->n[id]; i++) {
		uint64_t v;
		int r = facts_u64(facts, id, i, &v);

		if (r < 0)
			return r;
		if (v < *ret)
			*ret = v;
	}
	return 0;
}

/**
 * facts_uptime_ns() - time since the container's start, 0 if that lies ahead
 */
uint64_t facts_uptime_ns(const struct facts *facts)
{
	uint64_t now;

	facts->clock(&now, NULL);
	return now > facts->boot_offset_ns ? now - facts->boot_offset_ns : 0;
}
