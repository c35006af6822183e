/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * User namespaces as maps: one made for a map, and the map of one that is there.
 */
#include <stddef.h>

/* A map file holds at most 340 lines (user_namespaces(7)) of three numbers of ten digits. */
#define USERNS_MAP_TEXT (340 * 33 + 1)

int userns_make(int proc_fd, const char *uid_map, const char *gid_map);
int userns_read_maps(int proc_fd, int userns_fd, char *uid_map, char *gid_map, size_t size);
