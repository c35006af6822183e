/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a settings file, checked: what is unknown is warned about, what has the wrong type is
 * refused with its line and column.
 */
#include "config.h"
#include "policy/settings.h"

#include "policy/jsontext.h"
#include "policy/policy-error.h"

#include <errno.h>
#include <string.h>

#define MAX_DEPTH    12
#define MAX_AGE	     (30 * 24 * 3600)
#define MAX_PRIORITY 99

struct reader {
	const char *text, *name;
	const char *path[MAX_DEPTH]; /* where we are */
	guint depth;
	struct settings *s;
	GError **error;
};

static char *place(const struct reader *r)
{
	GString *s = g_string_new(NULL);

	for (guint i = 0; i < r->depth; i++) {
		if (r->path[i][0] == '#')
			g_string_append_printf(s, "[%s]", r->path[i] + 1);
		else
			g_string_append_printf(s, "%s%s", s->len ? "." : "", r->path[i]);
	}
	return g_string_free(s, false);
}

static bool wrong(struct reader *r, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool wrong(struct reader *r, const char *format, ...)
{
	g_autofree char *what = NULL, *at = place(r);
	int line, column;
	va_list args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	jsontext_locate(r->text, r->path, r->depth, &line, &column);
	return policy_error_set(r->error, "%s: line %d, column %d: %s%s%s", r->name, line, column,
				at, *at ? ": " : "", what);
}

/* What a member is parsed by: @into is the address of what it is kept in. */
typedef bool (*parse_fn)(struct reader *r, json_t *value, void *into);

struct member {
	const char *key;
	parse_fn parse;
	void *into;
};

static bool parse_at(struct reader *r, const char *step, json_t *value, parse_fn parse, void *into)
{
	bool ok;

	r->path[r->depth++] = step;
	ok = parse(r, value, into);
	r->depth--;
	return ok;
}

static void warn_unknown(struct reader *r, const char *key)
{
	g_autofree char *text = NULL, *at = NULL;
	int line, column;

	r->path[r->depth++] = key;
	at = place(r);
	jsontext_locate(r->text, r->path, r->depth, &line, &column);
	r->depth--;
	text = g_strdup_printf("%s: line %d, column %d: %s: unknown key, without effect", r->name,
			       line, column, at);
	g_ptr_array_add(r->s->warnings, g_strdelimit(g_steal_pointer(&text), "\n\r", ' '));
}

static const struct member *find(const struct member *members, const char *key)
{
	for (; members->key; members++)
		if (strcmp(members->key, key) == 0)
			return members;
	return NULL;
}

/* An object whose members are @members, ended by one without key. */
static bool parse_object(struct reader *r, json_t *value, const struct member *members)
{
	const char *key;
	json_t *item;

	if (!json_is_object(value))
		return wrong(r, "must be an object, { … }");
	json_object_foreach(value, key, item)
	{
		const struct member *m = find(members, key);

		if (!m)
			warn_unknown(r, key);
		else if (!parse_at(r, m->key, item, m->parse, m->into))
			return false;
	}
	return true;
}

static bool parse_array(struct reader *r, json_t *value, parse_fn parse, void *into)
{
	json_t *item;
	size_t i;

	if (!json_is_array(value))
		return wrong(r, "must be a list, [ … ]");
	json_array_foreach(value, i, item)
	{
		char step[24];

		g_snprintf(step, sizeof(step), "#%zu", i);
		if (!parse_at(r, step, item, parse, into))
			return false;
	}
	return true;
}

static bool parse_bool(struct reader *r, json_t *value, void *into)
{
	if (!json_is_boolean(value))
		return wrong(r, "must be true or false");
	*(bool *)into = json_is_true(value);
	return true;
}

static bool parse_version(struct reader *r, json_t *value, void *into)
{
	(void)into;
	return json_is_integer(value) || wrong(r, "must be a number; the present one is 2");
}

static const char *text_of(struct reader *r, json_t *value)
{
	if (!json_is_string(value) || !json_string_length(value) ||
	    strlen(json_string_value(value)) != json_string_length(value)) {
		wrong(r, "must be a text, \"…\", and not empty");
		return NULL;
	}
	return json_string_value(value);
}

/* One of the words of @words, whose place is the value. */
static bool parse_word(struct reader *r, json_t *value, const char *const *words, int *ret)
{
	const char *text = text_of(r, value);

	if (!text)
		return false;
	for (int i = 0; words[i]; i++) {
		*ret = i;
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return wrong(r, "\"%s\" is unknown here", text);
}

static bool parse_mode(struct reader *r, json_t *value, void *into)
{
	static const char *const words[] = { "enforce", "warn", "audit", NULL };
	int i;

	if (!parse_word(r, value, words, &i))
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

	if (!parse_word(r, value, words, &i))
		return false;
	s->mounts_mode = i <= MODE_AUDIT ? (enum settings_mode)i : MODE_ENFORCE;
	s->hide = i == 4;
	return true;
}

static bool parse_list_type(struct reader *r, json_t *value, void *into)
{
	static const char *const words[] = { "deny", "allow", NULL };
	int i;

	if (!parse_word(r, value, words, &i))
		return false;
	((struct sockcommands *)into)->allow = i == 1;
	return true;
}

static bool parse_command(struct reader *r, json_t *value, void *into)
{
	static const char *const unsupported[] = { "compose", "dev",	  "extension", "feedback",
						   "init",    "manifest", "plugin",    "plugins",
						   "sbom",    "scan",	  "scout",     "trust" };
	const char *name = text_of(r, value);

	if (!name)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(unsupported); i++)
		if (strcmp(name, unsupported[i]) == 0)
			return wrong(r,
				     "the command \"%s\" is not supported in the command list; it "
				     "is no single request that could be recognised on the socket",
				     name);
	return sockcommands_add(into, name) == 0 ||
	       wrong(r,
		     "\"%s\" is no command; give one of `docker --help`, or a group like "
		     "\"image*\"",
		     name);
}

static bool parse_commands(struct reader *r, json_t *value, void *into)
{
	return parse_array(r, value, parse_command, into);
}

static bool parse_command_list(struct reader *r, json_t *value, void *into)
{
	const struct member members[] = { { "type", parse_list_type, into },
					  { "commands", parse_commands, into },
					  { NULL } };

	return parse_object(r, value, members);
}

static bool parse_image_name(struct reader *r, json_t *value, void *into)
{
	struct settings_image *image = into;
	const char *text = text_of(r, value);

	if (!text)
		return false;
	imageref_clear(&image->ref);
	if (!imageref_parse(text, true, &image->ref))
		return wrong(r,
			     "\"%s\" is no name of an image; give NAME, NAME:TAG, NAME:*, "
			     "NAME@sha256:… or sha256:…",
			     text);
	if (strcmp(text, "*") == 0)
		g_ptr_array_add(r->s->warnings,
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
	const struct member members[] = { { "image", parse_image_name, image },
					  { "commandList", parse_own_commands, image },
					  { NULL } };

	g_ptr_array_add(into, image);
	if (!json_is_object(value))
		return parse_image_name(r, value, image);
	if (!parse_object(r, value, members))
		return false;
	return image->ref.name || image->ref.digest || wrong(r, "has no \"image\"");
}

static bool parse_images(struct reader *r, json_t *value, void *into)
{
	return parse_array(r, value, parse_image, into);
}

static bool parse_image_list(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct member members[] = { { "images", parse_images, s->images },
					  { "allowDerivedImages", parse_bool, &s->allow_derived },
					  { NULL } };

	return parse_object(r, value, members);
}

static bool parse_socket_mount(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct member members[] = { { "imageList", parse_image_list, s },
					  { "commandList", parse_command_list, &s->commands },
					  { NULL } };

	return parse_object(r, value, members);
}

static bool parse_eci(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	bool on = true;
	const struct member members[] = { { "locked", parse_bool, &s->locked },
					  { "value", parse_bool, &on },
					  { "dockerSocketMount", parse_socket_mount, s },
					  { "iechorSocketMount", parse_socket_mount, s },
					  { NULL } };

	if (json_object_get(value, "dockerSocketMount") &&
	    json_object_get(value, "iechorSocketMount"))
		return wrong(r, "has both dockerSocketMount and iechorSocketMount; give one");
	if (!parse_object(r, value, members))
		return false;
	s->disabled = !on;
	return true;
}

static bool parse_path(struct reader *r, json_t *value, void *into)
{
	const char *text = text_of(r, value);

	if (!text)
		return false;
	if (text[0] != '/')
		return wrong(r, "\"%s\": give an absolute path", text);
	g_ptr_array_add(into, g_strdup(text));
	return true;
}

static bool parse_paths(struct reader *r, json_t *value, void *into)
{
	return parse_array(r, value, parse_path, into);
}

static bool parse_restricted(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct member members[] = { { "mode", parse_mounts_mode, s },
					  { "paths", parse_paths, s->restricted },
					  { "except", parse_paths, s->unrestricted },
					  { NULL } };

	return parse_object(r, value, members);
}

static bool parse_verify(struct reader *r, json_t *value, void *into)
{
	static const char *const words[] = { "local", "registry", NULL };
	int i;

	if (!parse_word(r, value, words, &i))
		return false;
	*(bool *)into = i == 1;
	return true;
}

static bool parse_age(struct reader *r, json_t *value, void *into)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 1 || n > MAX_AGE)
		return wrong(r, "must be a number of seconds from 1 to %d", MAX_AGE);
	*(unsigned int *)into = n;
	return true;
}

