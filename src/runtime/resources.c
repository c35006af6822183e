/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "linux.resources" object of the OCI specification (also of `update`) as struct cgroup_limits.
 *
 * Types and ranges are checked here, so that what is wrong is refused before anything is changed;
 * unknown properties are ignored, as the specification wants it.
 */
#include "config.h"
#include "runtime/resources.h"

#include "runtime/error.h"

#include <string.h>

#define MAX_SHARES 262144

/* Where we are in the document, for messages. */
struct place {
	const char *object; /* "memory", "blockIO.weightDevice[3]" */
	json_t *json;
	GError **error;
};

static bool bad(const struct place *at, const char *key, const char *want)
{
	return error_set(at->error, "linux.resources.%s%s%s: give %s", at->object, *key ? "." : "",
			 key, want);
}

static bool is_given(const struct place *at, const char *key)
{
	json_t *value = json_object_get(at->json, key);

	return value && !json_is_null(value);
}

/* Sets *@ret if @key is there: an integer from @min to @max. */
static bool get_integer(const struct place *at, const char *key, int64_t min, int64_t max,
			int64_t *ret)
{
	json_t *value = json_object_get(at->json, key);
	g_autofree char *want = NULL;

	if (!is_given(at, key))
		return true;
	*ret = json_integer_value(value);
	if (json_is_integer(value) && *ret >= min && *ret <= max)
		return true;
	want = g_strdup_printf("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, min,
			       max);
	return bad(at, key, want);
}

static bool get_unsigned(const struct place *at, const char *key, uint64_t min, uint64_t max,
			 uint64_t *ret)
{
	int64_t value = *ret;

	if (!get_integer(at, key, min, MIN(max, G_MAXINT64), &value))
		return false;
	*ret = value;
	return true;
}

/*
 * A limit of which 0 means "not set", as engines send it, -1 "none"; the rest at least @min.
 */
static bool get_limit(const struct place *at, const char *key, int64_t min, int64_t *ret)
{
	g_autofree char *want = NULL;

	if (!get_integer(at, key, -1, G_MAXINT64, ret))
		return false;
	if (*ret <= 0 || *ret >= min)
		return true;
	want = g_strdup_printf("-1 or at least %" G_GINT64_FORMAT, min);
	return bad(at, key, want);
}

/* The same without "none". */
static bool get_positive(const struct place *at, const char *key, uint64_t min, uint64_t max,
			 uint64_t *ret)
{
	g_autofree char *want = NULL;

	if (!get_unsigned(at, key, 0, max, ret))
		return false;
	if (*ret == 0 || *ret >= min)
		return true;
	want = g_strdup_printf("a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, min,
			       max);
	return bad(at, key, want);
}

static bool get_bool(const struct place *at, const char *key, bool *ret, bool *given)
{
	json_t *value = json_object_get(at->json, key);

	if (given)
		*given = is_given(at, key);
	if (!is_given(at, key))
		return true;
	*ret = json_is_true(value);
	return json_is_boolean(value) || bad(at, key, "true or false");
}

static bool get_text(const struct place *at, const char *key, const char **ret)
{
	json_t *value = json_object_get(at->json, key);

	if (!is_given(at, key))
		return true;
	*ret = json_string_value(value);
	return json_is_string(value) || bad(at, key, "a string");
}

/* The object @key of @json as a place; true and a NULL ->json if there is none. */
static bool enter(json_t *json, const char *key, struct place *at, GError **error)
{
	*at = (struct place){ .object = key, .json = json_object_get(json, key), .error = error };
	if (json_is_null(at->json))
		at->json = NULL;
	return !at->json || json_is_object(at->json) || bad(at, "", "an object");
}

