/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents in requests.
 *
 * The engine reads JSON as Go does: names in any case (and with letters that fold to ASCII), the
 * last of duplicates, objects under one name merged. So a document is refused if a name that
 * matters is in it in another spelling, and what goes on is what was read here, written anew.
 *
 * Most of what a container may not have is refused by the runtime, on what the engine made of the
 * request; so that it is ours that is asked, HostConfig.Runtime is replaced. Here is only what the
 * engine does itself, as the host's root, before or beside the runtime.
 */
#include "config.h"
#include "sockproxy/body.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Names of Go's structs that a check below looks for. */
static const char *const names[] = {
	"HostConfig",	    "Runtime",	     "Mounts",	"VolumeDriver",
	"LogConfig",	    "Type",	     "Driver",	"DriverOpts",
	"VolumeOptions",    "DriverConfig",  "Options", "Name",
	"Config",	    "CheckpointDir", "Binds",	"BindOptions",
	"CreateMountpoint", "Source",	     "NoCopy",	"NetworkMode",
};

/* encoding/json also takes U+017F for s and U+212A for k. */
static bool folds_to(const char *key, const char *name)
{
	while (*key && *name) {
		if ((unsigned char)key[0] == 0xc5 && (unsigned char)key[1] == 0xbf) {
			if ((*name | 32) != 's')
				return false;
			key += 2;
		} else if ((unsigned char)key[0] == 0xe2 && (unsigned char)key[1] == 0x84 &&
			   (unsigned char)key[2] == 0xaa) {
			if ((*name | 32) != 'k')
				return false;
			key += 3;
		} else {
			char c = *key >= 'A' && *key <= 'Z' ? *key | 32 : *key;

			if (c != (*name >= 'A' && *name <= 'Z' ? *name | 32 : *name))
				return false;
			key++;
		}
		name++;
	}
	return !*key && !*name;
}

/* Is a name that matters spelt in another way in this object? */
static bool is_ambiguous(json_t *object)
{
	const char *key;
	json_t *value;

#ifdef MUTANT_NAMES_FOLDED
	return false;
#endif
	json_object_foreach(object, key, value) for (size_t i = 0;
						     i < sizeof(names) / sizeof(names[0]);
						     i++) if (strcmp(key, names[i]) != 0 &&
							      folds_to(key, names[i])) return true;
	return false;
}

static int refuse(char *why, size_t size, const char *text)
{
	snprintf(why, size, "enhanced container isolation: %s", text);
	return -EPERM;
}

/* Struct @name of @parent: absent and null are NULL; anything but an object is an error. */
static int get_object(json_t *parent, const char *name, json_t **ret, char *why, size_t size)
{
	*ret = json_object_get(parent, name);
	if (!*ret || json_is_null(*ret)) {
		*ret = NULL;
		return 0;
	}
	if (!json_is_object(*ret) || is_ambiguous(*ret))
		return refuse(why, size,
			      "the request has a name in a spelling that is not its own");
	return 0;
}

static const char *get_string(json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : "";
}

/* Of the options of a tmpfs those that say nothing of how and what else is mounted. */
static bool are_harmless(const char *o)
{
	static const char *const good[] = { "size", "mode",   "uid",   "gid",	 "nr_inodes", "rw",
					    "ro",   "nosuid", "nodev", "noexec", "noatime" };

	while (*o) {
		size_t n = strcspn(o, ","), name = strcspn(o, "=,"), i = 0;

		while (i < sizeof(good) / sizeof(good[0]) &&
		       (strlen(good[i]) != name || memcmp(good[i], o, name) != 0))
			i++;
		if (n && i == sizeof(good) / sizeof(good[0]))
			return false;
		o += n + (o[n] == ',');
	}
	return true;
}

/**
 * body_check_volume() - is a volume no mount of something else?
 *
 * The engine itself mounts what a volume's options name, as the host's root: a file system of the
 * host's disk, an overlay of its directories. Of a tmpfs nobody is hurt.
 *
 * Return: 0 or -EPERM
 */
int body_check_volume(json_t *object, const char *driver_key, const char *options_key, char *why,
		      size_t size)
{
	const char *driver = get_string(object, driver_key);
	json_t *options = json_object_get(object, options_key);

	if (*driver && strcmp(driver, "local") != 0)
		return refuse(why, size, "volume drivers other than \"local\" are not allowed");
#ifdef MUTANT_VOLUME_OPTIONS
	return 0;
#endif
	if (!options || json_is_null(options) || json_object_size(options) == 0)
		return 0;
	if (!json_is_object(options) || strcmp(get_string(options, "type"), "tmpfs") != 0 ||
	    strcmp(get_string(options, "device"), "tmpfs") != 0 ||
	    !are_harmless(get_string(options, "o")))
		return refuse(why, size,
			      "volumes with options are not allowed, but for type=tmpfs");
	return 0;
}

