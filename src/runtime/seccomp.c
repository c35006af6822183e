/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "linux.seccomp" object of the OCI specification: all that is to know before its filter is
 * loaded. Flags and listener are looked at here; the filter comes from the cache, or is compiled
 * (seccomp-compile.c).
 */
#include "config.h"
#include "runtime/seccomp-internal.h"

#include "runtime/error.h"

#include <linux/seccomp.h>
#include <string.h>

static bool parse_flags(json_t *flags, struct seccomp *ret, GError **error)
{
	static const struct {
		const char *name;
		unsigned int flag;
	} known[] = {
		/* Nothing to synchronise: whoever loads this has one thread. */
		{ "SECCOMP_FILTER_FLAG_TSYNC", 0 },
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
		  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
	};
	json_t *item;
	size_t i;

	json_array_foreach(flags, i, item)
	{
		const char *name = json_string_value(item) ?: "";
		size_t k = 0;

		while (k < G_N_ELEMENTS(known) && strcmp(name, known[k].name) != 0)
			k++;
		if (k == G_N_ELEMENTS(known))
			return error_set(error, "linux.seccomp: unknown flag \"%s\"", name);
		ret->flags |= known[k].flag;
	}
	return true;
}

/*
 * The process that has loaded the filter sends the listener with sendmsg(2): were that notified, it
 * would wait for an agent that has nothing yet to listen on. As a default action NOTIFY would
 * include it.
 */
static bool find_notify(json_t *profile, bool *found, GError **error)
{
	json_t *rule, *name;
	size_t i, k;

	if (g_strcmp0(json_string_value(json_object_get(profile, "defaultAction")),
		      "SCMP_ACT_NOTIFY") == 0)
		return error_set(error, "linux.seccomp: SCMP_ACT_NOTIFY cannot be the default "
					"action: the process could not hand over its listener");
	json_array_foreach(json_object_get(profile, "syscalls"), i, rule)
	{
		const char *action = json_string_value(json_object_get(rule, "action"));

		if (g_strcmp0(action, "SCMP_ACT_NOTIFY") != 0)
			continue;
		*found = true;
		json_array_foreach(json_object_get(rule, "names"), k, name)
		{
			if (g_strcmp0(json_string_value(name), "sendmsg") == 0)
				return error_set(error,
						 "linux.seccomp: SCMP_ACT_NOTIFY for \"sendmsg\": "
						 "the process could not hand over its listener");
		}
	}
	return true;
}

static bool parse_listener(json_t *profile, struct seccomp *ret, GError **error)
{
	const char *path = json_string_value(json_object_get(profile, "listenerPath"));
	const char *data = json_string_value(json_object_get(profile, "listenerMetadata"));

	if (!find_notify(profile, &ret->listener, error))
		return false;
	if (data && !path)
		return error_set(error, "linux.seccomp: listenerMetadata without listenerPath");
	if (!ret->listener) {
		/* The kernel refuses it without a listener. */
		ret->flags &= ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
		return true;
	}
	if (!path || path[0] != '/')
		return error_set(error, "linux.seccomp: SCMP_ACT_NOTIFY needs a listenerPath, the "
					"absolute path of a unix socket");
	ret->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	ret->listener_path = g_strdup(path);
	ret->listener_metadata = g_strdup(data);
	return true;
}

/**
 * seccomp_prepare() - all that is to know of a profile before its filter is loaded
 * @profile: the "linux.seccomp" object; NULL: nothing to load
 * @root_fd: state root with the cache of compiled filters, or -1 to go without
 * @ret: overwritten; to be freed with seccomp_clear() whatever is returned
 */
bool seccomp_prepare(json_t *profile, int root_fd, struct seccomp *ret, GError **error)
{
	g_autofree char *key = NULL;

	*ret = (struct seccomp){ 0 };
	if (!profile)
		return true;
	if (!json_is_object(profile))
		return error_set(error, "linux.seccomp: not an object");
	if (!parse_flags(json_object_get(profile, "flags"), ret, error) ||
	    !parse_listener(profile, ret, error))
		return false;
	if (root_fd >= 0)
		key = seccomp_cache_key(profile);
	if (key && seccomp_cache_load(root_fd, key, &ret->filter)) {
		ret->from_cache = true;
		return true;
	}
	if (!seccomp_compile(profile, &ret->filter, error))
		return false;
	if (key)
		seccomp_cache_store(root_fd, key, &ret->filter);
	return true;
}

/**
 * seccomp_clear() - free the filters and what says who listens
 */
void seccomp_clear(struct seccomp *s)
{
	g_clear_pointer(&s->filter.filter, g_free);
	g_clear_pointer(&s->mediation.filter, g_free);
	g_clear_pointer(&s->listener_path, g_free);
	g_clear_pointer(&s->listener_metadata, g_free);
}

/**
 * seccomp_default_architectures() - this machine's, and those of the 32-bit programs it also runs
 *
 * Return: a new array, as "linux.seccomp.architectures" has it.
 */
json_t *seccomp_default_architectures(void)
{
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		return json_pack("[s,s,s]", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32");
	case SCMP_ARCH_AARCH64:
		return json_pack("[s,s]", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM");
	default:
		return json_pack("[s]", "SCMP_ARCH_NATIVE");
	}
}