static bool parse_memory(json_t *json, struct cgroup_limits *l, GError **error)
{
	bool hierarchy = true;
	int64_t ignored = 0;
	struct place at;

	if (!enter(json, "memory", &at, error))
		return false;
	l->has_swappiness = is_given(&at, "swappiness");
	if (!get_limit(&at, "limit", 1, &l->memory) ||
	    !get_limit(&at, "swap", 1, &l->memory_swap) ||
	    !get_limit(&at, "reservation", 1, &l->memory_reservation) ||
	    /* Gone from the specification, and from the kernel. */
	    !get_limit(&at, "kernel", 1, &ignored) ||
	    !get_limit(&at, "kernelTCP", 1, &l->memory_kernel_tcp) ||
	    !get_unsigned(&at, "swappiness", 0, 100, &l->swappiness) ||
	    !get_bool(&at, "disableOOMKiller", &l->oom_kill_disable, &l->has_oom_kill_disable) ||
	    !get_bool(&at, "useHierarchy", &hierarchy, NULL) ||
	    !get_bool(&at, "checkBeforeUpdate", &l->check_before_update, NULL))
		return false;
	if (!hierarchy)
		return bad(&at, "useHierarchy",
			   "true: a container could leave its limit by a cgroup of its own");
	if (l->memory_swap > 0 && l->memory > 0 && l->memory_swap < l->memory)
		return bad(&at, "swap", "at least as much as memory.limit: it is the sum of both");
	return true;
}

static bool parse_cpu(json_t *json, struct cgroup_limits *l, GError **error)
{
	struct place at;

	if (!enter(json, "cpu", &at, error))
		return false;
	l->has_cpu_burst = is_given(&at, "burst");
	l->has_cpu_idle = is_given(&at, "idle");
	if (!get_positive(&at, "shares", 2, MAX_SHARES, &l->cpu_shares) ||
	    !get_limit(&at, "quota", 1000, &l->cpu_quota) ||
	    !get_positive(&at, "period", 1000, 1000000, &l->cpu_period) ||
	    !get_unsigned(&at, "burst", 0, G_MAXINT64, &l->cpu_burst) ||
	    !get_limit(&at, "realtimeRuntime", 1, &l->cpu_rt_runtime) ||
	    !get_positive(&at, "realtimePeriod", 1, G_MAXINT64, &l->cpu_rt_period) ||
	    !get_integer(&at, "idle", 0, 1, &l->cpu_idle) ||
	    !get_text(&at, "cpus", &l->cpuset_cpus) || !get_text(&at, "mems", &l->cpuset_mems))
		return false;
	if (l->cpu_quota > 0 && l->cpu_burst > (uint64_t)l->cpu_quota)
		return bad(&at, "burst", "no more than cpu.quota");
	return true;
}

static bool parse_pids(json_t *json, struct cgroup_limits *l, GError **error)
{
	struct place at;

	if (!enter(json, "pids", &at, error))
		return false;
	l->has_pids = is_given(&at, "limit");
	return get_limit(&at, "limit", 1, &l->pids);
}

/* Calls @fn for each object of the array @name; @arrays are what grows with it. */
static bool each(json_t *parent, const char *prefix, const char *name, struct cgroup_limits *l,
		 bool (*fn)(const struct place *, struct cgroup_limits *, int), int arg,
		 GError **error)
{
	json_t *array = json_object_get(parent, name), *item;
	g_autofree char *whole = g_strdup_printf("%s%s%s", prefix, *prefix ? "." : "", name);
	struct place at = { .object = whole, .error = error };
	size_t i;

	if (!array || json_is_null(array))
		return true;
	if (!json_is_array(array))
		return bad(&at, "", "an array");
	json_array_foreach(array, i, item)
	{
		g_autofree char *object = g_strdup_printf("%s[%zu]", whole, i);

		at.object = object;
		at.json = item;
		if (!json_is_object(item))
			return bad(&at, "", "an object");
		if (!fn(&at, l, arg))
			return false;
	}
	return true;
}

/* One more element, zeroed, at the end of a counted array. */
#define ADD(array, n)                                                                              \
	(array = g_renew(__typeof__(*(array)), array, (n) + 1),                                    \
	 memset(&array[n], 0, sizeof(*(array))), &array[(n)++])

static bool required(const struct place *at, const char *key)
{
	return is_given(at, key) || bad(at, key, "a value: it is required");
}

static void add_io(struct cgroup_limits *l, int kind, uint64_t major, uint64_t minor,
		   uint64_t value)
{
	*ADD(l->io, l->n_io) =
		(struct cgroup_io){ .kind = kind, .major = major, .minor = minor, .value = value };
}

