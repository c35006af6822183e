/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shared by the files that read config.json: values of one JSON object, by key, with the type that
 * the specification gives them. An absent property and a JSON null are the same: not there.
 *
 * Every getter takes the object's path in the document ("process.user", "mounts[3]", "" at the top)
 * for the error, and returns false and *@error if the property is there and is of another type.
 */
#include "runtime/spec.h"

#define SPEC_PATH_MAX	4095	  /* bytes of a path, as the kernel takes it (PATH_MAX - 1) */
#define SPEC_STRING_MAX (1 << 20) /* of everything that has no limit of its own */
#define SPEC_WHERE_MAX	96	  /* bytes of an object's own path in the document */

bool spec_bad(GError **error, const char *where, const char *key, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
void spec_warn(GPtrArray *warnings, const char *where, const char *key, const char *format, ...)
	G_GNUC_PRINTF(4, 5);

json_t *spec_get(json_t *object, const char *key);
bool spec_is_object(json_t *json, const char *where, GError **error);
bool spec_get_object(json_t *object, const char *where, const char *key, json_t **ret,
		     GError **error);
bool spec_get_array(json_t *object, const char *where, const char *key, json_t **ret,
		    GError **error);
bool spec_get_bool(json_t *object, const char *where, const char *key, bool *ret, GError **error);
bool spec_get_int(json_t *object, const char *where, const char *key, int64_t min, int64_t max,
		  bool *present, int64_t *ret, GError **error);
bool spec_get_u64(json_t *object, const char *where, const char *key, bool required, uint64_t *ret,
		  GError **error);
bool spec_get_string(json_t *object, const char *where, const char *key, size_t max, char **ret,
		     GError **error);
bool spec_get_name(json_t *object, const char *where, const char *key, const char **ret,
		   GError **error);
bool spec_get_strv(json_t *object, const char *where, const char *key, size_t max, char ***ret,
		   GError **error);
bool spec_string_value(json_t *item, const char *where, const char *key, size_t max,
		       const char **ret, GError **error);
bool spec_string_map(json_t *object, const char *where, const char *key, GError **error);
bool spec_get_map(json_t *object, const char *where, const char *key, GArray *maps, GError **error);

bool spec_propagation(const char *name, unsigned long *ret);
char *spec_path_below(const char *bundle, const char *path);

bool spec_parse_mounts(struct spec *spec, json_t *array, GError **error);
bool spec_parse_linux(struct spec *spec, json_t *json, GError **error);
bool spec_parse_hooks(struct spec *spec, json_t *json, GError **error);
bool spec_parse_extras(struct spec *spec, json_t *json, GError **error);
bool spec_parse_scheduler(json_t *json, const char *where, struct spec_scheduler *s,
			  GError **error);
bool spec_parse_ioprio(json_t *json, const char *where, int *ret, GError **error);
