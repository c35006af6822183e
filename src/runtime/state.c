/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.json: what the commands show of a container. Written once by the launcher; what changes
 * later (status, helpers) is asked of the kernel instead.
 */
#include "config.h"
#include "runtime/state.h"

#include "lib/fd.h"
#include "lib/cgroup.h"
#include "lib/proc.h"
#include "runtime/error.h"
#include "runtime/startlink.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#ifdef MUTANT_PUBLISHED_EARLY
#define UNPUBLISHED "config.json"
#else
#define UNPUBLISHED ".config.json"
#endif

static json_t *shift_json(const char *destination, const char *source,
			  const struct plan_shift *shift)
{
	return json_pack("{s:s, s:s*, s:s, s:s}", "destination", destination, "source", source,
			 "shift", shift->how ?: "native", "why", shift->why ?: "");
}

static json_t *policy_json(const struct container *c)
{
	json_t *array = json_array();

	for (char **event = c->policy_events; event && *event; event++)
		json_array_append_new(array, json_string(*event));
	return array;
}

static json_t *mounts_json(const struct container *c)
{
	json_t *array = json_array();

	json_array_append_new(array, shift_json("/", c->spec->root_path, &c->plan.root_shift));
	for (guint i = 0; i < c->plan.steps->len; i++) {
		const struct plan_step *step = &g_array_index(c->plan.steps, struct plan_step, i);

		json_array_append_new(array, shift_json(step->mount->destination,
							step->tree_fd >= 0 ? step->mount->source
									   : step->mount->type,
							&step->shift));
	}
	return array;
}

/* What `exec` has to know of the settings that the container began with. */
static json_t *inside_json(const struct settings_inside *inside)
{
	return json_pack("{s:i, s:b, s:b}", "rtprio", inside->rtprio, "setxattr", inside->setxattr,
			 "swap", inside->swap);
}

/**
 * state_inside() - the same from the state again; what is not in it is off
 */
struct settings_inside state_inside(json_t *state)
{
	json_t *json = json_object_get(state, "inside"), *rtprio = json_object_get(json, "rtprio");

	return (struct settings_inside){
		.rtprio = json_is_integer(rtprio) ? (int)json_integer_value(rtprio)
						  : SETTINGS_UNSET,
		.setxattr = json_is_true(json_object_get(json, "setxattr")),
		.swap = json_is_true(json_object_get(json, "swap")),
	};
}

/**
 * state_oci() - a container's state as the runtime specification has it, for hooks and `state`
 * @annotations: may be NULL
 * @pid: 0: none
 */
json_t *state_oci(const char *id, const char *status, pid_t pid, const char *bundle,
		  const char *rootfs, json_t *annotations)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s}", "ociVersion", STATE_OCI_VERSION,
				 "id", id, "status", status, "pid", (int)pid, "bundle",
				 bundle ?: "/", "rootfs", rootfs ?: "");

	if (annotations)
		json_object_set(json, "annotations", annotations);
	else
		json_object_set_new(json, "annotations", json_object());
	return json;
}

/**
 * state_text() - state_oci() of a container that is being made, as one line; freed with g_free()
 */
char *state_text(const struct spec *spec, const char *id, const char *status, pid_t pid)
{
	json_t *json = state_oci(id, status, pid, spec->bundle, spec->root_path, spec->annotations);
	char *text = json_dumps(json, JSON_COMPACT);
	char *copy = g_strdup(text);

	free(text);
	json_decref(json);
	return copy;
}

/* The host's hierarchies, looked up once: `list` asks for many containers. */
static bool is_frozen(const char *cgroup)
{
	static struct cgroups host;
	static bool known;

	if (!known)
		known = cgroup_detect(&host) == 0;
	return known && cgroup_path_frozen(&host, cgroup);
}

/**
 * state_status() - "created", "running", "paused" or "stopped", asked of the kernel
 */
const char *state_status(int dir_fd, const struct rundir_record *record)
{
	if (!proc_alive(&record->init))
		return "stopped";
	if (startlink_waits(dir_fd))
		return "created";
	return is_frozen(record->cgroup) ? "paused" : "running";
}

/**
 * state_save() - write state.json, and config.json under a name that nobody looks for yet
 */
bool state_save(const struct container *c, GError **error)
{
	json_t *json = json_pack(
		"{s:s, s:i, s:I, s:I, s:s, s:{s:I, s:I}, s:I, s:o, s:[s*, s*, s*]}", "id", c->id,
		"pid", (int)c->record.init.pid, "start", (json_int_t)c->record.init.start,
		"created", (json_int_t)time(NULL), "cgroup", c->record.cgroup, "ids", "base",
		(json_int_t)c->claim.base, "count", (json_int_t)c->claim.count, "boot_offset",
		(json_int_t)c->boot_offset, "mounts", mounts_json(c), "command",
		c->spec->process.args[0],
		c->spec->process.args[0] ? c->spec->process.args[1] : NULL,
		c->spec->process.args[0] && c->spec->process.args[1] ? c->spec->process.args[2]
								     : NULL);
	char *text;
	int r;

	if (json) {
		json_object_set_new(json, "bundle", json_string(c->spec->bundle ?: "/"));
		json_object_set_new(json, "rootfs", json_string(c->spec->root_path));
		json_object_set_new(json, "policy", policy_json(c));
		json_object_set_new(json, "inside", inside_json(&c->inside));
		if (c->spec->annotations)
			json_object_set(json, "annotations", c->spec->annotations);
		json_object_set_new(json, "mediation", json_string(c->unmediated ?: "own"));
		json_object_set_new(json, "network",
				    json_string(c->join.foreign_net ? "of the engine"
						: c->join.fds[SPEC_NS_NETWORK] >= 0 ? "shared"
										    : "own"));
	}
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	r = text ? fd_replace_file_at(c->dir_fd, "state.json", text, strlen(text), 0600) : -ENOMEM;

	free(text);
	json_decref(json);
	if (r == 0) {
		text = json_dumps(c->spec->json, JSON_COMPACT);
		r = text ? fd_replace_file_at(c->dir_fd, UNPUBLISHED, text, strlen(text), 0600)
			 : -ENOMEM;
		free(text);
	}
	return r == 0 || error_set_errno(error, r, "write the state of \"%s\"", c->id);
}

/**
 * state_publish() - from now on commands may enter the container
 */
bool state_publish(const struct container *c, GError **error)
{
	if (renameat(c->dir_fd, UNPUBLISHED, c->dir_fd, "config.json") < 0)
		return error_set_errno(error, -errno, "write the state of \"%s\"", c->id);
	return true;
}

/**
 * state_load_json() - read the JSON file @dir_fd/@name (json_loadfd() reads byte by byte)
 */
json_t *state_load_json(int dir_fd, const char *name)
{
	autofd fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	g_autofree char *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	text = g_try_malloc(st.st_size);
	if (!text || fd_read_all(fd, text, st.st_size) < 0)
		return NULL;
	return json_loadb(text, st.st_size, 0, NULL);
}

/**
 * state_load() - the state of container @id, or NULL and *@error
 */
json_t *state_load(int root_fd, const char *id, GError **error)
{
	autofd dir = rundir_enter(root_fd, id);
	json_t *json = dir < 0 ? NULL : state_load_json(dir, "state.json");

	if (!json)
		error_set(error,
			  "container \"%s\" does not exist; `cloister list` shows those that do",
			  id);
	return json;
}
