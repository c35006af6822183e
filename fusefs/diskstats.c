/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/diskstats: block I/O of the container, for each device that it used. Of the host's file
 * only the names are taken. Times are not counted per cgroup: 0.
 */
#include "config.h"
#include "providers.h"

#include <errno.h>
#include <string.h>

enum { READ, WRITE, DISCARD, KINDS };

struct disk {
	uint64_t major, minor;
	uint64_t ios[KINDS], bytes[KINDS];
};

struct disk_list {
	struct text mem; /* array of struct disk */
};

static struct disk *disk_get(struct disk_list *l, uint64_t major, uint64_t minor)
{
	size_t n = l->mem.len / sizeof(struct disk);
	struct disk *d = (struct disk *)l->mem.buf, new = { .major = major, .minor = minor };

	for (size_t i = 0; i < n; i++)
		if (d[i].major == major && d[i].minor == minor)
			return &d[i];
	text_bytes(&l->mem, (const char *)&new, sizeof(new));
	return l->mem.failed ? NULL : (struct disk *)l->mem.buf + n;
}

static bool parse_dev(const char **p, uint64_t *major, uint64_t *minor)
{
	return parse_u64(p, major) && *(*p)++ == ':' && parse_u64(p, minor);
}

/* v2: "253:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6", also with other keys. */
static void parse_v2(const char *p, struct disk_list *list)
{
	for (; *p; p = parse_next_line(p)) {
		uint64_t major, minor, v;
		struct disk *d;

		if (!parse_dev(&p, &major, &minor) || !(d = disk_get(list, major, minor)))
			continue;
		while (*p == ' ') {
			const char *key = ++p;
			size_t kind;

			p += strcspn(p, "= \n");
			if (*p != '=' || (p++, !parse_u64(&p, &v)))
				continue;
			kind = *key == 'r' ? READ : *key == 'w' ? WRITE : DISCARD;
			if (strncmp(key + 1, "bytes=", 6) == 0 && strchr("rwd", *key))
				d->bytes[kind] = v;
			else if (strncmp(key + 1, "ios=", 4) == 0 && strchr("rwd", *key))
				d->ios[kind] = v;
			p += strcspn(p, " \n");
		}
	}
}

/* v1: "253:0 Read 1", also Write, Discard and sums that are not wanted. */
static void parse_v1(const char *p, struct disk_list *list, bool bytes)
{
	for (; *p; p = parse_next_line(p)) {
		uint64_t major, minor, v;
		struct disk *d;
		size_t kind;

		if (!parse_dev(&p, &major, &minor) || *p++ != ' ')
			continue;
		kind = !strncmp(p, "Read ", 5) ? READ : !strncmp(p, "Write ", 6) ? WRITE : DISCARD;
		if (kind == DISCARD && strncmp(p, "Discard ", 8) != 0)
			continue;
		p += strcspn(p, " ") + 1;
		if (!parse_u64(&p, &v) || !(d = disk_get(list, major, minor)))
			continue;
		(bytes ? d->bytes : d->ios)[kind] = v;
	}
}

static int read_usage(const struct facts *facts, struct disk_list *list, struct text *tmp)
{
	int r;

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
	text_clear(tmp);
	return r;
}

static const struct disk *disk_find(const struct disk_list *l, uint64_t major, uint64_t minor)
{
	const struct disk *d = (const struct disk *)l->mem.buf;

	for (size_t i = 0; i < l->mem.len / sizeof(*d); i++)
		if (d[i].major == major && d[i].minor == minor)
			return &d[i];
	return NULL;
}

static bool was_used(const struct disk *d)
{
	uint64_t any = 0;

	for (int kind = 0; kind < KINDS; kind++)
		any |= d->ios[kind] | d->bytes[kind];
	return any != 0;
}

static void put_kind(struct text *out, const struct disk *d, int kind)
{
	text_bytes(out, " ", 1);
	text_num(out, d->ios[kind]);
	text_str(out, " 0 ");
	text_num(out, d->bytes[kind] / 512);
	text_str(out, " 0");
}

static void put_disk(struct text *out, const struct disk *d, const char *name, size_t len)
{
	text_num_width(out, d->major, 4, ' ');
	text_num_width(out, d->minor, 8, ' ');
	text_bytes(out, " ", 1);
	text_bytes(out, name, len);
	put_kind(out, d, READ);
	put_kind(out, d, WRITE);
	text_str(out, " 0 0 0");
	put_kind(out, d, DISCARD);
	text_str(out, " 0 0\n");
}

int diskstats_render(const struct facts *facts, struct text *out)
{
	struct disk_list list = { 0 };
	struct text tmp = { 0 };
	int r = read_usage(facts, &list, &tmp);

	if (r == 0 && list.mem.len > 0)
		r = facts_read_text(facts, FACT_DISKSTATS, &tmp);
	for (const char *p = tmp.buf; r == 0 && tmp.len && *p; p = parse_next_line(p)) {
		uint64_t major, minor;
		const struct disk *d;

		p += strspn(p, " ");
		if (!parse_u64(&p, &major))
			continue;
		p += strspn(p, " ");
		if (!parse_u64(&p, &minor) || *p++ != ' ')
			continue;
		d = disk_find(&list, major, minor);
		if (d && was_used(d))
			put_disk(out, d, p, strcspn(p, " \n"));
	}
	text_free(&tmp);
	text_free(&list.mem);
	return r;
}
