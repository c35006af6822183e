/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "linux": namespaces and id mappings, device nodes, paths, and where the cgroups are.
 * What belongs to one kernel interface each (sysctl, time offsets, …) is in spec-extras.c.
 */
#include "config.h"
#include "runtime/spec-internal.h"

#include <linux/personality.h>
#include <string.h>
#include <sys/mount.h>

#define CGROUPS_PATH_MAX 4000 /* bytes; our own cgroups are named below it */
#define MAJOR_MAX	 4095 /* of the kernel's 12 + 20 bits */
#define MINOR_MAX	 ((1 << 20) - 1)

static const char *const ns_names[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = "user",       [SPEC_NS_MOUNT] = "mount", [SPEC_NS_PID] = "pid",
	[SPEC_NS_NETWORK] = "network", [SPEC_NS_IPC] = "ipc",	  [SPEC_NS_UTS] = "uts",
	[SPEC_NS_CGROUP] = "cgroup",   [SPEC_NS_TIME] = "time",
};

/**
 * spec_ns_name() - "user", "mount", …
 */
const char *spec_ns_name(enum spec_ns ns)
{
	return ns_names[ns];
}

static int ns_from_name(const char *name)
{
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		if (strcmp(ns_names[i], name) == 0)
			return i;
	return -1;
}

static bool parse_namespace(struct spec *spec, json_t *json, const char *where, GError **error)
{
	g_autofree char *path = NULL;
	const char *type;
	int ns;

	if (!spec_is_object(json, where, error) ||
	    !spec_get_name(json, where, "type", &type, error) ||
	    !spec_get_string(json, where, "path", SPEC_PATH_MAX, &path, error))
		return false;
	ns = ns_from_name(type);
	if (ns < 0)
		return spec_bad(error, where, "type", "unknown namespace \"%s\"", type);
	if (spec->ns[ns].present)
		return spec_bad(error, where, "type", "\"%s\" is given twice", type);
	if (path && *path && path[0] != '/')
		return spec_bad(error, where, "path", "\"%s\" is not an absolute path", path);
	spec->ns[ns].present = true;
	if (path && *path)
		spec->ns[ns].path = g_steal_pointer(&path);
	return true;
}

static bool parse_namespaces(struct spec *spec, json_t *json, GError **error)
{
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(json, "linux", "namespaces", &array, error))
		return false;
	json_array_foreach(array, i, item)
	{
		char where[SPEC_WHERE_MAX];

		g_snprintf(where, sizeof(where), "linux.namespaces[%zu]", i);
		if (!parse_namespace(spec, item, where, error))
			return false;
	}
	return true;
}

static bool parse_numbers(struct spec_device *d, json_t *json, const char *where, GError **error)
{
	int64_t major, minor, mode, uid, gid;
	bool numbered = d->type != 'p', present, has_mode;

	if (!spec_get_int(json, where, "major", numbered ? 0 : INT64_MIN,
			  numbered ? MAJOR_MAX : INT64_MAX, numbered ? NULL : &present, &major,
			  error) ||
	    !spec_get_int(json, where, "minor", numbered ? 0 : INT64_MIN,
			  numbered ? MINOR_MAX : INT64_MAX, numbered ? NULL : &present, &minor,
			  error) ||
	    /* Engines leave the bits of the file's type in, in Go's numbering. */
	    !spec_get_int(json, where, "fileMode", 0, UINT32_MAX, &has_mode, &mode, error) ||
	    !spec_get_int(json, where, "uid", 0, UINT32_MAX - 1, &present, &uid, error) ||
	    !spec_get_int(json, where, "gid", 0, UINT32_MAX - 1, &present, &gid, error))
		return false;
	d->major = numbered ? major : 0;
	d->minor = numbered ? minor : 0;
	d->mode = has_mode ? mode & 0777 : 0666;
	d->uid = uid;
	d->gid = gid;
	return true;
}

static bool parse_device(struct spec_device *d, json_t *json, const char *where, GError **error)
{
	const char *type, *path;

	if (!spec_is_object(json, where, error) ||
	    !spec_get_name(json, where, "type", &type, error) ||
	    !spec_get_name(json, where, "path", &path, error))
		return false;
	if (strlen(type) != 1 || !strchr("cbup", type[0]))
		return spec_bad(error, where, "type", "\"%s\" is not c, b, u or p", type);
	if (path[0] != '/')
		return spec_bad(error, where, "path", "\"%s\" is not an absolute path", path);
	d->type = type[0] == 'u' ? 'c' : type[0];
	d->path = g_canonicalize_filename(path + strspn(path, "/"), "/");
	return parse_numbers(d, json, where, error);
}

