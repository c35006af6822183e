/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rights of a user as numbers, and what paths they lead to.
 */
#include <stddef.h>
#include <stdint.h>

#define USER_GROUPS_MAX	 1024
#define USER_RIGHTS_TEXT (11 * (2 + USER_GROUPS_MAX) + 1)

int user_rights(const char *user, char *text, size_t size, uint32_t *uid, uint32_t *gid);
int user_reaches(const char *rights, const char *path, int fd);
