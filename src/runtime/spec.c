/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading config.json of the OCI runtime specification (1.x) into struct spec.
 *
 * Theory of operation: the document comes from the engine, which is trusted with what it asks for,
 * but not to be free of mistakes: what a container's user can influence (names, paths, labels,
 * environment) arrives here as the engine passed it on. So the document is read once and
 * completely, before anything exists. A property that the specification knows has the type and
 * range that it gives, or the whole document is refused with the property's path; what it does not
 * know is ignored. Paths are only names: they are resolved later, once, to descriptors.
 *
 * spec-load.c text to JSON; spec-json.c typed values; spec-process.c, spec-sched.c, spec-mounts.c,
 * spec-hooks.c, spec-linux.c, spec-extras.c the parts; spec-check.c what Cloister asks for besides.
 */
#include "config.h"
#include "runtime/spec.h"

#include "runtime/error.h"
#include "runtime/resources.h"
#include "runtime/spec-internal.h"

#include <string.h>

#define UTS_NAME_MAX 64 /* bytes: __NEW_UTS_LEN */

/* A number without leading zeros. Return: behind it, or NULL. */
static const char *skip_number(const char *p)
{
	size_t n = strspn(p, "0123456789");

	return n == 0 || (n > 1 && p[0] == '0') ? NULL : p + n;
}

