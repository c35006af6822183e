/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's images, from its store on disk: containers/ID/config.v2.json names the image by the
 * digest of its configuration, image/DRIVER/repositories.json what was pulled and how it is called,
 * and image/DRIVER/imagedb has the configuration with the layers.
 *
 * With containerd's image store config.v2.json has the digest of the manifest, and where that came
 * from is containerd's to say: image-containerd.c.
 */
#include "config.h"
#include "policy/images.h"

#include "policy/policy-error.h"
#include "policy/store.h"

#include <string.h>

static bool is_id(const char *id)
{
	return strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
}

/* "docker:cli" or "docker@sha256:…", as repositories.json has them, to the one that it is. */
static void take_reference(struct image *image, const char *text)
{
	struct imageref ref;

	if (!imageref_parse(text, false, &ref))
		return;
	if (ref.digest) {
		g_ptr_array_add(image->digests, g_strdup_printf("%s@%s", ref.name, ref.digest));
		g_ptr_array_add(image->content, g_strdup(ref.digest));
	} else {
		g_ptr_array_add(image->tags, g_strdup_printf("%s:%s", ref.name, ref.tag));
	}
	imageref_clear(&ref);
}

static void take_references(struct image *image, json_t *repositories)
{
	const char *name, *text;
	json_t *refs, *id;

	json_object_foreach(json_object_get(repositories, "Repositories"), name, refs)
	{
		json_object_foreach(refs, text, id)
		{
			if (g_strcmp0(json_string_value(id), image->config) == 0)
				take_reference(image, text);
		}
	}
}

static void take_layers(struct image *image)
{
	g_autofree char *path = g_build_filename(image->store, "imagedb/content/sha256",
						 image->config + strlen("sha256:"), NULL);
	json_t *json = store_read(path), *layer;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(json, "rootfs"), "diff_ids"), i, layer)
	{
		if (json_is_string(layer))
			g_ptr_array_add(image->layers, g_strdup(json_string_value(layer)));
	}
	json_decref(json);
}

/* What @image->store says of the image whose configuration is @config. */
static struct image *load(const char *store, const char *config, json_t *repositories)
{
	struct image *image = image_new("Docker");

	image->store = g_strdup(store);
	image->config = g_strdup(config);
	take_references(image, repositories);
	take_layers(image);
	return image;
}

static json_t *read_repositories(const char *store)
{
	g_autofree char *path = g_build_filename(store, "repositories.json", NULL);

	return store_read(path);
}

/**
 * docker_images() - all images of the store that @image is in
 */
GPtrArray *docker_images(const struct image *image)
{
	json_t *repositories = read_repositories(image->store), *refs, *id;
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)image_free);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	const char *name, *text;

	json_object_foreach(json_object_get(repositories, "Repositories"), name, refs)
	{
		json_object_foreach(refs, text, id)
		{
			const char *config = json_string_value(id);

			if (config && imageref_is_digest(config) &&
			    g_hash_table_add(seen, (char *)config))
				g_ptr_array_add(list, load(image->store, config, repositories));
		}
	}
	json_decref(repositories);
	return list;
}

/* The driver's directory is image/overlay2 or the like. */
static char *find_store(const char *root, json_t *container)
{
	const char *driver = store_text(container, "Driver");

	if (!*driver || strchr(driver, '/') || strcmp(driver, "..") == 0)
		return NULL;
	return g_build_filename(root, "image", driver, NULL);
}

static struct image *from_container(const char *root, json_t *container)
{
	const char *config = store_text(container, "Image");
	const char *name = store_text(json_object_get(container, "Config"), "Image");
	g_autofree char *store = find_store(root, container);
	json_t *repositories = store ? read_repositories(store) : NULL;
	struct image *image;

	if (!imageref_is_digest(config)) {
		json_decref(repositories);
		return NULL;
	}
	if (repositories)
		image = load(store, config, repositories);
	else
		image = image_new("Docker");
	if (!image->config)
		image->config = g_strdup(config);
	image->name = g_strdup(*name ? name : config);
	json_decref(repositories);
	return image;
}

/* A container that was started by an id is told by a name of its image. @id: "sha256:…" */
static void tell_by_name(struct image *image, const char *id)
{
	if ((imageref_is_digest(image->name) ||
	     (strlen(image->name) >= 6 && g_str_has_prefix(id + 7, image->name))) &&
	    image->tags->len) {
		g_free(image->name);
		image->name = g_strdup(image->tags->pdata[0]);
	}
}

/* Docker's own store does not have it: containerd's does. */
static void take_manifest(const struct subject *who, struct image *image, json_t *container)
{
	const char *manifest = store_text(json_object_get(container, "ImageManifest"), "digest");

	g_ptr_array_add(image->content, g_strdup(image->config));
	if (imageref_is_digest(manifest) && strcmp(manifest, image->config) != 0)
		g_ptr_array_add(image->content, g_strdup(manifest));
	g_clear_pointer(&image->config, g_free);
	containerd_add_sources(who, image);
}

/**
 * docker_find() - the image of a container of Docker's; NULL without error: it is none
 */
struct image *docker_find(const struct subject *who, GError **error)
{
	g_autofree char *mark = NULL, *root = NULL, *path = NULL;
	struct image *image;
	json_t *container;

	if (!who->id || !is_id(who->id))
		return NULL;
	mark = g_build_filename("containers", who->id, "config.v2.json", NULL);
	root = store_above(who->root_path, mark);
	if (!root)
		return NULL;
	path = g_build_filename(root, mark, NULL);
	container = store_read(path);
	if (strcmp(store_text(container, "ID"), who->id) != 0) {
		json_decref(container);
		policy_error_set(error, "\"%s\" does not say which image it is", path);
		return NULL;
	}
	image = from_container(root, container);
	if (image && !image->store)
		take_manifest(who, image, container);
	if (image)
		tell_by_name(image, store_text(container, "Image"));
	json_decref(container);
	return image;
}

static bool is_called(const struct image *image, const char *name, const struct imageref *ref)
{
	g_autofree char *full = NULL;
	const GPtrArray *list = ref->digest ? image->digests : image->tags;

	if (g_str_has_prefix(image->config, name) || g_str_has_prefix(image->config + 7, name))
		return true;
	full = ref->digest ? g_strdup_printf("%s@%s", ref->name, ref->digest)
			   : g_strdup_printf("%s:%s", ref->name, ref->tag);
	return g_ptr_array_find_with_equal_func((GPtrArray *)list, full, g_str_equal, NULL);
}

/**
 * docker_find_image() - the image that is called @name, in the store below Docker's directory @root
 */
struct image *docker_find_image(const char *root, const char *name)
{
	static const char *const drivers[] = { "overlay2", "vfs", "fuse-overlayfs", "btrfs",
					       "zfs" };
	struct image *found = NULL;
	struct imageref ref;

	if (!imageref_parse(name, false, &ref))
		ref = (struct imageref){ .name = g_strdup(name), .tag = g_strdup("") };
	for (size_t i = 0; !found && i < G_N_ELEMENTS(drivers); i++) {
		struct image any = { .store = g_build_filename(root, "image", drivers[i], NULL) };
		g_autoptr(GPtrArray) list = docker_images(&any);

		for (guint k = 0; !found && k < list->len; k++)
			if (is_called(list->pdata[k], name, &ref))
				found = g_ptr_array_steal_index(list, k);
		g_free(any.store);
	}
	if (found)
		found->name = g_strdup(name);
	imageref_clear(&ref);
	return found;
}
