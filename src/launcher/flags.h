/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <getopt.h>
#include <stdbool.h>

int flags_getopt(int argc, char **argv, const char *letters, const struct option *options);
