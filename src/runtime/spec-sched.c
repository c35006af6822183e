/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "process.scheduler" and "process.ioPriority": names to the kernel's numbers.
 */
#include "config.h"
#include "runtime/spec-internal.h"

#include <linux/ioprio.h>
#include <linux/sched.h>
#include <string.h>

struct name_value {
	const char *name;
	uint64_t value;
};

/* SCHED_ISO has a number in the kernel's header, and no code. */
static const struct name_value policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL }, { "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },	 { "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_IDLE", SCHED_IDLE },	 { "SCHED_DEADLINE", SCHED_DEADLINE },
};

static const struct name_value flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
};

static const struct name_value classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
};

static bool look_up(const struct name_value *table, size_t n, const char *name, uint64_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(table[i].name, name) == 0) {
			*ret = table[i].value;
			return true;
		}
	}
	return false;
}

static bool parse_flags(json_t *json, const char *where, uint64_t *ret, GError **error)
{
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(json, where, "flags", &array, error))
		return false;
	json_array_foreach(array, i, item)
	{
		const char *name = json_string_value(item);
		uint64_t flag;

		if (!name || !look_up(flags, G_N_ELEMENTS(flags), name, &flag))
			return spec_bad(error, where, "flags", "unknown flag \"%s\"", name ?: "");
		*ret |= flag;
	}
	return true;
}

/* Each policy has parameters of its own; the kernel would ignore or refuse the others. */
static bool check_policy(const struct spec_scheduler *s, const char *where, const char *policy,
			 GError **error)
{
	bool realtime = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

	if (s->nice && s->policy != SCHED_NORMAL && s->policy != SCHED_BATCH)
		return spec_bad(error, where, "nice", "is not for %s", policy);
	if (realtime && !s->priority)
		return spec_bad(error, where, "priority", "is missing; %s has 1 to 99", policy);
	if (!realtime && s->priority)
		return spec_bad(error, where, "priority", "is not for %s", policy);
	if (s->policy != SCHED_DEADLINE && (s->runtime || s->deadline || s->period))
		return spec_bad(error, where, "runtime",
				"deadline and period are for SCHED_DEADLINE, not for %s", policy);
	return true;
}

/**
 * spec_parse_scheduler() - @json: may be NULL
 */
bool spec_parse_scheduler(json_t *json, const char *where, struct spec_scheduler *s, GError **error)
{
	const char *name;
	int64_t nice, priority;
	uint64_t policy;
	bool present;

	if (!json)
		return true;
	if (!spec_get_name(json, where, "policy", &name, error))
		return false;
	if (!look_up(policies, G_N_ELEMENTS(policies), name, &policy))
		return spec_bad(error, where, "policy", "unknown policy \"%s\"", name);
	if (!spec_get_int(json, where, "nice", -20, 19, &present, &nice, error) ||
	    !spec_get_int(json, where, "priority", 0, 99, &present, &priority, error) ||
	    !parse_flags(json, where, &s->flags, error) ||
	    !spec_get_u64(json, where, "runtime", false, &s->runtime, error) ||
	    !spec_get_u64(json, where, "deadline", false, &s->deadline, error) ||
	    !spec_get_u64(json, where, "period", false, &s->period, error))
		return false;
	s->present = true;
	s->policy = policy;
	s->nice = nice;
	s->priority = priority;
	return check_policy(s, where, name, error);
}

/**
 * spec_parse_ioprio() - @json: may be NULL; @ret: as ioprio_set(2) takes it
 */
bool spec_parse_ioprio(json_t *json, const char *where, int *ret, GError **error)
{
	int64_t priority;
	uint64_t class;
	const char *name;
	bool present;

	if (!json)
		return true;
	if (!spec_get_name(json, where, "class", &name, error))
		return false;
	if (!look_up(classes, G_N_ELEMENTS(classes), name, &class))
		return spec_bad(error, where, "class", "unknown class \"%s\"", name);
	if (!spec_get_int(json, where, "priority", 0, 7, &present, &priority, error))
		return false;
	*ret = IOPRIO_PRIO_VALUE(class, priority);
	return true;
}
