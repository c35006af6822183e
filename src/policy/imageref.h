/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of images: "docker:cli", "name@sha256:…"; in the settings also with stars.
 */
#include <glib.h>
#include <stdbool.h>

struct imageref {
	char *name;   /* normalised: "docker.io/library/docker"; "*": any; NULL: digest alone */
	char *tag;    /* "latest" where none was given; "*": any; NULL: a digest was given */
	char *digest; /* "sha256:…" or NULL */
};

bool imageref_parse(const char *text, bool pattern, struct imageref *ret);
void imageref_clear(struct imageref *ref);
bool imageref_match_name(const struct imageref *pattern, const char *name);
bool imageref_match_tag(const struct imageref *pattern, const char *tag);
bool imageref_is_digest(const char *text);
char *imageref_name_of(const char *text);
