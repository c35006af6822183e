/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * getopt_long(3), with flags that can be said as --flag=true and --flag=false too.
 */
#include <getopt.h>
#include <stdbool.h>

int flags_getopt(int argc, char **argv, const char *letters, const struct option *options);
