/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of "linux" that stay JSON until the file that acts on them reads them: here their shape
 * is checked, so that a wrong document is refused before anything exists.
 */
#include "config.h"
#include "runtime/spec-internal.h"

#include <string.h>

#define IFNAME_MAX 15 /* IFNAMSIZ - 1 */

/* A sysctl's name becomes a path below /proc/sys. */
static bool check_sysctl(json_t *linux_json, GError **error)
{
	json_t *map, *value;
	const char *name;

	if (!spec_string_map(linux_json, "linux", "sysctl", error) ||
	    !spec_get_object(linux_json, "linux", "sysctl", &map, error))
		return false;
	json_object_foreach(map, name, value)
	{
		if (strstr(name, "..") || name[0] == '/' || name[0] == '.' ||
		    strlen(name) > SPEC_PATH_MAX)
			return spec_bad(error, "linux", "sysctl", "\"%s\" is no name of a sysctl",
					name);
	}
	return true;
}

static bool check_time_offset(const struct spec *spec, json_t *json, const char *clock,
			      GError **error)
{
	g_autofree char *where = g_strdup_printf("linux.timeOffsets.%s", clock);
	int64_t value;
	bool present;

	if (strcmp(clock, "monotonic") != 0 && strcmp(clock, "boottime") != 0)
		return spec_bad(error, "linux", "timeOffsets",
				"unknown clock \"%s\"; give monotonic or boottime", clock);
	return spec_is_object(json, where, error) &&
	       spec_get_int(json, where, "secs", INT64_MIN, INT64_MAX, &present, &value, error) &&
	       spec_get_int(json, where, "nanosecs", 0, 999999999, &present, &value, error);
}

static bool check_time_offsets(const struct spec *spec, GError **error)
{
	const struct spec_namespace *ns = &spec->ns[SPEC_NS_TIME];
	json_t *value;
	const char *clock;

	if (spec->time_offsets && json_object_size(spec->time_offsets) &&
	    (!ns->present || ns->path))
		return spec_bad(error, "linux", "timeOffsets",
				"need a new time namespace in linux.namespaces");
	json_object_foreach(spec->time_offsets, clock, value)
	{
		if (!check_time_offset(spec, value, clock, error))
			return false;
	}
	return true;
}

/* dev_valid_name() of the kernel. */
static bool is_device_name(const char *name)
{
	return *name && strlen(name) <= IFNAME_MAX && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && !strpbrk(name, "/: \t\n\v\f\r");
}

static bool check_net_device(json_t *json, const char *name, GHashTable *taken, GError **error)
{
	g_autofree char *where = g_strdup_printf("linux.netDevices[\"%.64s\"]", name);
	g_autofree char *inside = NULL;

	if (!is_device_name(name))
		return spec_bad(error, where, "", "is no name of a network device");
	if (!spec_is_object(json, where, error) ||
	    !spec_get_string(json, where, "name", IFNAME_MAX, &inside, error))
		return false;
	if (!inside || !*inside) {
		g_free(inside);
		inside = g_strdup(name);
	}
	if (!is_device_name(inside))
		return spec_bad(error, where, "name", "\"%s\" is no name of a network device",
				inside);
	if (!g_hash_table_add(taken, g_strdup(inside)))
		return spec_bad(error, where, "name", "\"%s\" is given to two devices", inside);
	return true;
}

static bool check_net_devices(const struct spec *spec, GError **error)
{
	g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	json_t *value;
	const char *name;

	if (spec->net_devices && json_object_size(spec->net_devices) &&
	    !spec->ns[SPEC_NS_NETWORK].present)
		return spec_bad(error, "linux", "netDevices",
				"need a network namespace in linux.namespaces");
	json_object_foreach(spec->net_devices, name, value)
	{
		if (!check_net_device(value, name, taken, error))
			return false;
	}
	return true;
}

