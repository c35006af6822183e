/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what a container writes to its sysctls, one write after the other, into a store.
 *
 * An input is a row of writes, each: number of the sysctl (two bytes, little endian), offset,
 * length, bytes. After each: the result is one that the kernel knows; a number is in its range, or
 * what it was before; what a read prints can be written back and means the same; nothing of another
 * sysctl has changed but of a twin.
 */
#include "config.h"
#include "fuzz.h"
#include "lib/sysctl-store.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool in_range(const struct sysctl *s, int64_t v)
{
	if (s->type == SYSCTL_ULONG)
		return (uint64_t)v >= (uint64_t)s->min && (uint64_t)v <= (uint64_t)s->max;
	return v >= s->min && v <= s->max;
}

static void check_value(const struct sysctl *s, const struct sysctl_value *old,
			const struct sysctl_value *new)
{
	if (sysctl_is_text(s)) {
		FUZZ_ASSERT(strlen(new->text) < (size_t)s->max);
		FUZZ_ASSERT(!strchr(new->text, '\n'));
		return;
	}
	if (s->quirk == SYSCTL_FOLLOWS) { /* rounded up to a tick, or in smaller units */
		FUZZ_ASSERT(new->n[0] >= INT_MIN * 1000LL && new->n[0] <= INT_MAX * 1000LL);
		return;
	}
	for (int i = 0; i < SYSCTL_MAX_VALUES; i++) {
		FUZZ_ASSERT(new->n[i] == old->n[i] || (i < s->count && in_range(s, new->n[i])));
		FUZZ_ASSERT(s->type != SYSCTL_INT || new->n[i] == (int)new->n[i]);
	}
}

/* A read printed into the file again is the same value, if it is one that can be written. */
static void check_again(const struct sysctl *s, const struct sysctl_value *value)
{
	struct sysctl_value again = *value;
	char text[SYSCTL_TEXT_MAX];
	size_t len = sysctl_format(s, value, text), consumed;
	int r;

	FUZZ_ASSERT(len > 0 && len <= sizeof(text) && text[len - 1] == '\n');
	r = sysctl_write(s, &again, text, len, 0, &consumed);
	FUZZ_ASSERT(memcmp(&again, value, sizeof(again)) == 0);
	for (int i = 0; r < 0 && i < s->count; i++)
		if (!sysctl_is_text(s) && !in_range(s, value->n[i]))
			return;
	FUZZ_ASSERT(r == 0 && consumed == len);
}

static void write_one(struct sysctl_store *store, const struct sysctl *s, const char *text,
		      size_t len, off_t offset)
{
	const struct sysctl *next = &sysctls[(s - sysctls + 1) % sysctls_count];
	struct sysctl_value old, new, beside, beside_new;
	size_t consumed = 0;
	int r;

	sysctl_store_get(store, s, &old);
	sysctl_store_get(store, next, &beside);
	r = sysctl_store_write(store, s, text, len, offset, &consumed);
	sysctl_store_get(store, s, &new);
	sysctl_store_get(store, next, &beside_new);
	FUZZ_ASSERT(r == 0 || r == -EINVAL || r == -EPERM);
	FUZZ_ASSERT(r < 0 || consumed <= len);
	FUZZ_ASSERT(r == 0 || s->count > 1 || memcmp(&old, &new, sizeof(old)) == 0);
	FUZZ_ASSERT(memcmp(&beside, &beside_new, sizeof(beside)) == 0 || sysctl_twin(s) == next);
	check_value(s, &old, &new);
	check_again(s, &new);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct sysctl_store store;

	if (fd < 0)
		fd = memfd_create("fuzz-sysctl", MFD_CLOEXEC);
	FUZZ_ASSERT(fd >= 0 && ftruncate(fd, 0) == 0 && sysctl_store_map(&store, fd) == 0);
	while (size >= 4) {
		const struct sysctl *s = &sysctls[(data[0] | data[1] << 8) % sysctls_count];
		off_t offset = data[2] < 0x80 ? 0 : data[2] - 0x80;
		size_t len = data[3] < size - 4 ? data[3] : size - 4;

		/* the others cannot be opened to write */
		if (s->policy == SYSCTL_PRIVATE || sysctl_is_shared(s))
			write_one(&store, s, (const char *)data + 4, len, offset);
		data += 4 + len;
		size -= 4 + len;
	}
	sysctl_store_close(&store);
	return 0;
}