static bool parse_weight_device(const struct place *at, struct cgroup_limits *l, int unused)
{
	uint64_t major = 0, minor = 0, weight = 0, leaf = 0;

	if (!required(at, "major") || !required(at, "minor") ||
	    !get_unsigned(at, "major", 0, G_MAXINT32, &major) ||
	    !get_unsigned(at, "minor", 0, G_MAXINT32, &minor) ||
	    !get_positive(at, "weight", 10, 1000, &weight) ||
	    !get_positive(at, "leafWeight", 10, 1000, &leaf))
		return false;
	if (weight)
		add_io(l, CGROUP_IO_WEIGHT, major, minor, weight);
	if (leaf)
		add_io(l, CGROUP_IO_LEAF_WEIGHT, major, minor, leaf);
	return true;
}

static bool parse_throttle(const struct place *at, struct cgroup_limits *l, int kind)
{
	uint64_t major = 0, minor = 0, rate = 0;

	if (!required(at, "major") || !required(at, "minor") || !required(at, "rate") ||
	    !get_unsigned(at, "major", 0, G_MAXINT32, &major) ||
	    !get_unsigned(at, "minor", 0, G_MAXINT32, &minor) ||
	    !get_unsigned(at, "rate", 0, G_MAXINT64, &rate))
		return false;
	add_io(l, kind, major, minor, rate);
	return true;
}

static bool parse_block_io(json_t *json, struct cgroup_limits *l, GError **error)
{
	static const struct {
		const char *name;
		int kind;
	} throttles[] = { { "throttleReadBpsDevice", CGROUP_IO_READ_BPS },
			  { "throttleWriteBpsDevice", CGROUP_IO_WRITE_BPS },
			  { "throttleReadIOPSDevice", CGROUP_IO_READ_IOPS },
			  { "throttleWriteIOPSDevice", CGROUP_IO_WRITE_IOPS } };
	struct place at;

	if (!enter(json, "blockIO", &at, error) ||
	    !get_positive(&at, "weight", 10, 1000, &l->io_weight) ||
	    !get_positive(&at, "leafWeight", 10, 1000, &l->io_leaf_weight) ||
	    !each(at.json, "blockIO", "weightDevice", l, parse_weight_device, 0, error))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(throttles); i++)
		if (!each(at.json, "blockIO", throttles[i].name, l, parse_throttle,
			  throttles[i].kind, error))
			return false;
	return true;
}

/* "2MB": a name that becomes part of a file name. */
static bool is_page_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 12 && text[0] != '0' && text[digits] &&
	       strchr("KMG", text[digits]) && strcmp(text + digits + 1, "B") == 0;
}

static bool parse_hugepages(const struct place *at, struct cgroup_limits *l, int unused)
{
	const char *size = "";
	uint64_t limit = 0;

	if (!required(at, "pageSize") || !required(at, "limit") ||
	    !get_text(at, "pageSize", &size) || !get_unsigned(at, "limit", 0, G_MAXINT64, &limit))
		return false;
	if (!is_page_size(size))
		return bad(at, "pageSize", "a size like 2MB");
	*ADD(l->hugepages, l->n_hugepages) = (struct cgroup_hugepages){ .page_size = size,
									.limit = limit };
	return true;
}

static bool parse_priority(const struct place *at, struct cgroup_limits *l, int unused)
{
	const char *name = "";
	uint64_t priority = 0;

	if (!required(at, "name") || !required(at, "priority") || !get_text(at, "name", &name) ||
	    !get_unsigned(at, "priority", 0, G_MAXUINT32, &priority))
		return false;
	if (!*name || strlen(name) >= 16 || strpbrk(name, " \t\n/"))
		return bad(at, "name", "the name of a network interface");
	*ADD(l->net_prio, l->n_net_prio) = (struct cgroup_net_prio){ .name = name,
								     .priority = priority };
	return true;
}

static bool parse_network(json_t *json, struct cgroup_limits *l, GError **error)
{
	uint64_t class = 0;
	struct place at;

	if (!enter(json, "network", &at, error) ||
	    !get_unsigned(&at, "classID", 0, G_MAXUINT32, &class))
		return false;
	l->net_class = class;
	return each(at.json, "network", "priorities", l, parse_priority, 0, error);
}