static bool parse_socket(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct member members[] = { { "mode", parse_mode, &s->socket_mode },
					  { "verify", parse_verify, &s->ask_registry },
					  { "maxAge", parse_age, &s->max_age },
					  { "sockets", parse_paths, s->sockets },
					  { NULL } };

	return parse_object(r, value, members);
}

static bool parse_share_path(struct reader *r, json_t *value, void *into)
{
	struct settings_share *share = into;
	const char *text = text_of(r, value);

	if (!text)
		return false;
	if (text[0] != '/')
		return wrong(r, "\"%s\": give an absolute path", text);
	g_free(share->path);
	share->path = g_strdup(text);
	return true;
}

static bool parse_as(struct reader *r, json_t *value, void *into)
{
	struct settings_share *share = into;
	const char *text = text_of(r, value);

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
	const struct member members[] = { { "path", parse_share_path, share },
					  { "as", parse_as, share },
					  { "readOnly", parse_bool, &share->readonly },
					  { NULL } };

	g_ptr_array_add(into, share);
	if (!json_is_object(value))
		return parse_share_path(r, value, share);
	if (!parse_object(r, value, members))
		return false;
	return share->path || wrong(r, "has no \"path\"");
}

static bool parse_shares(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;

	s->has_shares = true;
	return parse_array(r, value, parse_share, s->shares);
}

