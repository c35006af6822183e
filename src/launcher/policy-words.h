/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The words of `cloister policy`.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

struct policy_options {
	const char *image;
	const char *store; /* Docker's directory */
	GPtrArray *mounts; /* const char * */
	bool readonly, strict, force, as_json;
};

int policy_explain(const struct policy_options *o);
int policy_test(const struct policy_options *o);
void policy_print_json(json_t *json);
