/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister policy explain`: what would become of a mount, by the very code that decides about it.
 */
#include "config.h"
#include "launcher/policy-words.h"

#include "launcher/launcher.h"
#include "lib/fd.h"
#include "runtime/error.h"
#include "runtime/vet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

/* What becomes of it, in one word and for people. */
static json_t *verdict(const char *source, const struct policy_grant *grant, const GError *error,
		       const struct policy *p)
{
	char list[SOCKCOMMANDS_TEXT_MAX] = "";
	json_t *json = json_pack("{s:s}", "mount", source), *notes = json_array();
	const char *word = "passes";

	if (error)
		word = "refused";
	else if (grant->socket)
		word = "proxy";
	else if (grant->as_user)
		word = "served";
	else if (grant->hide)
		word = "hidden";
	json_object_set_new(json, "verdict", json_string(word));
	if (error)
		json_object_set_new(json, "message", json_string(error->message));
	if (!error && grant->socket &&
	    sockcommands_format(&grant->commands, list, sizeof(list)) == 0)
		json_object_set_new(json, "commands", json_string(list));
	if (!error && grant->as_user)
		json_object_set_new(json, "uid", json_integer(grant->uid));
	if (!error && grant->readonly)
		json_object_set_new(json, "readOnly", json_true());
	for (guint i = 0; !error && grant->hide && i < grant->hide->len; i++)
		json_array_append_new(notes,
				      json_sprintf("hidden: %s", (char *)grant->hide->pdata[i]));
	for (guint i = 0; !error && i < p->events->len; i++)
		json_array_append_new(notes, json_string(p->events->pdata[i]));
	json_object_set_new(json, "notes", notes);
	return json;
}

static json_t *explain(struct vet *vet, const char *source, bool readonly, GError **error)
{
	autofd fd = open(source, O_PATH | O_CLOEXEC);
	const struct spec_mount m = { .source = (char *)source,
				      .destination = (char *)"/mnt",
				      .recursive = true,
				      .set = readonly ? MOUNT_ATTR_RDONLY : 0 };
	struct policy_grant grant = { 0 };
	g_autoptr(GError) no = NULL;
	json_t *json;

	if (fd < 0) {
		error_set_errno(error, -errno, "--mount \"%s\"", source);
		return NULL;
	}
	vet_mount(vet, &m, fd, &grant, &no);
	json = verdict(source, &grant, no, &vet->policy);
	policy_grant_clear(&grant);
	g_ptr_array_set_size(vet->policy.events, 0);
	return json;
}

static void print_one(json_t *json)
{
	const char *word = json_string_value(json_object_get(json, "verdict"));
	json_t *note, *commands = json_object_get(json, "commands");
	size_t i;

	printf("%s: %s\n", json_string_value(json_object_get(json, "mount")), word);
	if (json_object_get(json, "message"))
		printf("  %s\n", json_string_value(json_object_get(json, "message")));
	if (commands)
		printf("  cloister-sockproxy's socket takes its place, with the list \"%s\"\n",
		       json_string_value(commands));
	if (json_object_get(json, "uid"))
		printf("  with the rights of user %lld\n",
		       (long long)json_integer_value(json_object_get(json, "uid")));
	if (json_object_get(json, "readOnly"))
		printf("  read-only\n");
	json_array_foreach(json_object_get(json, "notes"), i, note)
		printf("  %s\n", json_string_value(note));
}

static bool find_image(const struct policy_options *o, struct image **ret, GError **error)
{
	*ret = o->image ? docker_find_image(o->store, o->image) : image_new("no engine");
	return *ret || error_set(error,
				 "--image \"%s\": not in the store \"%s\"; pull it, or "
				 "choose --store",
				 o->image, o->store);
}

static bool explain_all(const struct policy_options *o, json_t *all, GError **error)
{
	const struct subject who = { .id = "(explain)", .state_dir = launcher_root };
	struct vet vet = { 0 };
	autoimage image = NULL;
	bool ok = find_image(o, &image, error) && vet_begin(&vet, &who, launcher_settings, error);

	vet.policy.quiet = true;
	vet.policy.image = image;
	for (guint i = 0; ok && i < o->mounts->len; i++) {
		json_t *json = explain(&vet, o->mounts->pdata[i], o->readonly, error);

		ok = json != NULL;
		if (json)
			json_array_append_new(all, json);
	}
	vet_end(&vet);
	return ok;
}

/**
 * policy_explain() - what would become of mounts; Return: 0 if all pass, 1 if one is refused
 */
int policy_explain(const struct policy_options *o)
{
	g_autoptr(GError) error = NULL;
	json_t *all = json_array(), *json;
	bool ok = explain_all(o, all, &error), refused = false;
	size_t i;

	if (ok && o->as_json)
		policy_print_json(all);
	json_array_foreach(all, i, json)
	{
		refused |= json_object_get(json, "message") != NULL;
		if (!o->as_json)
			print_one(json);
	}
	json_decref(all);
	if (!ok)
		return launcher_fail(error);
	return refused ? EXIT_FAILURE : 0;
}