static bool parse_sharing(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct member members[] = { { "mode", parse_mode, &s->shares_mode },
					  { "directories", parse_shares, s },
					  { NULL } };

	return parse_object(r, value, members);
}

/* The kernel's own range of SCHED_FIFO and SCHED_RR, and none. */
static bool parse_priority(struct reader *r, json_t *value, void *into)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > MAX_PRIORITY)
		return wrong(r, "must be a number from 0 (none) to %d", MAX_PRIORITY);
	*(int *)into = n;
	return true;
}

static bool parse_inside(struct reader *r, json_t *value, void *into)
{
	struct settings_inside *inside = into;
	const struct member members[] = { { "mknod", parse_bool, &inside->mknod },
					  { "fuse", parse_bool, &inside->fuse },
					  { "tun", parse_bool, &inside->tun },
					  { "kmsg", parse_bool, &inside->kmsg },
					  { "sched_setscheduler", parse_priority, &inside->rtprio },
					  { "setxattr", parse_bool, &inside->setxattr },
					  { "swap", parse_bool, &inside->swap },
					  { NULL } };

	return parse_object(r, value, members);
}

static bool parse_cloister(struct reader *r, json_t *value, void *into)
{
	struct settings *s = into;
	const struct member members[] = { { "restrictedMounts", parse_restricted, s },
					  { "socketMount", parse_socket, s },
					  { "fileSharing", parse_sharing, s },
					  { "inside", parse_inside, &s->inside },
					  { NULL } };

	return parse_object(r, value, members);
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
	struct reader r = { .text = text, .name = shown, .s = s, .error = error };
	const struct member members[] = { { "configurationFileVersion", parse_version, s },
					  { "enhancedContainerIsolation", parse_eci, s },
					  { "cloister", parse_cloister, s },
					  { NULL } };

	if (!s)
		return NULL;
	if (!parse_object(&r, json, members))
		g_clear_pointer(&s, settings_free);
	json_decref(json);
	return s;
}
