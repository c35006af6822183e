/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Values of options: sizes, numbers of CPUs, users, volumes.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

char *option_path(const char *what, const char *path, GError **error);
bool option_size(const char *text, int64_t *bytes, GError **error);
bool option_cpus(const char *text, int64_t *quota_us, GError **error);
bool option_cpuset(const char *text, GError **error);
bool option_number(const char *what, const char *text, int64_t min, int64_t max, int64_t *value,
		   GError **error);
bool option_user(const char *text, uint32_t *uid, uint32_t *gid, GError **error);
bool option_pair(GPtrArray *list, const char *option, const char *text, GError **error);
bool option_env(GPtrArray *list, const char *text, GError **error);
bool option_env_file(GPtrArray *list, const char *path, GError **error);
bool option_caps(const char *option, const char *text, uint64_t *caps, GError **error);
bool option_signal(const char *text, int *signal, GError **error);
