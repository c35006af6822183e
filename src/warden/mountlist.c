/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc/PID/mountinfo says. The container decides how much that is: there is a limit, and what
 * is longer is an error.
 */
#include "config.h"
#include "warden/mountlist.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TEXT_MAX    (8 << 20)
#define ENTRIES_MAX 16384

static void *get_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int read_text(int proc_fd, const char *path, struct mountlist *list)
{
	autofd fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, list->text + len, list->text_size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		len += n;
		if (len == list->text_size - 1)
			return -E2BIG;
	}
}

/* \040 and the like become what they stand for. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static char *next_field(char **rest)
{
	char *field = strsep(rest, " ");

	return field ?: (char *)"";
}

/* "36 35 98:0 /root /point ro,noatime shared:1 - type source options" */
static int parse_line(char *line, struct mountlist_entry *e)
{
	unsigned int major, minor;
	char *field;

	e->id = atoi(next_field(&line));
	e->parent = atoi(next_field(&line));
	if (sscanf(next_field(&line), "%u:%u", &major, &minor) != 2)
		return -EINVAL;
	e->dev = makedev(major, minor);
	e->root = next_field(&line);
	e->point = next_field(&line);
	field = next_field(&line);
	e->readonly = strncmp(field, "ro", 2) == 0 && (field[2] == ',' || field[2] == '\0');
	while (line && strcmp(next_field(&line), "-") != 0)
		;
	e->type = next_field(&line);
	next_field(&line); /* the source */
	e->options = next_field(&line);
	/* Of a line with fewer fields these are not in the text. */
	if (!*e->type)
		return -EINVAL;
	unescape((char *)e->root);
	unescape((char *)e->point);
	return 0;
}

static int parse(struct mountlist *list)
{
	char *rest = list->text;

	while (*rest) {
		char *line = strsep(&rest, "\n");
		int r;

		if (list->n == ENTRIES_MAX)
			return -E2BIG;
		r = parse_line(line, &list->entries[list->n]);
		if (r < 0)
			return r;
		list->n++;
		if (!rest)
			break;
	}
	return 0;
}

#define SLOTS (2 * ENTRIES_MAX) /* a power of two */

/* Where entry @id is, or the free slot where it would be. The kernel counts: hardly two are one. */
static size_t find_slot(const struct mountlist *list, const int *slots, int id)
{
	size_t at = (unsigned int)id % SLOTS;

	while (slots[at] && list->entries[slots[at] - 1].id != id)
		at = (at + 1) % SLOTS;
	return at;
}

/*
 * Once, and not by a search through all for each step of a way up, which is seconds for thousands.
 */
static int link_parents(struct mountlist *list)
{
	int *slots = get_memory(SLOTS * sizeof(int)); /* index + 1; 0: free */

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		slots[find_slot(list, slots, list->entries[i].id)] = i + 1;
	for (size_t i = 0; i < list->n; i++) {
		struct mountlist_entry *e = &list->entries[i];

		e->up = e->parent == e->id ? -1 : slots[find_slot(list, slots, e->parent)] - 1;
	}
	munmap(slots, SLOTS * sizeof(int));
	return 0;
}

/**
 * mountlist_up() - what @e is mounted on, or NULL
 */
const struct mountlist_entry *mountlist_up(const struct mountlist *list,
					   const struct mountlist_entry *e)
{
	return e->up < 0 ? NULL : &list->entries[e->up];
}

/**
 * mountlist_read() - read the mountinfo file @proc_fd/@path
 * @ret: to be freed with mountlist_free() whatever is returned
 */
int mountlist_read(int proc_fd, const char *path, struct mountlist *ret)
{
	int r;

	*ret = (struct mountlist){ .text_size = TEXT_MAX,
				   .entries_size = ENTRIES_MAX * sizeof(*ret->entries) };
	ret->text = get_memory(ret->text_size);
	ret->entries = get_memory(ret->entries_size);
	if (!ret->text || !ret->entries)
		return -ENOMEM;
	r = read_text(proc_fd, path, ret);
	if (r == 0)
		r = parse(ret);
	return r < 0 ? r : link_parents(ret);
}

/**
 * mountlist_has() - which of the mounts @ids stand in the mountinfo file @proc_fd/@path?
 *
 * However long that is, it takes no memory: the notifier itself asks, and who looks after a
 * container must not die of what the container has mounted.
 *
 * Return: 0 or -errno.
 */
int mountlist_has(int proc_fd, const char *path, const int *ids, bool *found, size_t n)
{
	autofd fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	bool in_id = true;
	char buf[4096];
	ssize_t len;
	int id = 0;

	memset(found, 0, n * sizeof(*found));
	if (fd < 0)
		return -errno;
	while ((len = read(fd, buf, sizeof(buf))) != 0) {
		if (len < 0 && errno != EINTR)
			return -errno;
		for (ssize_t i = 0; i < len; i++) {
			bool digit = buf[i] >= '0' && buf[i] <= '9';

			if (in_id && digit)
				id = id * 10 + (buf[i] - '0');
			for (size_t j = 0; in_id && !digit && j < n; j++)
				found[j] |= ids[j] == id;
			in_id = buf[i] == '\n' || (in_id && digit);
			id = in_id && digit ? id : 0;
		}
	}
	return 0;
}

/**
 * mountlist_free() - give back what mountlist_read() took; also of a zeroed list
 */
void mountlist_free(struct mountlist *list)
{
	if (list->text)
		munmap(list->text, list->text_size);
	if (list->entries)
		munmap(list->entries, list->entries_size);
	*list = (struct mountlist){ 0 };
}

/**
 * mountlist_by_id() - the mount of that id, or NULL
 */
const struct mountlist_entry *mountlist_by_id(const struct mountlist *list, int id)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->entries[i].id == id)
			return &list->entries[i];
	return NULL;
}

static bool is_placed(const struct mountlist *list, size_t placed, int id)
{
	for (size_t i = 0; i < placed; i++)
		if (list->entries[i].id == id)
			return true;
	return false;
}

/**
 * mountlist_sort() - put each mount behind the one that it is mounted on
 *
 * A tree that was made first and attached later comes in the order in which it was made. It is for
 * lists that the container has no part in: mountlist_up() does not know the new places.
 */
void mountlist_sort(struct mountlist *list)
{
	size_t placed = 0, next = 0;

	while (next < list->n) {
		struct mountlist_entry e = list->entries[next];

		if (e.parent != e.id && mountlist_by_id(list, e.parent) &&
		    !is_placed(list, placed, e.parent)) {
			next++;
			continue;
		}
		memmove(&list->entries[placed + 1], &list->entries[placed],
			(next - placed) * sizeof(e));
		list->entries[placed++] = e;
		next = placed;
	}
}
