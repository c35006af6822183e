/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending text and numbers. printf is not used in the providers: it was half of the time of a
 * meminfo.
 */
#include "config.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/**
 * text_clear() - empty @t, keep its memory
 */
void text_clear(struct text *t)
{
	t->len = 0;
	t->failed = false;
}

/**
 * text_free() - give the memory of @t back; @t is empty then
 */
void text_free(struct text *t)
{
	free(t->buf);
	*t = (struct text){ 0 };
}

/**
 * text_reserve() - make room for @more bytes
 *
 * Return: false if that cannot be; @t is marked as failed.
 */
bool text_reserve(struct text *t, size_t more)
{
	size_t need = t->len + more, cap = t->cap ? t->cap : 256;
	char *p;

	if (need <= t->cap)
		return true;
	while (cap < need)
		cap *= 2;
	p = need <= TEXT_MAX ? realloc(t->buf, cap) : NULL;
	if (!p) {
		t->failed = true;
		return false;
	}
	t->buf = p;
	t->cap = cap;
	return true;
}

/**
 * text_bytes() - append @len bytes of @s
 */
void text_bytes(struct text *t, const char *s, size_t len)
{
	if (len == 0 || !text_reserve(t, len))
		return;
	memcpy(t->buf + t->len, s, len);
	t->len += len;
}

/**
 * text_str() - append the string @s
 */
void text_str(struct text *t, const char *s)
{
	text_bytes(t, s, strlen(s));
}

/**
 * text_num_width() - append @v in decimal, filled on the left with @pad to at least @width
 */
void text_num_width(struct text *t, uint64_t v, unsigned int width, char pad)
{
	char digits[20];
	unsigned int n = 0;

	do {
		digits[sizeof(digits) - ++n] = '0' + v % 10;
		v /= 10;
	} while (v);
	if (width > n && text_reserve(t, width - n)) {
		memset(t->buf + t->len, pad, width - n);
		t->len += width - n;
	}
	text_bytes(t, digits + sizeof(digits) - n, n);
}

/**
 * text_num() - append @v in decimal
 */
void text_num(struct text *t, uint64_t v)
{
	text_num_width(t, v, 0, ' ');
}
