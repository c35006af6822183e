/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The options of the server.
 */
struct process;

int args_complain(const char *what, const char *object, int err);
int args_parse(struct process *p, int argc, char **argv);
