/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block I/O of the container, from io.stat (v2) or blkio.throttle.* (v1).
 */
#include "config.h"
#include "disk-facts.h"

#include <errno.h>
#include <string.h>

static struct disk *disk_get(struct disks *l, uint64_t major, uint64_t minor)
{
	size_t n = l->mem.len / sizeof(struct disk);
	struct disk *d = (struct disk *)l->mem.buf, new = { .major = major, .minor = minor };

	for (size_t i = 0; i < n; i++)
		if (d[i].major == major && d[i].minor == minor)
			return &d[i];
	text_bytes(&l->mem, (const char *)&new, sizeof(new));
	return l->mem.failed ? NULL : (struct disk *)l->mem.buf + n;
}

/* Steps over @c; stays where it is, as at the end of the text, if something else is there. */
static bool skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool parse_dev(const char **p, uint64_t *major, uint64_t *minor)
{
	return parse_u64(p, major) && skip(p, ':') && parse_u64(p, minor);
}

/* v2: "253:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6", also with other keys. */
static void parse_v2(const char *p, struct disks *list)
{
	for (; *p; p = parse_next_line(p)) {
		uint64_t major, minor, v;
		struct disk *d;

		if (!parse_dev(&p, &major, &minor) || !(d = disk_get(list, major, minor)))
			continue;
		while (*p == ' ') {
			const char *key = ++p;
			enum disk_io kind;

			p += strcspn(p, "= \n");
			if (*p != '=' || (p++, !parse_u64(&p, &v)))
				continue;
			kind = *key == 'r' ? DISK_READ : *key == 'w' ? DISK_WRITE : DISK_DISCARD;
			if (strncmp(key + 1, "bytes=", 6) == 0 && strchr("rwd", *key))
				d->bytes[kind] = v;
			else if (strncmp(key + 1, "ios=", 4) == 0 && strchr("rwd", *key))
				d->ios[kind] = v;
			p += strcspn(p, " \n");
		}
	}
}

/* v1: "253:0 Read 1", also Write, Discard and sums that are not wanted. */
static void parse_v1(const char *p, struct disks *list, bool bytes)
{
	static const char *const names[] = { "Read ", "Write ", "Discard " };

	for (; *p; p = parse_next_line(p)) {
		uint64_t major, minor, v;
		struct disk *d;
		enum disk_io kind;

		if (!parse_dev(&p, &major, &minor) || !skip(&p, ' '))
			continue;
		kind = *p == 'R' ? DISK_READ : *p == 'W' ? DISK_WRITE : DISK_DISCARD;
		if (strncmp(p, names[kind], strlen(names[kind])) != 0)
			continue;
		p += strlen(names[kind]);
		if (!parse_u64(&p, &v) || !(d = disk_get(list, major, minor)))
			continue;
		(bytes ? d->bytes : d->ios)[kind] = v;
	}
}

/**
 * disks_get() - what the container has read and written, by device
 * @list: to be freed with disks_free(), also after an error; empty where nothing is counted
 */
int disks_get(const struct facts *facts, struct disks *list)
{
	struct text text = { 0 }, *tmp = &text;
	int r;

	*list = (struct disks){ 0 };
	if (facts_have(facts, FACT_V1_IO_BYTES) && facts_have(facts, FACT_V1_IO_SERVICED)) {
		r = facts_read_text(facts, FACT_V1_IO_BYTES, tmp);
		if (r == 0)
			parse_v1(tmp->buf, list, true);
		text_clear(tmp);
		if (r == 0)
			r = facts_read_text(facts, FACT_V1_IO_SERVICED, tmp);
		if (r == 0)
			parse_v1(tmp->buf, list, false);
	} else {
		r = facts_read_text(facts, FACT_V2_IO_STAT, tmp);
		if (r == 0)
			parse_v2(tmp->buf, list);
		else if (r == -ENODATA) /* no accounting: nothing is known, nothing is shown */
			r = 0;
	}
	text_free(tmp);
	return r;
}

/**
 * disks_find() - the device, or NULL if the container never used it
 */
const struct disk *disks_find(const struct disks *l, uint64_t major, uint64_t minor)
{
	const struct disk *d = (const struct disk *)l->mem.buf;

	for (size_t i = 0; i < l->mem.len / sizeof(*d); i++)
		if (d[i].major == major && d[i].minor == minor)
			return &d[i];
	return NULL;
}

/**
 * disks_bytes() - bytes of all devices together; saturates
 */
uint64_t disks_bytes(const struct disks *l, enum disk_io kind)
{
	const struct disk *d = (const struct disk *)l->mem.buf;
	uint64_t sum = 0;

	for (size_t i = 0; i < l->mem.len / sizeof(*d); i++)
		if (__builtin_add_overflow(sum, d[i].bytes[kind], &sum))
			return UINT64_MAX;
	return sum;
}

/**
 * disks_free() - free what disks_get() allocated
 */
void disks_free(struct disks *l)
{
	text_free(&l->mem);
}