static bool parse_rdma(json_t *json, struct cgroup_limits *l, GError **error)
{
	const char *device;
	json_t *item;
	struct place top;

	if (!enter(json, "rdma", &top, error))
		return false;
	json_object_foreach(top.json, device, item)
	{
		g_autofree char *object = g_strdup_printf("rdma.%s", device);
		struct place at = { .object = object, .json = item, .error = error };
		struct cgroup_rdma rdma = { .device = device, .handles = -1, .objects = -1 };

		if (!json_is_object(item) || !*device || strpbrk(device, " \t\n"))
			return bad(&at, "", "an object by the name of a device");
		if (!get_integer(&at, "hcaHandles", 0, G_MAXINT32, &rdma.handles) ||
		    !get_integer(&at, "hcaObjects", 0, G_MAXINT32, &rdma.objects))
			return false;
		if (rdma.handles < 0 && rdma.objects < 0)
			return bad(&at, "", "hcaHandles or hcaObjects");
		*ADD(l->rdma, l->n_rdma) = rdma;
	}
	return true;
}

static bool parse_unified(json_t *json, struct cgroup_limits *l, GError **error)
{
	const char *key;
	json_t *item;
	struct place at;

	if (!enter(json, "unified", &at, error))
		return false;
	json_object_foreach(at.json, key, item)
	{
		if (!*key || strchr(key, '/') || strcmp(key, ".") == 0 || strcmp(key, "..") == 0)
			return error_set(error,
					 "linux.resources.unified: \"%s\" is not a file "
					 "name of a cgroup",
					 key);
		if (!json_is_string(item))
			return bad(&at, key, "a string");
		*ADD(l->unified, l->n_unified) =
			(struct cgroup_unified){ .key = key, .value = json_string_value(item) };
	}
	return true;
}

static bool parse_access(const struct place *at, unsigned int *ret)
{
	const char *text = NULL;

	if (!get_text(at, "access", &text))
		return false;
	/* As in other runtimes: not given is all. */
	if (!text || !*text)
		text = "rwm";
	for (const char *p = text; *p; p++) {
		if (!strchr("rwm", *p))
			return bad(at, "access", "letters of \"rwm\"");
		*ret |= *p == 'r'   ? CGROUP_DEVICE_READ
			: *p == 'w' ? CGROUP_DEVICE_WRITE
				    : CGROUP_DEVICE_MKNOD;
	}
	return true;
}

static bool parse_device(const struct place *at, struct cgroup_limits *l, int unused)
{
	struct cgroup_device rule = { .major = -1, .minor = -1 };
	const char *type = NULL;

	if (!required(at, "allow") || !get_bool(at, "allow", &rule.allow, NULL) ||
	    !get_text(at, "type", &type) ||
	    !get_integer(at, "major", -1, G_MAXINT32, &rule.major) ||
	    !get_integer(at, "minor", -1, G_MAXINT32, &rule.minor) ||
	    !parse_access(at, &rule.access))
		return false;
	if (!type || !*type)
		type = "a";
	if (strlen(type) != 1 || !strchr("abcu", *type))
		return bad(at, "type", "a, b or c");
	rule.type = *type == 'u' ? 'c' : *type;
	*ADD(l->devices, l->n_devices) = rule;
	return true;
}

/**
 * resources_parse() - read the object @json (NULL: nothing is limited)
 * @limits: overwritten; give back with cgroup_limits_clear(). Its strings are borrowed from @json.
 *
 * On failure *@error names the property, and @limits is empty.
 */
bool resources_parse(json_t *json, struct cgroup_limits *limits, GError **error)
{
	*limits = (struct cgroup_limits){ 0 };
	if (!json || json_is_null(json))
		return true;
	if (!json_is_object(json))
		return error_set(error, "linux.resources: give an object");
	if (parse_memory(json, limits, error) && parse_cpu(json, limits, error) &&
	    parse_pids(json, limits, error) && parse_block_io(json, limits, error) &&
	    each(json, "", "hugepageLimits", limits, parse_hugepages, 0, error) &&
	    parse_network(json, limits, error) && parse_rdma(json, limits, error) &&
	    parse_unified(json, limits, error) &&
	    each(json, "", "devices", limits, parse_device, 0, error))
		return true;
	cgroup_limits_clear(limits);
	return false;
}
