/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of the policy, for people: one line, whatever names it quotes.
 */
#include "config.h"
#include "policy/policy-error.h"

G_DEFINE_QUARK(policy - error - quark, policy_error)

/**
 * policy_error_set() - set @error; Return: false, so that callers can return it
 */
bool policy_error_set(GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, POLICY_ERROR, 0, g_strdelimit(text, "\n\r", ' '));
	return false;
}