static int check_mount(json_t *mount, char *why, size_t size)
{
	json_t *options, *driver;
	int r;

	if (!json_is_object(mount) || is_ambiguous(mount))
		return refuse(why, size,
			      "the request has a name in a spelling that is not its own");
	/* A directory that is not there is not made, see binds.c. */
	r = get_object(mount, "BindOptions", &options, why, size);
	if (r == 0 && options)
		json_object_del(options, "CreateMountpoint");
	if (r == 0)
		r = get_object(mount, "VolumeOptions", &options, why, size);
	if (r == 0 && options)
		r = get_object(options, "DriverConfig", &driver, why, size);
	return r == 0 && options && driver ? body_check_volume(driver, "Name", "Options", why, size)
					   : r;
}

/* A log driver connects and writes where its options say, from outside of any container. */
static int check_log(json_t *host, char *why, size_t size)
{
	static const char *const good[] = { "", "json-file", "local", "none", "journald" };
	json_t *log;
	int r = get_object(host, "LogConfig", &log, why, size);

	/* Options without a type are for the engine's default, which may be any. */
	if (r == 0 && log && json_object_size(json_object_get(log, "Config")) &&
	    !*get_string(log, "Type"))
		return refuse(why, size, "options for a log driver need its name");
	for (size_t i = 0; r == 0 && log && i < sizeof(good) / sizeof(good[0]); i++)
		if (strcmp(get_string(log, "Type"), good[i]) == 0)
			return 0;
	return r == 0 && log ? refuse(why, size, "this log driver is not allowed") : r;
}

static bool is_local(json_t *object)
{
	const char *driver = get_string(object, "VolumeDriver");

	return !*driver || strcmp(driver, "local") == 0;
}

static int rewrite_create(json_t *doc, const char *runtime, char *why, size_t size)
{
	json_t *host, *mounts, *mount;
	size_t i;
	int r = get_object(doc, "HostConfig", &host, why, size);

	if (r == 0 && !host) {
		host = json_object();
		json_object_set_new(doc, "HostConfig", host);
	}
	if (r == 0)
		r = check_log(host, why, size);
	if (r < 0)
		return r;
	if (!runtime[0])
		return refuse(why, size,
			      "the engine has no runtime that is Cloister, so containers cannot be "
			      "made through this socket; `cloister docker-setup` adds one");
#ifndef MUTANT_RUNTIME_KEPT
	json_object_set_new(host, "Runtime", json_string(runtime));
#endif
	/* The engine takes this one from beside HostConfig, too, if it is not in it. */
	if (!is_local(doc) || !is_local(host))
		return refuse(why, size, "volume drivers other than \"local\" are not allowed");
	mounts = json_object_get(host, "Mounts");
	json_array_foreach(mounts, i, mount)
	{
		r = check_mount(mount, why, size);
		if (r < 0)
			return r;
	}
	if (mounts && !json_is_null(mounts) && !json_is_array(mounts))
		return refuse(why, size, "HostConfig.Mounts is no list");
	return binds_to_mounts(host) == 0
		       ? 0
		       : refuse(why, size, "HostConfig.Binds has an entry that makes no sense");
}

/**
 * body_rewrite() - judge the JSON document of a request, and write it anew
 * @runtime: the engine's runtime that is Cloister; "" if it has none
 * @ret: the caller frees it
 * @why: on error, what to tell the client
 *
 * Return: length of *@ret; -EPERM; -EBADMSG; -ENOMEM
 */
int body_rewrite(const struct endpoint *e, const char *text, size_t len, const char *runtime,
		 char **ret, char *why, size_t why_size)
{
	json_error_t error;
	size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
	json_t *doc;
	int r = 0;

#ifdef MUTANT_NAMES_TWICE
	flags = JSON_DECODE_ANY;
#endif
	doc = json_loadb(text, len, flags, &error);

	if (!doc || (!json_is_object(doc) && !json_is_null(doc))) {
		snprintf(why, why_size, "the body is no JSON object, or has a name twice");
		json_decref(doc);
		return -EBADMSG;
	}
	if (json_is_object(doc) && is_ambiguous(doc))
		r = refuse(why, why_size,
			   "the request has a name in a spelling that is not its own");
	else if (strcmp(e->path, "containers/create") == 0)
		r = json_is_object(doc) ? rewrite_create(doc, runtime, why, why_size) : -EBADMSG;
	else if (strcmp(e->path, "volumes/create") == 0)
		r = body_check_volume(doc, "Driver", "DriverOpts", why, why_size);
	else if (strcmp(e->path, "containers/*/checkpoints") == 0 &&
		 *get_string(doc, "CheckpointDir"))
		r = refuse(why, why_size,
			   "checkpoints in a directory of one's own are not allowed");
	*ret = r == 0 ? json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(doc);
	return r < 0 ? r : *ret ? (int)strlen(*ret) : -ENOMEM;
}
