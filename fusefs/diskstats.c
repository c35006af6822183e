/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/diskstats: block I/O of the container, for each device that it used. Of the host's file
 * only the names are taken. Times are not counted per cgroup: 0.
 */
#include "config.h"
#include "disk-facts.h"
#include "providers.h"

#include <string.h>

static bool was_used(const struct disk *d)
{
	uint64_t any = 0;

	for (int kind = 0; kind < DISK_KINDS; kind++)
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
	put_kind(out, d, DISK_READ);
	put_kind(out, d, DISK_WRITE);
	text_str(out, " 0 0 0");
	put_kind(out, d, DISK_DISCARD);
	text_str(out, " 0 0\n");
}

int diskstats_render(const struct facts *facts, struct text *out)
{
	struct disks list;
	struct text tmp = { 0 };
	int r = disks_get(facts, &list);

	if (r == 0 && list.mem.len > 0)
		r = facts_read_text(facts, FACT_DISKSTATS, &tmp);
	for (const char *p = tmp.buf; r == 0 && tmp.len && *p; p = parse_next_line(p)) {
		uint64_t major, minor;
		const struct disk *d;

		p += strspn(p, " ");
		if (!parse_u64(&p, &major))
			continue;
		p += strspn(p, " ");
		if (!parse_u64(&p, &minor) || *p != ' ')
			continue;
		p++;
		d = disks_find(&list, major, minor);
		if (d && was_used(d))
			put_disk(out, d, p, strcspn(p, " \n"));
	}
	text_free(&tmp);
	disks_free(&list);
	return r;
}
