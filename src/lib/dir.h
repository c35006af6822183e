/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Directory streams: opened relative to a descriptor, scoped, without "." and "..".
 */
#include <dirent.h>

DIR *dir_open_at(int dirfd, const char *name);
struct dirent *dir_next(DIR *dir);

void dir_cleanup(DIR **dir);

/* Closes at the end of the scope and keeps errno. Initialise. */
#define autodir __attribute__((cleanup(dir_cleanup))) DIR *
