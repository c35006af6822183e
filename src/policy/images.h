/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which image a container is made of, as the engine's store says it, and whether the settings let
 * it have the engine's socket.
 */
#include "policy/settings.h"

#include <glib.h>
#include <stdbool.h>

/* What is known of the container that is being made. */
struct subject {
	const char *id;
	const char *bundle;    /* absolute, or NULL */
	const char *root_path; /* of its root file system */
	const char *state_dir; /* where answers of registries are kept; or NULL */
};

struct image {
	const char *engine; /* "Docker", "containerd", "Podman" */
	char *name;	    /* as the container was asked for */
	char *config;	    /* "sha256:…", digest of the configuration; or NULL */
	GPtrArray *tags;    /* char *, "docker.io/library/docker:cli": anybody can give these */
	GPtrArray *digests; /* char *, "docker.io/library/docker@sha256:…": seen at a pull */
	GPtrArray *content; /* char *, "sha256:…": what the image's manifests are */
	GPtrArray *layers;  /* char *, "sha256:…" of the layers' content, lowest first */
	char *why_unknown;  /* why there are no digests, for people; or NULL */
	char *socket;	    /* where the engine may be asked about registries; or NULL */
	char *store;	    /* the directory of the engine's store, for other images; or NULL */
};

struct image *image_new(const char *engine);
void image_free(struct image *image);
static inline void image_cleanup(struct image **image)
{
	if (*image)
		image_free(*image);
}
#define autoimage __attribute__((cleanup(image_cleanup))) struct image *

struct image *images_find(const struct subject *who, GError **error);
struct image *docker_find(const struct subject *who, GError **error);
struct image *docker_find_image(const char *root, const char *name);
GPtrArray *docker_images(const struct image *image);
struct image *containerd_find(const struct subject *who, GError **error);
GPtrArray *containerd_images(const struct subject *who);
void containerd_add_sources(const struct subject *who, struct image *image);
struct image *podman_find(const struct subject *who, GError **error);
const struct settings_image *images_match(const struct settings *s, const struct subject *who,
					  const struct image *image, char **why);
