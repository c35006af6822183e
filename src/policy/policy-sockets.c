/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source that is an engine's socket, or a directory with one in it: which images' containers may
 * have it, and that what they get is the proxy's.
 */
#include "config.h"
#include "policy/policy-internal.h"

#include "policy/events.h"

/* The container's image, for people: also where only the engine's name for it is known. */
static char *image_name(const struct image *image)
{
	return image && image->name ? imageref_name_of(image->name) : g_strdup("unknown");
}

static bool refuse_socket(struct policy *p, const struct image *image, const char *why,
			  GError **error)
{
	g_autofree char *name = image_name(image);
	g_autofree char *text = g_strdup_printf(
		"enhanced container isolation: docker socket mount denied for container with image "
		"\"%s\"; image is not in the allowed list; if you wish to allow it, configure the "
		"docker socket image list in the Cloister settings.%s%s%s",
		name, why ? " (" : "", why ?: "", why ? ")" : "");

	return events_refuse(p, p->settings->socket_mode, text, error);
}

/**
 * policy_judge_socket() - the source is an engine's socket: may this container have it?
 * @o: the source
 * @grant: receives the socket, the image and the commands that the proxy lets through
 */
bool policy_judge_socket(struct policy *p, const struct object *o, struct policy_grant *grant,
			 GError **error)
{
	const struct settings_image *allowed;
	g_autoptr(GError) problem = NULL;
	g_autofree char *why = NULL;
	autoimage found = NULL;
	struct image *image = p->image;

#ifdef MUTANT_SOCKET_GIVEN
	return true;
#endif
	if (!image)
		image = found = images_find(&p->who, p->settings->images->len ? &problem : NULL);
	if (image && !image->socket)
		image->socket = g_strdup(o->path);
	allowed = images_match(p->settings, &p->who, image, &why);
	if (!allowed)
		return refuse_socket(p, image, problem ? problem->message : why, error);
	grant->socket = sockets_path(&p->sockets, o);
	grant->image = image_name(image);
	grant->commands = allowed->own_commands ? allowed->commands : p->settings->commands;
#ifdef MUTANT_LIST_OF_ALL
	grant->commands = p->settings->commands;
#endif
	return true;
}

/**
 * policy_is_socket() - is @o the socket of an engine, whatever its name?
 */
bool policy_is_socket(struct policy *p, const struct object *o)
{
	for (guint i = 0; i < p->restricted.objects->len; i++) {
		const struct restricted_object *r = p->restricted.objects->pdata[i];

		if (r->flags & RESTRICTED_SOCKET && r->canonical && r->dev == o->dev &&
		    r->ino == o->ino)
			return true;
	}
#ifdef MUTANT_SOCKET_BY_NAME
	return false;
#endif
	return sockets_is_engines(&p->sockets, o);
}

/**
 * policy_judge_sockets_below() - does the directory @o hold an engine's socket?
 *
 * Such a one cannot be given even to those that may have the socket. Served without what is hidden,
 * it is served without the sockets' names, too: an engine that restarts makes its own of the same
 * name.
 */
bool policy_judge_sockets_below(struct policy *p, const struct object *o,
				struct policy_grant *grant, GError **error)
{
	g_autoptr(GPtrArray) places = p->settings->hide ? g_ptr_array_new_with_free_func(g_free)
							: NULL;
	g_autofree char *name = sockets_find_below(&p->sockets, &p->mounts, o, places);
	g_autofree char *why = NULL;
	autoimage image = NULL;

	if (!name)
		return true;
	if (places) {
		if (!grant->hide)
			grant->hide = g_ptr_array_new_with_free_func(g_free);
#ifndef MUTANT_SOCKETS_SHOWN
		g_ptr_array_extend_and_steal(grant->hide, g_steal_pointer(&places));
#endif
		return true;
	}
	why = g_strdup_printf(
		"\"%s\" contains the socket \"%s\"; containers that are allowed mount "
		"the socket itself",
		o->path, name);
	image = p->image ? NULL : images_find(&p->who, NULL);
	return refuse_socket(p, p->image ?: image, why, error);
}