static bool check_intel_rdt(json_t *json, GError **error)
{
	g_autofree char *l3 = NULL, *mb = NULL, *clos = NULL;
	g_auto(GStrv) schemata = NULL;
	const char *where = "linux.intelRdt";
	bool flag;

	if (!spec_get_string(json, where, "closID", 255, &clos, error) ||
	    !spec_get_string(json, where, "l3CacheSchema", SPEC_PATH_MAX, &l3, error) ||
	    !spec_get_string(json, where, "memBwSchema", SPEC_PATH_MAX, &mb, error) ||
	    !spec_get_strv(json, where, "schemata", SPEC_PATH_MAX, &schemata, error) ||
	    !spec_get_bool(json, where, "enableMonitoring", &flag, error) ||
	    !spec_get_bool(json, where, "enableCMT", &flag, error) ||
	    !spec_get_bool(json, where, "enableMBM", &flag, error))
		return false;
	/* It becomes the name of a directory of resctrl. */
	if (clos && *clos &&
	    (strchr(clos, '/') || strcmp(clos, ".") == 0 || strcmp(clos, "..") == 0))
		return spec_bad(error, where, "closID", "\"%s\" is no name of a directory", clos);
	if (mb && *mb && (!g_str_has_prefix(mb, "MB:") || strchr(mb, '\n')))
		return spec_bad(error, where, "memBwSchema", "\"%s\" is not one line \"MB:…\"", mb);
	return true;
}

static bool is_one_of(const char *text, const char *const *list)
{
	return text && g_strv_contains(list, text);
}

static bool check_memory_policy(json_t *json, GError **error)
{
	static const char *const modes[] = { "MPOL_DEFAULT",	"MPOL_BIND",
					     "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
					     "MPOL_PREFERRED",	"MPOL_PREFERRED_MANY",
					     "MPOL_LOCAL",	NULL };
	static const char *const flags[] = { "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
					     "MPOL_F_STATIC_NODES", NULL };
	const char *where = "linux.memoryPolicy", *mode;
	g_autofree char *nodes = NULL;
	json_t *array, *item;
	size_t i;

	if (!json)
		return true;
	if (!spec_get_name(json, where, "mode", &mode, error) ||
	    !spec_get_string(json, where, "nodes", SPEC_PATH_MAX, &nodes, error) ||
	    !spec_get_array(json, where, "flags", &array, error))
		return false;
	if (!is_one_of(mode, modes))
		return spec_bad(error, where, "mode", "unknown mode \"%s\"", mode);
	if (nodes && strspn(nodes, "0123456789, -") != strlen(nodes))
		return spec_bad(error, where, "nodes", "\"%s\" is no list of nodes", nodes);
	json_array_foreach(array, i, item)
	{
		if (!is_one_of(json_string_value(item), flags))
			return spec_bad(error, where, "flags", "entry %zu is unknown", i);
	}
	return true;
}

/**
 * spec_parse_extras() - the objects that are borrowed from the document; after the namespaces
 */
bool spec_parse_extras(struct spec *spec, json_t *json, GError **error)
{
	return spec_get_object(json, "linux", "resources", &spec->resources, error) &&
	       spec_get_object(json, "linux", "seccomp", &spec->seccomp, error) &&
	       spec_get_object(json, "linux", "sysctl", &spec->sysctl, error) &&
	       check_sysctl(json, error) &&
	       spec_get_object(json, "linux", "timeOffsets", &spec->time_offsets, error) &&
	       check_time_offsets(spec, error) &&
	       spec_get_object(json, "linux", "netDevices", &spec->net_devices, error) &&
	       check_net_devices(spec, error) &&
	       spec_get_object(json, "linux", "intelRdt", &spec->intel_rdt, error) &&
	       check_intel_rdt(spec->intel_rdt, error) &&
	       spec_get_object(json, "linux", "memoryPolicy", &spec->memory_policy, error) &&
	       check_memory_policy(spec->memory_policy, error);
}
