/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the administrator's settings say of the mounts of one container.
 */
#include "policy/images.h"
#include "policy/mounttab.h"
#include "policy/restricted.h"
#include "policy/settings.h"
#include "policy/sockets.h"

#include <glib.h>
#include <stdbool.h>

/* One mount that is asked for. */
struct policy_mount {
	int fd;			 /* its source, O_PATH */
	const char *source;	 /* as it was given */
	const char *destination; /* NULL: the root file system */
	bool recursive;
	bool readonly;	   /* nothing can be written through it … */
	bool rec_readonly; /* … nor through the mounts it carries along */
	bool own;	   /* the launcher's own, nobody asked for it */
};

/* How a mount that passes is to be made. */
struct policy_grant {
	char *socket; /* the path of an engine's: give that of cloister-sockproxy; or NULL */
	char *image;  /* which is why, for messages */
	struct sockcommands commands; /* with this list */
	bool as_user;		      /* served with the rights of: */
	uid_t uid;
	bool readonly;	 /* whatever was asked for */
	GPtrArray *hide; /* char *, paths below the source to be hidden; NULL: none */
};

/* The layers of the overlay mount @id, as its mounter named them; char *. */
typedef GPtrArray *(*policy_layers_fn)(const char *mountinfo, uint64_t id);

struct policy {
	struct settings *settings;
	struct subject who;
	policy_layers_fn layers;
	struct mounttab mounts;
	bool loaded;
	struct restricted restricted;
	struct sockets sockets;
	GPtrArray *events;   /* char *: what was refused, or would have been */
	GPtrArray *warnings; /* char *: what whoever starts the container is to read */
	bool quiet;	     /* nothing is written to the log: somebody only asks */
	struct image *image; /* somebody asks about this one; borrowed. NULL: the container's */
};

bool policy_begin(struct policy *p, struct settings *settings, const struct subject *who,
		  policy_layers_fn layers, GError **error);
bool policy_judge(struct policy *p, const struct policy_mount *m, struct policy_grant *grant,
		  GError **error);
bool policy_settled(struct policy *p);
void policy_grant_clear(struct policy_grant *grant);
void policy_end(struct policy *p);

void policy_refused_add(int state_fd, const char *id, const char *text);
char **policy_refused_read(int state_fd);
