/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which host ids belong to somebody: sets of ranges, filled from passwd, group, subuid and subgid.
 *
 * The files are read by hand, not with getpwent(3) and friends: those load NSS modules into every
 * program, may ask the network, and know nothing of subordinate ranges before shadow 4.9's library.
 */
#include "config.h"
#include "lib/idsources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"

#define ID_COUNT 0x100000000ULL

/**
 * idranges_add() - add the ids from @start up to, not including, @end
 */
int idranges_add(struct idranges *ranges, uint64_t start, uint64_t end)
{
	if (ranges->n == ranges->size) {
		size_t size = ranges->size ? ranges->size * 2 : 64;
		void *v = realloc(ranges->v, size * sizeof(*ranges->v));

		if (!v)
			return -ENOMEM;
		ranges->v = v;
		ranges->size = size;
	}
	ranges->v[ranges->n++] = (struct idrange){ .start = start, .end = end };
	return 0;
}

static int compare_start(const void *a, const void *b)
{
	const struct idrange *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/**
 * idranges_sort() - order by the first id
 */
void idranges_sort(struct idranges *ranges)
{
	qsort(ranges->v, ranges->n, sizeof(*ranges->v), compare_start);
}

/**
 * idranges_overlap() - whether any id from @start up to, not including, @end is in @ranges
 */
bool idranges_overlap(const struct idranges *ranges, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < ranges->n; i++)
		if (ranges->v[i].start < end && start < ranges->v[i].end)
			return true;
	return false;
}

/**
 * idranges_free() - forget all ranges
 */
void idranges_free(struct idranges *ranges)
{
	free(ranges->v);
	*ranges = (struct idranges){ 0 };
}

typedef int (*line_fn)(const char *line, void *arg);

/*
 * Calls @fn for each line. Of a line that is longer than the buffer (a group with many members)
 * only the beginning is seen. A file that is not there has no lines.
 */
static int each_line(const char *path, line_fn fn, void *arg)
{
	char buf[4096];
	size_t len = 0;
	bool skip = false; /* inside a line whose beginning was given out already */
	autofd fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = 0;

#ifdef MUTANT_IDS_OF_OTHERS
	return 0;
#endif
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - 1 - len);
		char *line = buf, *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += n;
		while (r == 0 && (end = memchr(line, '\n', buf + len - line))) {
			*end = '\0';
			if (!skip)
				r = fn(line, arg);
			skip = false;
			line = end + 1;
		}
		len -= line - buf;
		if (r == 0 && len > 0 && (n == 0 || len == sizeof(buf) - 1) && line == buf) {
			buf[len] = '\0';
			if (!skip)
				r = fn(buf, arg);
			skip = true;
			len = 0;
		}
		if (n == 0 && len == 0)
			break;
		memmove(buf, line, len);
	}
	return r;
}

/* The decimal number in field @index (from 0) of a line of fields between colons. */
static bool field_number(const char *line, int index, uint64_t *ret)
{
	uint64_t value = 0;
	int digits = 0;

	while (index-- > 0) {
		line = strchr(line, ':');
		if (!line++)
			return false;
	}
	for (; *line >= '0' && *line <= '9' && digits < 12; digits++)
		value = value * 10 + (*line++ - '0');
	if (digits == 0 || digits >= 12 || (*line != ':' && *line != '\0'))
		return false;
	*ret = value;
	return true;
}

static int add_id(struct idranges *ranges, const char *line, int field)
{
	uint64_t id;

	if (!field_number(line, field, &id) || id >= ID_COUNT)
		return 0;
	return idranges_add(ranges, id, id + 1);
}

static int passwd_line(const char *line, void *arg)
{
	int r = add_id(arg, line, 2);

	return r < 0 ? r : add_id(arg, line, 3);
}

static int group_line(const char *line, void *arg)
{
	return add_id(arg, line, 2);
}

/**
 * idsources_accounts() - add the ids of a passwd(5) or group(5) file
 * @passwd: true: user and group id of each line; false: group id
 *
 * Malformed lines are passed over, as the C library does; a missing file has none.
 */
int idsources_accounts(struct idranges *ranges, const char *path, bool passwd)
{
	return each_line(path, passwd ? passwd_line : group_line, ranges);
}

struct subid_arg {
	struct idranges *ranges;
	const char *const *own_names;
};

static int subid_line(const char *line, void *arg)
{
	const struct subid_arg *a = arg;
	uint64_t start, count;

	for (const char *const *own = a->own_names; *own; own++)
		if (strncmp(line, *own, strlen(*own)) == 0 && line[strlen(*own)] == ':')
			return 0;
	if (!field_number(line, 1, &start) || !field_number(line, 2, &count))
		return 0;
	if (start >= ID_COUNT || count == 0)
		return 0;
	if (count > ID_COUNT - start)
		count = ID_COUNT - start;
	return idranges_add(a->ranges, start, start + count);
}

/**
 * idsources_subids() - add the ranges of a subuid(5) or subgid(5) file
 * @own_names: NULL-terminated; their ranges are ours, and left out
 */
int idsources_subids(struct idranges *ranges, const char *path, const char *const *own_names)
{
	struct subid_arg arg = { .ranges = ranges, .own_names = own_names };

	return each_line(path, subid_line, &arg);
}
