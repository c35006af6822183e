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

/* NAME of "NAME:/path[:mode]", unless the mode says that nothing is copied; or NULL */
static json_t *filled_by_bind(const char *bind)
{
	const char *target = bind ? strchr(bind, ':') : NULL;
	const char *mode = target ? strchr(target + 1, ':') : NULL;

	if (!target || *bind == '/')
		return NULL;
	while (mode) {
		size_t n = strcspn(++mode, ",");

		if (n == strlen("nocopy") && memcmp(mode, "nocopy", n) == 0)
			return NULL;
		mode = mode[n] ? mode + n : NULL;
	}
	return json_pack("{s:s, s:s%}", "Type", "volume", "Name", bind, (size_t)(target - bind));
}

static json_t *filled_by_mount(json_t *mount)
{
	json_t *options = json_object_get(mount, "VolumeOptions");
	const char *type = json_string_value(json_object_get(mount, "Type"));
	const char *name = json_string_value(json_object_get(mount, "Source"));

	if (!type || strcmp(type, "volume") != 0 || !name || !*name ||
	    json_is_true(json_object_get(options, "NoCopy")))
		return NULL;
	return json_pack("{s:s, s:s}", "Type", "volume", "Name", name);
}

/**
 * volumes_filled() - the volumes with a name into which the engine copies what the image has there
 * @doc: what containers/create is asked for, as body_rewrite() leaves it
 *
 * It does so when the container is made, as the host's root, before any runtime is asked.
 * Return: a list as the "Mounts" of a container; NULL: no memory
 */
json_t *volumes_filled(json_t *doc)
{
	json_t *host = json_object_get(doc, "HostConfig"), *list = json_array(), *each;
	json_t *binds = json_object_get(host, "Binds"), *mounts = json_object_get(host, "Mounts");
	size_t i;

#ifdef MUTANT_VOLUMES_FILLED
	return list;
#endif
	json_array_foreach(binds, i, each)
	{
		json_t *one = filled_by_bind(json_string_value(each));

		if (one)
			json_array_append_new(list, one);
	}
	json_array_foreach(mounts, i, each)
	{
		json_t *one = filled_by_mount(each);

		if (one)
			json_array_append_new(list, one);
	}
	return list;
}
