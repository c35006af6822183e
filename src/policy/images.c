/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which image a container is made of, and whether the settings let it have the engine's socket.
 *
 * Decided by content. A tag is a name that anybody who may use the engine can give to anything;
 * what cannot be given are repository digests, which the engine writes down when it has pulled and
 * verified a manifest. So an entry "name:tag" asks for a digest of that repository, and for the tag
 * besides; "name@digest" for that digest; "sha256:…" for the digest of the configuration, which
 * names everything the image consists of.
 *
 * No engine is asked about the container that it is making: it waits for us with that container's
 * lock held. Its store on disk, written before, says the same.
 */
#include "config.h"
#include "policy/images.h"

#include "policy/policy-error.h"
#include "policy/registry.h"

#include <string.h>

/**
 * image_new() - an image of which nothing is known yet; @engine is borrowed
 */
struct image *image_new(const char *engine)
{
	struct image *image = g_new0(struct image, 1);

	image->engine = engine;
	image->tags = g_ptr_array_new_with_free_func(g_free);
	image->digests = g_ptr_array_new_with_free_func(g_free);
	image->content = g_ptr_array_new_with_free_func(g_free);
	image->layers = g_ptr_array_new_with_free_func(g_free);
	return image;
}

/**
 * image_free() - free an image
 */
void image_free(struct image *image)
{
	g_free(image->name);
	g_free(image->config);
	g_ptr_array_unref(image->tags);
	g_ptr_array_unref(image->digests);
	g_ptr_array_unref(image->content);
	g_ptr_array_unref(image->layers);
	g_free(image->why_unknown);
	g_free(image->socket);
	g_free(image->store);
	g_free(image);
}

/**
 * images_find() - the image of the container that is being made
 *
 * Return: freed with image_free(); NULL and *@error if no engine's store knows the container.
 */
struct image *images_find(const struct subject *who, GError **error)
{
	struct image *(*const stores[])(const struct subject *, GError **) = {
		docker_find,
		podman_find,
		containerd_find,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(stores); i++) {
		g_autoptr(GError) problem = NULL;
		struct image *image = stores[i](who, &problem);

		if (image)
			return image;
		if (problem) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return NULL;
		}
	}
	policy_error_set(error, "no engine's store knows the container's image");
	return NULL;
}

static bool has(const GPtrArray *list, const char *text)
{
	return g_ptr_array_find_with_equal_func((GPtrArray *)list, text, g_str_equal, NULL);
}

/* "name@sha256:…" → name, and *@digest. */
static char *split_digest(const char *text, const char **digest)
{
	const char *at = strchr(text, '@');

	*digest = at ? at + 1 : "";
	return g_strndup(text, at ? (gsize)(at - text) : strlen(text));
}

/* Has the image a tag of the repository @name that the entry allows? */
static bool has_tag(const struct image *image, const struct imageref *ref, const char *name)
{
	size_t n = strlen(name);

	if (g_strcmp0(ref->tag, "*") == 0)
		return true;
	for (guint i = 0; i < image->tags->len; i++) {
		const char *tag = image->tags->pdata[i];

		if (strncmp(tag, name, n) == 0 && tag[n] == ':' &&
		    imageref_match_tag(ref, tag + n + 1))
			return true;
	}
	return false;
}

/* Has the registry under that name what the image is? */
static bool in_registry(const struct settings *s, const struct subject *who,
			const struct image *image, const char *name, const char *tag, char **why)
{
	g_autofree char *digest = NULL;
	g_autoptr(GError) problem = NULL;

	digest = registry_digest(who, image, name, tag, s->max_age, &problem);
	if (!digest) {
		g_free(*why);
		*why = g_strdup(problem->message);
		return false;
	}
	return has(image->content, digest);
}

