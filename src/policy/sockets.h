/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which sockets of the host are those of a container engine.
 */
#include "policy/mounttab.h"

#include <glib.h>
#include <stdbool.h>

struct sockets {
	GArray *listening; /* struct socket_entry; NULL: not looked yet */
	GHashTable *held;  /* numbers of the sockets that engines hold; NULL: not looked yet */
};

void sockets_init(struct sockets *s);
void sockets_clear(struct sockets *s);
bool sockets_is_engines(struct sockets *s, const struct object *o);
char *sockets_path(struct sockets *s, const struct object *o);
char *sockets_find_below(struct sockets *s, const struct mounttab *tab, const struct object *dir,
			 GPtrArray *places);
