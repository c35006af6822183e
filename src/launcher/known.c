/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that exists, as the commands find it by its name.
 */
#include "config.h"
#include "launcher/known.h"

#include "launcher/launcher.h"
#include "lib/fd.h"
#include "runtime/error.h"
#include "runtime/state.h"

/**
 * known_open() - find container @id and read what is on record of it
 * @with_config: its specification too
 *
 * Call known_close() also after a failure.
 */
bool known_open(struct known *k, const char *id, bool with_config, GError **error)
{
	*k = (struct known){ .id = id, .root_fd = -1, .dir_fd = -1 };
	k->root_fd = launcher_open_root(error);
	if (k->root_fd < 0)
		return false;
	k->dir_fd = rundir_enter(k->root_fd, id);
	/* Engines look for the words "does not exist". */
	if (k->dir_fd < 0 || rundir_read_record(k->dir_fd, &k->record) < 0)
		return error_set(
			error,
			"container \"%s\" does not exist; `cloister list` shows those that "
			"do",
			id);
	k->state = state_load_json(k->dir_fd, "state.json");
	if (!k->state)
		return error_set(error, "container \"%s\" is being created, or its creation failed",
				 id);
	if (with_config)
		k->config = state_load_json(k->dir_fd, "config.json");
	return !with_config || k->config ||
	       error_set(error, "container \"%s\" is being created, or its creation failed", id);
}

/**
 * known_bundle() - the container's bundle; borrowed
 */
const char *known_bundle(const struct known *k)
{
	return json_string_value(json_object_get(k->state, "bundle")) ?: "/";
}

/**
 * known_created() - when it was created, RFC 3339
 */
json_t *known_created(const struct known *k)
{
	gint64 seconds = json_integer_value(json_object_get(k->state, "created"));
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(seconds);
	g_autofree char *text = when ? g_date_time_format(when, "%Y-%m-%dT%H:%M:%SZ") : NULL;

	return json_string(text ?: "");
}

struct match {
	GRegex *regex;
	GStrvBuilder *names;
};

static int add_match(const char *id, void *arg)
{
	struct match *m = arg;

	if (g_regex_match(m->regex, id, 0, NULL))
		g_strv_builder_add(m->names, id);
	return 0;
}

/**
 * known_matching() - the names of the containers that match the regular expression @regex
 */
char **known_matching(const char *regex, GError **error)
{
	g_autoptr(GRegex) compiled = g_regex_new(regex, 0, 0, error);
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	struct match m = { compiled, names };
	autofd root = -1;

	if (!compiled) {
		g_prefix_error(error, "--regex: ");
		return NULL;
	}
	root = launcher_open_root(error);
	if (root < 0)
		return NULL;
	rundir_each(root, add_match, &m);
	return g_strv_builder_end(names);
}

/**
 * known_close() - the end of known_open()
 */
void known_close(struct known *k)
{
	if (k->dir_fd >= 0)
		fd_close(k->dir_fd);
	if (k->root_fd >= 0)
		fd_close(k->root_fd);
	json_decref(k->state);
	json_decref(k->config);
	*k = (struct known){ .root_fd = -1, .dir_fd = -1 };
}
