/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A text as it was rendered: shared by the open files that show it, and never changed.
 */
#include "text.h"

struct snapshot {
	unsigned int refs; /* atomic */
	size_t charged;
	struct text text;
};

struct snapshot *snapshot_new(void);
bool snapshot_seal(struct snapshot *s, bool root);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);