static void device_free(void *data)
{
	struct spec_device *d = data;

	g_free(d->path);
	g_free(d);
}

/* The array "linux.devices", which may be NULL. */
static bool parse_devices(struct spec *spec, json_t *array, GError **error)
{
	json_t *item;
	size_t i;

	spec->devices = g_ptr_array_new_with_free_func(device_free);
	json_array_foreach(array, i, item)
	{
		struct spec_device *d = g_new0(struct spec_device, 1);
		char where[SPEC_WHERE_MAX];

		g_ptr_array_add(spec->devices, d);
		g_snprintf(where, sizeof(where), "linux.devices[%zu]", i);
		if (!parse_device(d, item, where, error))
			return false;
	}
	return true;
}

static bool parse_paths(json_t *json, const char *key, char ***ret, GError **error)
{
	if (!spec_get_strv(json, "linux", key, SPEC_PATH_MAX, ret, error))
		return false;
	for (size_t i = 0; (*ret)[i]; i++)
		if ((*ret)[i][0] != '/')
			return spec_bad(error, "linux", key,
					"entry %zu, \"%s\", is not an absolute path", i, (*ret)[i]);
	return true;
}

static bool has_dot_dot(const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);

	return g_strv_contains((const char *const *)parts, "..");
}

static bool parse_cgroups_path(struct spec *spec, json_t *json, GError **error)
{
	char **path = &spec->cgroups_path;

	if (!spec_get_string(json, "linux", "cgroupsPath", CGROUPS_PATH_MAX, path, error))
		return false;
	if (*path && !**path)
		g_clear_pointer(path, g_free);
	if (*path && (has_dot_dot(*path) || strpbrk(*path, "\n\r")))
		return spec_bad(error, "linux", "cgroupsPath",
				"\"%s\" contains \"..\" or a line break; give the path of a cgroup",
				*path);
	return true;
}

static bool parse_root_propagation(struct spec *spec, json_t *json, GError **error)
{
	g_autofree char *name = NULL;

	if (!spec_get_string(json, "linux", "rootfsPropagation", 64, &name, error))
		return false;
	if (name && *name && !spec_propagation(name, &spec->root_propagation))
		return spec_bad(error, "linux", "rootfsPropagation",
				"\"%s\" is not private, slave, shared or unbindable", name);
	return true;
}

static bool parse_personality(struct spec *spec, json_t *json, GError **error)
{
	const char *where = "linux.personality";
	json_t *personality, *flags;
	const char *domain;

	spec->personality = PER_LINUX;
	if (!spec_get_object(json, "linux", "personality", &personality, error))
		return false;
	if (!personality)
		return true;
	if (!spec_get_name(personality, where, "domain", &domain, error) ||
	    !spec_get_array(personality, where, "flags", &flags, error))
		return false;
	if (json_array_size(flags))
		return spec_bad(error, where, "flags", "are not supported; leave them out");
	if (strcmp(domain, "LINUX32") == 0)
		spec->personality = PER_LINUX32;
	else if (strcmp(domain, "LINUX") != 0)
		return spec_bad(error, where, "domain", "\"%s\" is not LINUX or LINUX32", domain);
	return true;
}

/* It becomes the mount option context="LABEL" of each new file system. */
static bool parse_mount_label(struct spec *spec, json_t *json, GError **error)
{
	char **label = &spec->mount_label;

	if (!spec_get_string(json, "linux", "mountLabel", SPEC_PATH_MAX, label, error))
		return false;
	if (*label && strpbrk(*label, "\"\n"))
		return spec_bad(error, "linux", "mountLabel", "contains a quote or a newline");
	if (*label && !**label)
		g_clear_pointer(label, g_free);
	return true;
}

/**
 * spec_parse_linux() - the object "linux"; @json: may be NULL
 */
bool spec_parse_linux(struct spec *spec, json_t *json, GError **error)
{
	json_t *devices;

	return parse_namespaces(spec, json, error) &&
	       spec_get_map(json, "linux", "uidMappings", spec->uid_map, error) &&
	       spec_get_map(json, "linux", "gidMappings", spec->gid_map, error) &&
	       spec_get_array(json, "linux", "devices", &devices, error) &&
	       parse_devices(spec, devices, error) &&
	       parse_paths(json, "maskedPaths", &spec->masked_paths, error) &&
	       parse_paths(json, "readonlyPaths", &spec->readonly_paths, error) &&
	       parse_cgroups_path(spec, json, error) && parse_root_propagation(spec, json, error) &&
	       parse_personality(spec, json, error) && parse_mount_label(spec, json, error) &&
	       spec_parse_extras(spec, json, error);
}
