/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "tmpcopyup": a tmpfs begins with what the root file system has at its mount point.
 */
#include <stdbool.h>

int copyup(int from_fd, int to_fd, bool attributes);
