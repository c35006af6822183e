/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "hooks": programs of the engine at six points of a container's life.
 */
#include "config.h"
#include "runtime/spec-internal.h"

#include <limits.h>

static const char *const hook_names[SPEC_HOOK_COUNT] = {
	[SPEC_HOOK_PRESTART] = "prestart",
	[SPEC_HOOK_CREATE_RUNTIME] = "createRuntime",
	[SPEC_HOOK_CREATE_CONTAINER] = "createContainer",
	[SPEC_HOOK_START_CONTAINER] = "startContainer",
	[SPEC_HOOK_POSTSTART] = "poststart",
	[SPEC_HOOK_POSTSTOP] = "poststop",
};

/**
 * spec_hook_name() - "prestart", "createRuntime", …
 */
const char *spec_hook_name(enum spec_hook_kind kind)
{
	return hook_names[kind];
}

static void hook_free(void *data)
{
	struct spec_hook *hook = data;

	g_free(hook->path);
	g_strfreev(hook->args);
	g_strfreev(hook->env);
	g_free(hook);
}

static bool parse_hook(struct spec_hook *hook, json_t *json, const char *where, GError **error)
{
	const char *path;
	int64_t timeout;
	bool present;

	if (!spec_is_object(json, where, error) ||
	    !spec_get_name(json, where, "path", &path, error) ||
	    !spec_get_strv(json, where, "args", SPEC_STRING_MAX, &hook->args, error) ||
	    !spec_get_strv(json, where, "env", SPEC_STRING_MAX, &hook->env, error) ||
	    !spec_get_int(json, where, "timeout", 1, INT_MAX, &present, &timeout, error))
		return false;
	if (path[0] != '/')
		return spec_bad(error, where, "path", "\"%s\" is not an absolute path", path);
	hook->path = g_strdup(path);
	hook->timeout = timeout;
	if (!hook->args[0]) {
		g_strfreev(hook->args);
		hook->args = g_new0(char *, 2);
		hook->args[0] = g_strdup(path);
	}
	return true;
}

static bool parse_kind(GPtrArray *hooks, json_t *json, const char *name, GError **error)
{
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(json, "hooks", name, &array, error))
		return false;
	json_array_foreach(array, i, item)
	{
		struct spec_hook *hook = g_new0(struct spec_hook, 1);
		char where[SPEC_WHERE_MAX];

		g_ptr_array_add(hooks, hook);
		g_snprintf(where, sizeof(where), "hooks.%s[%zu]", name, i);
		if (!parse_hook(hook, item, where, error))
			return false;
	}
	return true;
}

/**
 * spec_parse_hooks() - the object "hooks", each kind in its order; @json: may be NULL
 */
bool spec_parse_hooks(struct spec *spec, json_t *json, GError **error)
{
	for (int kind = 0; kind < SPEC_HOOK_COUNT; kind++)
		spec->hooks[kind] = g_ptr_array_new_with_free_func(hook_free);
	for (int kind = 0; kind < SPEC_HOOK_COUNT; kind++)
		if (!parse_kind(spec->hooks[kind], json, hook_names[kind], error))
			return false;
	return true;
}
