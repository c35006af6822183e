/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values out of a JSON document, and errors that name the property they are about.
 */
#include "config.h"
#include "runtime/spec-internal.h"

#include "runtime/error.h"

#include <stdarg.h>
#include <string.h>

#define SHOWN_MAX 400 /* bytes of a message: values may be a megabyte of anything */

/* One line, of printable UTF-8, of bounded length. */
static char *presentable(const char *text)
{
	g_autofree char *cut = g_strndup(text, SHOWN_MAX);
	char *valid = g_utf8_make_valid(cut, -1);

	for (char *p = valid; *p; p++)
		if (g_ascii_iscntrl(*p))
			*p = '?';
	if (strlen(text) > SHOWN_MAX) {
		char *longer = g_strconcat(valid, "…", NULL);

		g_free(valid);
		return longer;
	}
	return valid;
}

static char *G_GNUC_PRINTF(3, 0)
	message(const char *where, const char *key, const char *format, va_list args)
{
	g_autofree char *text = g_strdup_vprintf(format, args);
	g_autofree char *whole = g_strdup_printf("%s%s%s%s%s", where, *where && *key ? "." : "",
						 key, *where || *key ? ": " : "", text);

	return presentable(whole);
}

/**
 * spec_bad() - set @error to "WHERE.KEY: text"; Return: false
 * @key: may be "" if @where says it all
 */
bool spec_bad(GError **error, const char *where, const char *key, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = message(where, key, format, args);
	va_end(args);
	return error_set(error, "%s", text);
}

/**
 * spec_warn() - the same as a line of @warnings
 */
void spec_warn(GPtrArray *warnings, const char *where, const char *key, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(warnings, message(where, key, format, args));
	va_end(args);
}

static const char *type_name(json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a fraction";
	case JSON_NULL:
		return "null";
	default:
		return "a boolean";
	}
}

static bool wrong_type(GError **error, const char *where, const char *key, const char *wanted,
		       json_t *json)
{
	return spec_bad(error, where, key, "is %s; give %s", type_name(json), wanted);
}

/**
 * spec_get() - the property @key of @object, or NULL if there is none, or a null
 */
json_t *spec_get(json_t *object, const char *key)
{
	json_t *json = json_object_get(object, key);

	return json && !json_is_null(json) ? json : NULL;
}

/**
 * spec_is_object() - @json, an array's element, is an object
 */
bool spec_is_object(json_t *json, const char *where, GError **error)
{
	return json_is_object(json) || wrong_type(error, where, "", "an object", json);
}

/**
 * spec_get_object() - the property @key has to be an object, if it is there
 * @where: of @object, for messages
 * @ret: borrowed; NULL if it is absent
 */
bool spec_get_object(json_t *object, const char *where, const char *key, json_t **ret,
		     GError **error)
{
	*ret = spec_get(object, key);
	return !*ret || json_is_object(*ret) || wrong_type(error, where, key, "an object", *ret);
}

/**
 * spec_get_array() - the same for an array
 */
bool spec_get_array(json_t *object, const char *where, const char *key, json_t **ret,
		    GError **error)
{
	*ret = spec_get(object, key);
	return !*ret || json_is_array(*ret) || wrong_type(error, where, key, "an array", *ret);
}

/**
 * spec_get_bool() - the same for true or false; @ret is false if it is absent
 */
bool spec_get_bool(json_t *object, const char *where, const char *key, bool *ret, GError **error)
{
	json_t *json = spec_get(object, key);

	if (json && !json_is_boolean(json))
		return wrong_type(error, where, key, "true or false", json);
	*ret = json_is_true(json);
	return true;
}

/**
 * spec_get_int() - an integer in [@min, @max]
 * @present: if NULL, the property is required
 */
bool spec_get_int(json_t *object, const char *where, const char *key, int64_t min, int64_t max,
		  bool *present, int64_t *ret, GError **error)
{
	json_t *json = spec_get(object, key);

	*ret = 0;
	if (present)
		*present = json != NULL;
	if (!json)
		return present || spec_bad(error, where, key, "is missing");
	if (!json_is_integer(json))
		return wrong_type(error, where, key, "an integer", json);
	*ret = json_integer_value(json);
	if (*ret < min || *ret > max)
		return spec_bad(error, where, key, "%lld is not between %lld and %lld",
				(long long)*ret, (long long)min, (long long)max);
	return true;
}

/**
 * spec_get_u64() - an unsigned 64-bit integer
 *
 * What is above INT64_MAX arrives as the negative number of the same bits (spec_parse_json()), so
 * -1 is read as 2^64 - 1 too, which is what it means for a limit.
 */
