/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Archives that go to the engine (docker cp): plain ones only, where the engine would unpack others
 * with programs of the container.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an archive begins that is on its way to the engine. */
struct archive {
	bool plain; /* it may not be compressed */
	uint8_t first[8];
	size_t n; /* of these have come */
};

extern const char archive_refusal[];

bool archive_needs_plain(json_t *info);
bool archive_may_pass(struct archive *a, const char *data, size_t len);
