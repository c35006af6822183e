/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a settings file: what it can have, and what each member means.
 */
#include "config.h"
#include "policy/settings.h"

#include "policy/jsontext.h"
#include "policy/reader.h"

#include <string.h>

#define MAX_AGE	     (30 * 24 * 3600)
#define MAX_PRIORITY 99

static bool parse_version(struct reader *r, json_t *value, void *into)
{
	(void)into;
	return json_is_integer(value) || reader_wrong(r, "must be a number; the present one is 2");
}

static bool parse_mode(struct reader *r, json_t *value, void *into)
{
	static const char *const words[] = { "enforce", "warn", "audit", NULL };
	int i;

	if (!reader_word(r, value, words, &i))
		return false;
	*(enum settings_mode *)into = (enum settings_mode)i;
	return true;
}

/* "refuse" and "hide" are about parents of what is restricted; both enforce. */
static bool parse_mounts_mode(struct reader *r, json_t *value, void *into)
{
	static const char *const words[] = { "enforce", "warn", "audit", "refuse", "hide", NULL };
	struct settings *s = into;
	int i;

	if (!reader_word(r, value, words, &i))
		return false;
	s->mounts_mode = i <= MODE_AUDIT ? (enum settings_mode)i : MODE_ENFORCE;
	s->hide = i == 4;
	return true;
}

static bool parse_list_type(struct reader *r, json_t *value, void *into)
{
	static const char *const words[] = { "deny", "allow", NULL };
	int i;

	if (!reader_word(r, value, words, &i))
		return false;
	((struct sockcommands *)into)->allow = i == 1;
	return true;
}

static bool parse_command(struct reader *r, json_t *value, void *into)
{
	static const char *const unsupported[] = { "compose", "dev",	  "extension", "feedback",
						   "init",    "manifest", "plugin",    "plugins",
						   "sbom",    "scan",	  "scout",     "trust" };
	const char *name = reader_text(r, value);

	if (!name)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(unsupported); i++)
		if (strcmp(name, unsupported[i]) == 0)
			return reader_wrong(
				r,
				"the command \"%s\" is not supported in the command list; it "
				"is no single request that could be recognised on the socket",
				name);
	return sockcommands_add(into, name) == 0 ||
	       reader_wrong(r,
			    "\"%s\" is no command; give one of `docker --help`, or a group like "
			    "\"image*\"",
			    name);
}

static bool parse_commands(struct reader *r, json_t *value, void *into)
{
	return reader_array(r, value, parse_command, into);
}

static bool parse_command_list(struct reader *r, json_t *value, void *into)
{
	const struct reader_member members[] = { { "type", parse_list_type, into },
						 { "commands", parse_commands, into },
						 { NULL } };

	return reader_object(r, value, members);
}

static bool parse_image_name(struct reader *r, json_t *value, void *into)
{
	struct settings_image *image = into;
	const char *text = reader_text(r, value);

	if (!text)
		return false;
	imageref_clear(&image->ref);
	if (!imageref_parse(text, true, &image->ref))
		return reader_wrong(r,
				    "\"%s\" is no name of an image; give NAME, NAME:TAG, NAME:*, "
				    "NAME@sha256:… or sha256:…",
				    text);
	if (strcmp(text, "*") == 0)
		g_ptr_array_add(r->warnings,
				g_strdup_printf("%s: the image \"*\": every container may have the "
						"engine's socket",
						r->name));
	return true;
}

static bool parse_own_commands(struct reader *r, json_t *value, void *into)
{
	struct settings_image *image = into;

	image->own_commands = true;
	return parse_command_list(r, value, &image->commands);
}

static bool parse_image(struct reader *r, json_t *value, void *into)
{
	struct settings_image *image = g_new0(struct settings_image, 1);
	const struct reader_member members[] = { { "image", parse_image_name, image },
						 { "commandList", parse_own_commands, image },
						 { NULL } };

	g_ptr_array_add(into, image);
	if (!json_is_object(value))
		return parse_image_name(r, value, image);
	if (!reader_object(r, value, members))
		return false;
	return image->ref.name || image->ref.digest || reader_wrong(r, "has no \"image\"");
}

static bool parse_images(struct reader *r, json_t *value, void *into)
{
	return reader_array(r, value, parse_image, into);
}

static bool parse_image_list(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct reader_member members[] = { { "images", parse_images, s->images },
						 { "allowDerivedImages", reader_bool,
						   &s->allow_derived },
						 { NULL } };

	return reader_object(r, value, members);
}

static bool parse_socket_mount(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct reader_member members[] = { { "imageList", parse_image_list, s },
						 { "commandList", parse_command_list,
						   &s->commands },
						 { NULL } };

	return reader_object(r, value, members);
}

static bool parse_eci(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	bool on = true;
	const struct reader_member members[] = { { "locked", reader_bool, &s->locked },
						 { "value", reader_bool, &on },
						 { "dockerSocketMount", parse_socket_mount, s },
						 { "iechorSocketMount", parse_socket_mount, s },
						 { NULL } };

	if (json_object_get(value, "dockerSocketMount") &&
	    json_object_get(value, "iechorSocketMount"))
		return reader_wrong(r,
				    "has both dockerSocketMount and iechorSocketMount; give one");
	if (!reader_object(r, value, members))
		return false;
	s->disabled = !on;
	return true;
}

