/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors for people: -errno of machine code becomes a GError here, and only in this direction.
 * The code of an error is the exit status that it asks for.
 */
#include "config.h"
#include "runtime/error.h"

#include <errno.h>

GQuark cloister_error_quark(void)
{
	return g_quark_from_static_string("cloister-error-quark");
}

static void G_GNUC_PRINTF(4, 0)
	set_valist(GError **error, int code, int err, const char *format, va_list args)
{
	g_autofree char *text = g_strdup_vprintf(format, args);

	if (err)
		g_set_error(error, CLOISTER_ERROR, code, "%s: %s%s", text, g_strerror(err),
			    err == EMFILE ? "; raise their limit (`ulimit -n`)" : "");
	else
		g_set_error_literal(error, CLOISTER_ERROR, code, text);
}

/**
 * error_set() - set @error; Return: false, so that callers can return it
 */
bool error_set(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_valist(error, EXIT_USAGE, 0, format, args);
	va_end(args);
	return false;
}

/**
 * error_set_errno() - set @error with the text of @negative_errno behind it; Return: false
 */
bool error_set_errno(GError **error, int negative_errno, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_valist(error, EXIT_USAGE, -negative_errno, format, args);
	va_end(args);
	return false;
}

/**
 * error_set_code() - set @error with an exit status of its own; Return: false
 */
bool error_set_code(GError **error, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_valist(error, code, 0, format, args);
	va_end(args);
	return false;
}

/**
 * error_exit_status() - with which status the program ends because of @error, which may be NULL
 */
int error_exit_status(const GError *error)
{
	return error && error->domain == CLOISTER_ERROR ? error->code : EXIT_USAGE;
}
