/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "linux.resources" object of the OCI specification (also of `update`).
 */
#include "config.h"
#include "runtime/resources.h"

/**
 * resources_parse() - read limits; strings are borrowed from @json
 */
bool resources_parse(json_t *json, struct cgroup_limits *limits, GError **error)
{
	json_t *memory = json_object_get(json, "memory");
	json_t *cpu = json_object_get(json, "cpu");

	(void)error;
	limits->memory = json_integer_value(json_object_get(memory, "limit"));
	limits->memory_swap = json_integer_value(json_object_get(memory, "swap"));
	limits->cpu_shares = json_integer_value(json_object_get(cpu, "shares"));
	limits->cpu_quota = json_integer_value(json_object_get(cpu, "quota"));
	limits->cpu_period = json_integer_value(json_object_get(cpu, "period"));
	limits->cpuset_cpus = json_string_value(json_object_get(cpu, "cpus"));
	limits->cpuset_mems = json_string_value(json_object_get(cpu, "mems"));
	limits->pids = json_integer_value(json_object_get(json_object_get(json, "pids"), "limit"));
	return true;
}
