/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors for people: -errno of machine code becomes a GError here, and only in this direction.
 */
#include <glib.h>
#include <stdbool.h>

/* Exit statuses as container tools have them. */
enum {
	EXIT_USAGE = 125,	   /* Cloister could not start the container */
	EXIT_NOT_EXECUTABLE = 126, /* the command cannot be executed */
	EXIT_NOT_FOUND = 127,	   /* the command is not there */
};

GQuark cloister_error_quark(void);
#define CLOISTER_ERROR (cloister_error_quark())

bool error_set(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool error_set_errno(GError **error, int negative_errno, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
bool error_set_code(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);
int error_exit_status(const GError *error);
