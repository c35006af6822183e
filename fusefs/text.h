/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A growing text that a provider fills. An append that fails (no memory, over the cap) is
 * remembered, so that providers need not check each.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one open file may make the server hold: the cpuinfo of some 2500 CPUs. */
#define TEXT_MAX (4 * 1024 * 1024)

struct text {
	char *buf;
	size_t len, cap;
	bool failed;
};

void text_clear(struct text *t);
void text_free(struct text *t);
bool text_reserve(struct text *t, size_t more);
void text_bytes(struct text *t, const char *s, size_t len);
void text_str(struct text *t, const char *s);
void text_num(struct text *t, uint64_t v);
void text_num_width(struct text *t, uint64_t v, unsigned int width, char pad);