static const char *path_of(struct reader *r, json_t *value)
{
	const char *text = reader_text(r, value);

	if (text && text[0] != '/') {
		reader_wrong(r, "\"%s\": give an absolute path", text);
		return NULL;
	}
	return text;
}

static bool parse_path(struct reader *r, json_t *value, void *into)
{
	const char *path = path_of(r, value);

	if (path)
		g_ptr_array_add(into, g_strdup(path));
	return path;
}

static bool parse_paths(struct reader *r, json_t *value, void *into)
{
	return reader_array(r, value, parse_path, into);
}

static bool parse_restricted(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct reader_member members[] = { { "mode", parse_mounts_mode, s },
						 { "paths", parse_paths, s->restricted },
						 { "except", parse_paths, s->unrestricted },
						 { NULL } };

	return reader_object(r, value, members);
}

static bool parse_verify(struct reader *r, json_t *value, void *into)
{
	static const char *const words[] = { "local", "registry", NULL };
	int i;

	if (!reader_word(r, value, words, &i))
		return false;
	*(bool *)into = i == 1;
	return true;
}

static bool parse_age(struct reader *r, json_t *value, void *into)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 1 || n > MAX_AGE)
		return reader_wrong(r, "must be a number of seconds from 1 to %d", MAX_AGE);
	*(unsigned int *)into = n;
	return true;
}

static bool parse_socket(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct reader_member members[] = { { "mode", parse_mode, &s->socket_mode },
						 { "verify", parse_verify, &s->ask_registry },
						 { "maxAge", parse_age, &s->max_age },
						 { "sockets", parse_paths, s->sockets },
						 { NULL } };

	return reader_object(r, value, members);
}

static bool parse_share_path(struct reader *r, json_t *value, void *into)
{
	struct settings_share *share = into;
	const char *path = path_of(r, value);

	if (path) {
		g_free(share->path);
		share->path = g_strdup(path);
	}
	return path;
}

static bool parse_as(struct reader *r, json_t *value, void *into)
{
	struct settings_share *share = into;
	const char *text = reader_text(r, value);

	if (!text)
		return false;
	share->as = strcmp(text, "root") == 0	 ? AS_ROOT
		    : strcmp(text, "owner") == 0 ? AS_OWNER
						 : AS_USER;
	g_free(share->user);
	share->user = share->as == AS_USER ? g_strdup(text) : NULL;
	return true;
}

static bool parse_share(struct reader *r, json_t *value, void *into)
{
	struct settings_share *share = g_new0(struct settings_share, 1);
	const struct reader_member members[] = { { "path", parse_share_path, share },
						 { "as", parse_as, share },
						 { "readOnly", reader_bool, &share->readonly },
						 { NULL } };

	g_ptr_array_add(into, share);
	if (!json_is_object(value))
		return parse_share_path(r, value, share);
	if (!reader_object(r, value, members))
		return false;
	return share->path || reader_wrong(r, "has no \"path\"");
}

static bool parse_shares(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;

	s->has_shares = true;
	return reader_array(r, value, parse_share, s->shares);
}

static bool parse_sharing(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct reader_member members[] = { { "mode", parse_mode, &s->shares_mode },
						 { "directories", parse_shares, s },
						 { NULL } };

	return reader_object(r, value, members);
}

/* The kernel's own range of SCHED_FIFO and SCHED_RR, and none. */
static bool parse_priority(struct reader *r, json_t *value, void *into)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > MAX_PRIORITY)
		return reader_wrong(r, "must be a number from 0 (none) to %d", MAX_PRIORITY);
	*(int *)into = n;
	return true;
}

static bool parse_inside(struct reader *r, json_t *value, void *into)
{
	struct settings_inside *inside = into;
	const struct reader_member members[] = { { "mknod", reader_bool, &inside->mknod },
						 { "fuse", reader_bool, &inside->fuse },
						 { "tun", reader_bool, &inside->tun },
						 { "kmsg", reader_bool, &inside->kmsg },
						 { "sched_setscheduler", parse_priority,
						   &inside->rtprio },
						 { "setxattr", reader_bool, &inside->setxattr },
						 { "swap", reader_bool, &inside->swap },
						 { NULL } };

	return reader_object(r, value, members);
}

static bool parse_cloister(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct reader_member members[] = { { "restrictedMounts", parse_restricted, s },
						 { "socketMount", parse_socket, s },
						 { "fileSharing", parse_sharing, s },
						 { "inside", parse_inside, &s->inside },
						 { NULL } };

	return reader_object(r, value, members);
}

/**
 * settings_parse() - the settings that @text says
 * @text: comments in it are overwritten
 * @name: of the file, for messages
 *
 * Return: freed with settings_free(); NULL and *@error with line and column.
 */
struct settings *settings_parse(char *text, const char *name, GError **error)
{
	g_autofree char *shown = g_strdup_printf("settings \"%s\"", name);
	json_t *json = jsontext_parse(text, shown, error);
	struct settings *s = json ? settings_new() : NULL;
	struct reader r = { .text = text, .name = shown, .error = error };
	const struct reader_member members[] = { { "configurationFileVersion", parse_version, s },
						 { "enhancedContainerIsolation", parse_eci, s },
						 { "cloister", parse_cloister, s },
						 { NULL } };

	if (!s)
		return NULL;
	r.warnings = s->warnings;
	if (!reader_object(&r, json, members))
		g_clear_pointer(&s, settings_free);
	json_decref(json);
	return s;
}
