/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of Podman and CRI-O, from the store that they share (containers/storage).
 *
 * It has for each image the digests of its manifests, but not where they came from: `podman tag`
 * makes "registry/allowed@sha256:…" of anything. So here a name alone says nothing; a digest does.
 */
#include "config.h"
#include "policy/images.h"

#include "policy/policy-error.h"
#include "policy/store.h"

#include <string.h>

static json_t *find_by_id(json_t *list, const char *id)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (strcmp(store_text(item, "id"), id) == 0)
			return item;
	}
	return NULL;
}

/* Those of `--rm` are in a file of their own. Return: the digits of the image's id. */
static char *image_of_container(const char *store, const char *id)
{
	static const char *const files[] = { "overlay-containers/containers.json",
					     "overlay-containers/volatile-containers.json",
					     "vfs-containers/containers.json",
					     "vfs-containers/volatile-containers.json" };
	char *image = NULL;

	for (size_t i = 0; !image && i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(store, files[i], NULL);
		json_t *list = store_read(path), *item = find_by_id(list, id);

		if (item && *store_text(item, "image"))
			image = g_strdup(store_text(item, "image"));
		json_decref(list);
	}
	return image;
}

static void take_image(struct image *image, json_t *item)
{
	const char *key, *digest = store_text(item, "digest");
	json_t *value;
	size_t i;

	if (imageref_is_digest(digest))
		g_ptr_array_add(image->content, g_strdup(digest));
	json_object_foreach(json_object_get(item, "big-data-digests"), key, value)
	{
		digest = json_string_value(value);
		if (digest && g_str_has_prefix(key, "manifest") && imageref_is_digest(digest))
			g_ptr_array_add(image->content, g_strdup(digest));
	}
	json_array_foreach(json_object_get(item, "names"), i, value)
	{
		struct imageref ref;

		if (!json_is_string(value) ||
		    !imageref_parse(json_string_value(value), false, &ref))
			continue;
		if (!image->name)
			image->name = g_strdup(json_string_value(value));
		if (ref.tag)
			g_ptr_array_add(image->tags, g_strdup_printf("%s:%s", ref.name, ref.tag));
		imageref_clear(&ref);
	}
}

static struct image *load(const char *store, const char *id)
{
	static const char *const files[] = { "overlay-images/images.json",
					     "vfs-images/images.json" };
	struct image *image = image_new("Podman");

	image->config = g_strdup_printf("sha256:%s", id);
	image->why_unknown = g_strdup("Podman's store does not say where an image came from: list "
				      "it as NAME@sha256:… or sha256:…");
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(store, files[i], NULL);
		json_t *list = store_read(path), *item = find_by_id(list, id);

		if (item)
			take_image(image, item);
		json_decref(list);
	}
	if (!image->name)
		image->name = g_strdup(image->config);
	return image;
}

/**
 * podman_find() - the image of a container of Podman's or CRI-O's; NULL without error: it is none
 */
struct image *podman_find(const struct subject *who, GError **error)
{
	g_autofree char *store = NULL, *id = NULL;

	(void)error;
	if (!who->id)
		return NULL;
	store = store_above(who->root_path, "overlay-images");
	if (!store)
		store = store_above(who->root_path, "vfs-images");
	id = store ? image_of_container(store, who->id) : NULL;
	return id ? load(store, id) : NULL;
}