bool spec_get_u64(json_t *object, const char *where, const char *key, bool required, uint64_t *ret,
		  GError **error)
{
	bool present;
	int64_t value;

	if (!spec_get_int(object, where, key, INT64_MIN, INT64_MAX, required ? NULL : &present,
			  &value, error))
		return false;
	*ret = value;
	return true;
}

/**
 * spec_string_value() - a string of at most @max bytes without NUL, borrowed from @item
 */
bool spec_string_value(json_t *item, const char *where, const char *key, size_t max,
		       const char **ret, GError **error)
{
	size_t len = json_string_length(item);

	if (!json_is_string(item))
		return wrong_type(error, where, key, "a string", item);
	*ret = json_string_value(item);
	if (len > max)
		return spec_bad(error, where, key, "is %zu bytes long; at most %zu are possible",
				len, max);
	if (strlen(*ret) != len)
		return spec_bad(error, where, key, "contains a NUL byte");
	return true;
}

/**
 * spec_get_string() - a string of at most @max bytes; absent: NULL
 * @ret: what was in it before is freed
 */
bool spec_get_string(json_t *object, const char *where, const char *key, size_t max, char **ret,
		     GError **error)
{
	json_t *json = spec_get(object, key);
	const char *value = NULL;

	if (json && !spec_string_value(json, where, key, max, &value, error))
		return false;
	g_free(*ret);
	*ret = g_strdup(value);
	return true;
}

/**
 * spec_get_name() - a string that is required and not empty, borrowed
 */
bool spec_get_name(json_t *object, const char *where, const char *key, const char **ret,
		   GError **error)
{
	json_t *json = spec_get(object, key);

	if (!json)
		return spec_bad(error, where, key, "is missing");
	if (!spec_string_value(json, where, key, SPEC_PATH_MAX, ret, error))
		return false;
	return **ret || spec_bad(error, where, key, "is empty");
}

/**
 * spec_get_strv() - an array of strings, each of at most @max bytes; absent: an empty one
 * @ret: what was in it before is freed
 */
bool spec_get_strv(json_t *object, const char *where, const char *key, size_t max, char ***ret,
		   GError **error)
{
	g_auto(GStrv) strv = NULL;
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(object, where, key, &array, error))
		return false;
	strv = g_new0(char *, json_array_size(array) + 1);
	json_array_foreach(array, i, item)
	{
		g_autofree char *name = g_strdup_printf("%s[%zu]", key, i);
		const char *value;

		if (!spec_string_value(item, where, name, max, &value, error))
			return false;
		strv[i] = g_strdup(value);
	}
	g_strfreev(*ret);
	*ret = g_steal_pointer(&strv);
	return true;
}

/**
 * spec_string_map() - the property @key, if there, is an object whose values are strings
 */
bool spec_string_map(json_t *object, const char *where, const char *key, GError **error)
{
	json_t *map, *value;
	const char *name;

	if (!spec_get_object(object, where, key, &map, error))
		return false;
	json_object_foreach(map, name, value)
	{
		g_autofree char *inner = g_strdup_printf("%s[\"%s\"]", key, name);
		const char *text;

		if (!*name)
			return spec_bad(error, where, key, "has an empty key");
		if (!spec_string_value(value, where, inner, SPEC_STRING_MAX, &text, error))
			return false;
	}
	return true;
}

static bool get_map_entry(json_t *item, const char *where, struct spec_map *map, GError **error)
{
	int64_t inside, outside, count;

	if (!spec_is_object(item, where, error) ||
	    !spec_get_int(item, where, "containerID", 0, UINT32_MAX - 1, NULL, &inside, error) ||
	    !spec_get_int(item, where, "hostID", 0, UINT32_MAX - 1, NULL, &outside, error) ||
	    !spec_get_int(item, where, "size", 1, UINT32_MAX, NULL, &count, error))
		return false;
	/* UINT32_MAX is no id: it stands for "none" in system calls. */
	if (inside + count > UINT32_MAX || outside + count > UINT32_MAX)
		return spec_bad(error, where, "size", "%lld ids reach beyond the last id, %u",
				(long long)count, UINT32_MAX - 1);
	*map = (struct spec_map){ inside, outside, count };
	return true;
}

/**
 * spec_get_map() - add the id mappings of the array @key to @maps
 */
bool spec_get_map(json_t *object, const char *where, const char *key, GArray *maps, GError **error)
{
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(object, where, key, &array, error))
		return false;
	json_array_foreach(array, i, item)
	{
		g_autofree char *inner = g_strdup_printf("%s%s%s[%zu]", where, *where ? "." : "",
							 key, i);
		struct spec_map map;

		if (!get_map_entry(item, inner, &map, error))
			return false;
		g_array_append_val(maps, map);
	}
	return true;
}