static bool matches_registry(const struct settings *s, const struct subject *who,
			     const struct image *image, const struct imageref *ref, char **why)
{
	for (guint i = 0; i < image->tags->len; i++) {
		const char *text = image->tags->pdata[i], *tag = strrchr(text, ':');
		g_autofree char *name = tag ? g_strndup(text, tag - text) : NULL;

		if (name && imageref_match_name(ref, name) && imageref_match_tag(ref, tag + 1) &&
		    in_registry(s, who, image, name, tag + 1, why))
			return true;
	}
	return false;
}

static bool matches_local(const struct image *image, const struct imageref *ref)
{
	for (guint i = 0; i < image->digests->len; i++) {
		const char *digest;
		g_autofree char *name = split_digest(image->digests->pdata[i], &digest);

		if (imageref_match_name(ref, name) && has_tag(image, ref, name))
			return true;
	}
	return false;
}

/* An entry with a digest: the name must be one the image was pulled by, where that is known. */
static bool matches_digest(const struct image *image, const struct imageref *ref)
{
	if (!ref->name)
		return g_strcmp0(image->config, ref->digest) == 0 ||
		       has(image->content, ref->digest);
	for (guint i = 0; i < image->digests->len; i++) {
		const char *digest;
		g_autofree char *name = split_digest(image->digests->pdata[i], &digest);

		if (strcmp(digest, ref->digest) == 0 && imageref_match_name(ref, name))
			return true;
	}
	/* Where no store says by which name it came, the content has to do: it is the same. */
	return image->why_unknown && has(image->content, ref->digest);
}

static bool matches(const struct settings *s, const struct subject *who, const struct image *image,
		    const struct imageref *ref, char **why)
{
#ifdef MUTANT_IMAGE_BY_TAG
	for (guint i = 0; ref->tag && i < image->tags->len; i++)
		if (g_str_has_prefix(image->tags->pdata[i], ref->name))
			return true;
#endif
	if (ref->digest)
		return matches_digest(image, ref);
	if (s->ask_registry)
		return matches_registry(s, who, image, ref, why);
	return matches_local(image, ref);
}

static bool is_any(const struct imageref *ref)
{
	return g_strcmp0(ref->name, "*") == 0 && g_strcmp0(ref->tag, "*") == 0;
}

/* Was @image built from @base: are all layers of that one the lowest of this one? */
static bool is_derived(const struct image *image, const struct image *base)
{
	if (base->layers->len == 0 || base->layers->len >= image->layers->len)
		return false;
	for (guint i = 0; i < base->layers->len; i++)
		if (strcmp(base->layers->pdata[i], image->layers->pdata[i]) != 0)
			return false;
	return true;
}

/* Only what was never pulled: what comes from a registry is judged by its own name. */
static const struct settings_image *
match_derived(const struct settings *s, const struct subject *who, const struct image *image)
{
	g_autoptr(GPtrArray) bases = NULL;

	if (!s->allow_derived || image->digests->len || !image->layers->len)
		return NULL;
	bases = image->store ? docker_images(image) : containerd_images(who);
	for (guint i = 0; bases && i < bases->len; i++) {
		const struct image *base = bases->pdata[i];
		g_autofree char *why = NULL;

		if (!is_derived(image, base))
			continue;
		for (guint k = 0; k < s->images->len; k++) {
			const struct settings_image *entry = s->images->pdata[k];

			if (matches(s, who, base, &entry->ref, &why))
				return entry;
		}
	}
	return NULL;
}

/**
 * images_match() - the entry of the settings' list that lets @image have the engine's socket
 * @image: NULL: nobody knows which it is
 * @why: set to what more there is to say if there is none; freed with g_free()
 */
const struct settings_image *images_match(const struct settings *s, const struct subject *who,
					  const struct image *image, char **why)
{
	for (guint i = 0; i < s->images->len; i++) {
		const struct settings_image *entry = s->images->pdata[i];

		if (is_any(&entry->ref) || (image && matches(s, who, image, &entry->ref, why)))
			return entry;
	}
	if (s->images->len == 0)
		*why = g_strdup("the list is empty");
	else if (image && image->why_unknown && !*why)
		*why = g_strdup(image->why_unknown);
	return image ? match_derived(s, who, image) : NULL;
}
