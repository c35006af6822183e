/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rendered texts. Whoever reads one holds a reference, so no lock is needed while it is copied to
 * the kernel, and an open file may take another text meanwhile. All of them together are capped:
 * the container decides how many files it keeps open.
 */
#include "config.h"
#include "snapshot.h"

#include <stdlib.h>

#define BYTES_MAX (32 * 1024 * 1024)
/* Kept for the container's root. */
#define BYTES_SPARE (8 * 1024 * 1024)

static size_t bytes; /* atomic: of all sealed snapshots */

/**
 * snapshot_new() - an empty one with one reference, to be filled and sealed; NULL without memory
 */
struct snapshot *snapshot_new(void)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (s)
		s->refs = 1;
	return s;
}

/**
 * snapshot_seal() - the text is complete: account for it
 * @root: for the container's root or the host's
 *
 * Return: false if it is not complete, or if all texts together would exceed the cap.
 */
bool snapshot_seal(struct snapshot *s, bool root)
{
	size_t max = root ? BYTES_MAX : BYTES_MAX - BYTES_SPARE;

	s->charged = s->text.cap;
	return __atomic_add_fetch(&bytes, s->charged, __ATOMIC_RELAXED) <= max && !s->text.failed;
}

/**
 * snapshot_ref() - one more user of @s
 */
struct snapshot *snapshot_ref(struct snapshot *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

/**
 * snapshot_unref() - one user less of @s, which may be NULL
 */
void snapshot_unref(struct snapshot *s)
{
	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	__atomic_sub_fetch(&bytes, s->charged, __ATOMIC_RELAXED);
	text_free(&s->text);
	free(s);
}
