/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of a container of `cloister launch`: those that every one has, volumes and tmpfs.
 */
#include "config.h"
#include "launcher/launchmounts.h"

#include "launcher/options.h"
#include "runtime/error.h"

#include <string.h>

static json_t *mount_json(const char *destination, const char *type, const char *source,
			  const char *options)
{
	g_auto(GStrv) parts = g_strsplit(options, ",", -1);
	json_t *array = json_array();

	for (char **p = parts; *p; p++)
		json_array_append_new(array, json_string(*p));
	return json_pack("{s:s, s:s, s:s, s:o}", "destination", destination, "type", type, "source",
			 source, "options", array);
}

/**
 * launchmounts_kernel() - add to @mounts what every container has
 */
void launchmounts_kernel(json_t *mounts, bool privileged)
{
	static const struct {
		const char *destination, *type, *options;
		bool restrict_it; /* read-only unless privileged */
	} table[] = {
		{ "/proc", "proc", "nosuid,noexec,nodev", false },
		{ "/dev", "tmpfs", "nosuid,noexec,mode=755,size=65536k", false },
		{ "/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
		  false },
		{ "/dev/shm", "tmpfs", "nosuid,noexec,nodev,mode=1777,size=65536k", false },
		{ "/dev/mqueue", "mqueue", "nosuid,noexec,nodev", false },
		{ "/sys", "sysfs", "nosuid,noexec,nodev", true },
		{ "/sys/fs/cgroup", "cgroup", "nosuid,noexec,nodev,relatime", true },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *options = g_strconcat(
			table[i].options, table[i].restrict_it && !privileged ? ",ro" : "", NULL);

		json_array_append_new(mounts, mount_json(table[i].destination, table[i].type,
							 table[i].type, options));
	}
}

/* Return: options of the specification, or NULL if one is none. */
static char *volume_options(const char *text)
{
	static const char *const words[] = {
		"ro", "rw", "shiftfs", "cache=strict", "cache=auto", "cache=always", NULL
	};
	static const char *const with_value[] = { "as=", "hide=" };
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	bool served = false;

	for (char **p = parts; *p; p++) {
		bool known = g_strv_contains(words, *p);

		for (size_t i = 0; i < G_N_ELEMENTS(with_value); i++)
			if (g_str_has_prefix(*p, with_value[i]) && (*p)[strlen(with_value[i])])
				known = true;
		served |= strcmp(*p, "shiftfs") == 0 || g_str_has_prefix(*p, "as=") ||
			  g_str_has_prefix(*p, "hide=");
		if (!known)
			return NULL;
	}
	/* what is mounted below it a server does not show */
	return *parts ? g_strconcat(served ? "bind," : "rbind,", text, NULL) : NULL;
}

/* Said in the words of the command line: what the specification's reader calls it, nobody typed. */
static bool check_target(const char *what, const char *target, GError **error)
{
	g_autofree char *path = g_canonicalize_filename(target, "/");

	return strcmp(path, "/") != 0 ||
	       error_set(error,
			 "%s \"%s\" is the container's root; give a directory below it, or "
			 "--rootfs",
			 what, target);
}

static bool add_volume(json_t *mounts, const char *text, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 3);
	guint n = g_strv_length(parts);
	g_autofree char *source = NULL;
	g_autofree char *options = n < 3 ? g_strdup("rbind,rw") : volume_options(parts[2]);

	if (n < 2 || !*parts[0] || parts[1][0] != '/' || !options)
		return error_set(error,
				 "volume \"%s\": give SOURCE:/TARGET[:OPTION,...]; options are ro, "
				 "rw, shiftfs, as=USER, hide=PATH, cache=strict|auto|always",
				 text);
	source = option_path("volume source", parts[0], error);
	if (!source || !check_target("volume target", parts[1], error))
		return false;
	json_array_append_new(mounts, mount_json(parts[1], "bind", source, options));
	return true;
}

/* Return: whether @text are options that a tmpfs of Docker's can have. */
static bool tmpfs_options(const char *text)
{
	static const char *const words[] = {
		"rw", "ro", "nosuid", "nodev", "noexec", "exec", NULL
	};
	static const char *const with_value[] = { "size=", "mode=", "nr_inodes=" };
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);

	for (char **p = parts; *p; p++) {
		bool known = g_strv_contains(words, *p);

		for (size_t i = 0; i < G_N_ELEMENTS(with_value); i++)
			if (g_str_has_prefix(*p, with_value[i]) && (*p)[strlen(with_value[i])])
				known = true;
		if (!known)
			return false;
	}
	return *parts;
}

static bool add_tmpfs(json_t *mounts, const char *text, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	g_autofree char *options = g_strconcat("nosuid,nodev,mode=1777",
					       parts[0] && parts[1] ? "," : "",
					       parts[0] ? parts[1] : NULL, NULL);

	if (text[0] != '/')
		return error_set(error, "tmpfs target \"%s\": give an absolute path", text);
	if (parts[1] && !tmpfs_options(parts[1]))
		return error_set(error,
				 "tmpfs \"%s\": give /TARGET[:OPTION,...]; options are size=SIZE, "
				 "mode=MODE, nr_inodes=N, ro, rw, noexec, exec",
				 text);
	if (!check_target("tmpfs target", parts[0], error))
		return false;
	json_array_append_new(mounts, mount_json(parts[0], "tmpfs", "tmpfs", options));
	return true;
}

/**
 * launchmounts_user() - add to @mounts what the options say; Return: false and *@error
 */
bool launchmounts_user(json_t *mounts, const struct launch_options *o, GError **error)
{
	for (guint i = 0; i < o->volumes->len; i++)
		if (!add_volume(mounts, g_ptr_array_index(o->volumes, i), error))
			return false;
	for (guint i = 0; i < o->tmpfs->len; i++)
		if (!add_tmpfs(mounts, g_ptr_array_index(o->tmpfs, i), error))
			return false;
	return true;
}
