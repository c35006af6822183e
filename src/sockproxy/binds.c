/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HostConfig.Binds, "/host/path:/path[:mode]": where the path is not there, the engine makes a
 * directory of that name, as the host's root, before any runtime is asked whether it may be
 * mounted. What is asked for by HostConfig.Mounts has to be there; so that is how it is asked for.
 */
#include "config.h"
#include "sockproxy/body.h"

#include <stdio.h>
#include <string.h>

/* The words of a mode. Labels are SELinux's: the engine would relabel the host's files. */
static int take_mode(const char *mode, json_t *mount)
{
	static const char *const propagation[] = { "rprivate", "private", "rslave",
						   "slave",    "rshared", "shared" };
	static const char *const ignored[] = {
		"rw", "z", "Z", "consistent", "cached", "delegated"
	};

	while (*mode) {
		size_t n = strcspn(mode, ",");
		char word[16];
		bool known = false;

		snprintf(word, sizeof(word), "%.*s", (int)n, mode);
		for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
			known |= strcmp(word, ignored[i]) == 0;
		for (size_t i = 0; i < sizeof(propagation) / sizeof(propagation[0]); i++)
			if (strcmp(word, propagation[i]) == 0) {
				json_object_set_new(mount, "BindOptions",
						    json_pack("{s:s}", "Propagation", word));
				known = true;
			}
		if (strcmp(word, "ro") == 0)
			json_object_set_new(mount, "ReadOnly", json_true());
		else if (!known)
			return -1;
		mode += n + (mode[n] == ',');
	}
	return 0;
}

/* Return: the mount that @bind asks for, or NULL if that has no meaning */
static json_t *mount_of(const char *bind)
{
	const char *target = strchr(bind, ':'), *mode = target ? strchr(++target, ':') : NULL;
	json_t *mount;

	if (!target || (mode && strchr(mode + 1, ':')))
		return NULL;
	mount = json_pack("{s:s, s:s%, s:s%}", "Type", "bind", "Source", bind,
			  (size_t)(target - 1 - bind), "Target", target,
			  mode ? (size_t)(mode - target) : strlen(target));
	if (mode && mount && take_mode(mode + 1, mount) < 0) {
		json_decref(mount);
		return NULL;
	}
	return mount;
}

/**
 * binds_to_mounts() - no directory of the host is made for a container
 * @host: HostConfig; its "Mounts" are a list, or not there
 *
 * Return: 0, or -1 if one makes no sense
 */
int binds_to_mounts(json_t *host)
{
	json_t *binds = json_object_get(host, "Binds"), *mounts = json_object_get(host, "Mounts");

#ifdef MUTANT_BINDS_KEPT
	return 0;
#endif
	if (!binds || json_is_null(binds))
		return 0;
	if (!json_is_array(binds))
		return -1;
	for (size_t i = 0; i < json_array_size(binds);) {
		const char *bind = json_string_value(json_array_get(binds, i));
		json_t *mount;

		if (!bind)
			return -1;
		if (*bind != '/' || !strchr(bind, ':')) { /* a volume */
			i++;
			continue;
		}
		mount = mount_of(bind);
		if (!mount)
			return -1;
		if (!json_is_array(mounts)) {
			json_object_set_new(host, "Mounts", json_array());
			mounts = json_object_get(host, "Mounts");
		}
		json_array_append_new(mounts, mount);
		json_array_remove(binds, i);
	}
	return 0;
}