/* The rest of a version, of dot-separated words: "-rc.1", "+build". */
static const char *skip_words(const char *p, bool numbers_too)
{
	do {
		const char *word = p + 1;
		size_t n = strspn(
			word, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");

		if (n == 0 ||
		    (!numbers_too && n > 1 && *word == '0' && strspn(word, "0123456789") == n))
			return NULL;
		p = word + n;
	} while (*p == '.');
	return p;
}

/* Semantic versioning 2.0.0. */
static bool is_version(const char *text)
{
	const char *p = skip_number(text);

	for (int i = 0; i < 2; i++)
		p = p && *p == '.' ? skip_number(p + 1) : NULL;
	if (p && *p == '-')
		p = skip_words(p, false);
	if (p && *p == '+')
		p = skip_words(p, true);
	return p && !*p;
}

static bool check_version(json_t *json, GError **error)
{
	const char *version;

	if (!spec_get_name(json, "", "ociVersion", &version, error))
		return false;
	if (!is_version(version))
		return spec_bad(error, "", "ociVersion", "\"%s\" is not MAJOR.MINOR.PATCH",
				version);
	if (!g_str_has_prefix(version, "1."))
		return spec_bad(error, "", "ociVersion",
				"%s is not supported; give a specification of version 1", version);
	return true;
}

/**
 * spec_path_below() - @path, from @bundle on if it is relative; g_free()
 */
char *spec_path_below(const char *bundle, const char *path)
{
	/* ".." behind a symlink is for the kernel to resolve. */
	if (strstr(path, ".."))
		return path[0] == '/' ? g_strdup(path) : g_build_filename(bundle, path, NULL);
	return g_canonicalize_filename(path, bundle);
}

static bool parse_root(struct spec *spec, json_t *json, GError **error)
{
	json_t *kind = json_object_get(spec->annotations, ANNOTATION_ROOTFS);
	const char *path;
	json_t *root;

	if (!spec_get_object(json, "", "root", &root, error))
		return false;
	if (!spec_get_name(root, "root", "path", &path, error) ||
	    !spec_get_bool(root, "root", "readonly", &spec->root_readonly, error))
		return false;
	spec->root_path = spec_path_below(spec->bundle, path);
	if (strlen(spec->root_path) > SPEC_PATH_MAX)
		return spec_bad(error, "root", "path", "is too long");
	spec->root_tmpfs = g_strcmp0(json_string_value(kind), "tmpfs") == 0;
	kind = json_object_get(spec->annotations, ANNOTATION_FALLBACK);
	spec->serve_always = g_strcmp0(json_string_value(kind), "always") == 0;
	return true;
}

static bool parse_uts_name(struct spec *spec, json_t *json, const char *key, char **ret,
			   GError **error)
{
	if (!spec_get_string(json, "", key, UTS_NAME_MAX, ret, error))
		return false;
	if (*ret && !**ret)
		g_clear_pointer(ret, g_free);
	if (*ret && !spec->ns[SPEC_NS_UTS].present)
		return spec_bad(error, "", key, "needs a uts namespace in linux.namespaces");
	return true;
}

/* The process's warnings become those of the whole document. */
static bool parse_process(struct spec *spec, json_t *json, GError **error)
{
	json_t *process;

	if (!spec_get_object(json, "", "process", &process, error) ||
	    !spec_parse_process(process, &spec->process, error))
		return false;
	spec->has_process = process != NULL;
	for (guint i = 0; i < spec->process.warnings->len; i++)
		g_ptr_array_add(spec->warnings,
				g_strdup(g_ptr_array_index(spec->process.warnings, i)));
	return true;
}

static bool parse_top(struct spec *spec, json_t *json, GError **error)
{
	json_t *hooks, *linux_json, *mounts;

	return check_version(json, error) && spec_string_map(json, "", "annotations", error) &&
	       spec_get_object(json, "", "annotations", &spec->annotations, error) &&
	       parse_root(spec, json, error) && parse_process(spec, json, error) &&
	       spec_get_object(json, "", "hooks", &hooks, error) &&
	       spec_parse_hooks(spec, hooks, error) &&
	       spec_get_object(json, "", "linux", &linux_json, error) &&
	       spec_parse_linux(spec, linux_json, error) &&
	       spec_get_array(json, "", "mounts", &mounts, error) &&
	       spec_parse_mounts(spec, mounts, error) &&
	       parse_uts_name(spec, json, "hostname", &spec->hostname, error) &&
	       parse_uts_name(spec, json, "domainname", &spec->domainname, error) &&
	       resources_parse(spec->resources, &spec->limits, error);
}

/**
 * spec_from_json() - make a specification of a parsed document
 * @json: taken over, also on failure
 * @bundle: directory from which root.path and sources of bind mounts may be relative
 *
 * Return: to be freed with spec_free(), or NULL and *@error.
 */
struct spec *spec_from_json(json_t *json, const char *bundle, GError **error)
{
	autospec spec = g_new0(struct spec, 1);

	spec->json = json;
	spec->bundle = g_canonicalize_filename(bundle, NULL);
	spec->warnings = g_ptr_array_new_with_free_func(g_free);
	spec->uid_map = g_array_new(false, false, sizeof(struct spec_map));
	spec->gid_map = g_array_new(false, false, sizeof(struct spec_map));
	if (!json_is_object(json)) {
		error_set(error, "the specification is not a JSON object");
		return NULL;
	}
	return parse_top(spec, json, error) ? g_steal_pointer(&spec) : NULL;
}

/**
 * spec_load() - read @bundle/@config
 */
struct spec *spec_load(const char *bundle, const char *config, GError **error)
{
	g_autofree char *path = g_path_is_absolute(config) ? g_strdup(config)
							   : g_build_filename(bundle, config, NULL);
	json_t *json = spec_read_json(path, error);

	return json ? spec_from_json(json, bundle, error) : NULL;
}

/**
 * spec_free() - free a specification with all that points into it
 */
void spec_free(struct spec *spec)
{
	spec_process_clear(&spec->process);
	g_clear_pointer(&spec->mounts, g_ptr_array_unref);
	g_clear_pointer(&spec->devices, g_ptr_array_unref);
	g_clear_pointer(&spec->warnings, g_ptr_array_unref);
	g_clear_pointer(&spec->uid_map, g_array_unref);
	g_clear_pointer(&spec->gid_map, g_array_unref);
	for (int i = 0; i < SPEC_HOOK_COUNT; i++)
		g_clear_pointer(&spec->hooks[i], g_ptr_array_unref);
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		g_free(spec->ns[i].path);
	g_free(spec->bundle);
	g_free(spec->root_path);
	g_free(spec->hostname);
	g_free(spec->domainname);
	g_strfreev(spec->masked_paths);
	g_strfreev(spec->readonly_paths);
	g_free(spec->cgroups_path);
	g_free(spec->mount_label);
	cgroup_limits_clear(&spec->limits);
	json_decref(spec->json);
	g_free(spec);
}
