/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What config.toml calls things, by its version: setup-containerd-version.c */
#include <glib.h>
#include <stdbool.h>

#include "launcher/setup.h"

/* The CRI plugin's service, as version 1 has it and as all others have. */
#define CONTAINERD_CRI_OLD "cri"
#define CONTAINERD_CRI	   "io.containerd.grpc.v1.cri"

struct layout {
	int version;
	const char *id; /* of the plugin that runs containers */
	char *cri;	/* paths of its tables */
	char *runtimes;
	char *ours;
};

typedef struct layout layout_t;

void layout_init(layout_t *l, int version);
void layout_clear(layout_t *l);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(layout_t, layout_clear)

int containerd_version(GPtrArray *lines);
bool containerd_any_below(GPtrArray *lines, const char *table);
char *containerd_rename(const char *text, const char *from, const char *to);
char *containerd_raise(const char *text);
char *containerd_lower(const char *text);
