/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a mount was not made.
 */
#include "config.h"
#include "complaint.h"

#include <stdarg.h>
#include <stdio.h>

/**
 * complain() - note why it fails
 *
 * What the user gave is part of it: bytes that would make it more than one line become "?".
 *
 * Return: false, for the caller to return.
 */
bool complain(struct complaint *c, enum mount_status status, const char *format, ...)
{
	va_list args;

	c->status = status;
	va_start(args, format);
	vsnprintf(c->text, sizeof(c->text), format, args);
	va_end(args);
	for (char *p = c->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return false;
}
