/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The administrator's settings (/etc/cloister/admin-settings.json), cloister-settings(5).
 */
#include "lib/sockcommands.h"
#include "policy/imageref.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SETTINGS_DIR  "/etc/cloister"
#define SETTINGS_FILE SETTINGS_DIR "/admin-settings.json"
/* The environment variable and the option that name another file. */
#define SETTINGS_ENV "CLOISTER_SETTINGS"

enum settings_mode {
	MODE_ENFORCE, /* refuse */
	MODE_WARN,    /* let it pass, and tell whoever started the container */
	MODE_AUDIT,   /* let it pass, and only write it down */
};

enum settings_as {
	AS_ROOT,  /* as the runtime itself: what the file system lets root do */
	AS_OWNER, /* as the user that owns the directory */
	AS_USER,  /* as the user that is named */
};

/* A directory of the host that containers may have. */
struct settings_share {
	char *path; /* absolute */
	enum settings_as as;
	char *user; /* AS_USER */
	bool readonly;
};

struct settings_image {
	struct imageref ref;
	bool own_commands;
	struct sockcommands commands;
};

#define SETTINGS_UNSET (-1)

/* What a container's processes may have that needs a hand, cloister.inside. */
struct settings_inside {
	bool mknod;    /* nodes of harmless devices */
	bool fuse;     /* /dev/fuse, where it is asked for */
	bool tun;      /* /dev/net/tun, likewise */
	bool kmsg;     /* a /dev/kmsg that keeps nothing */
	int rtprio;    /* the highest real-time priority; SETTINGS_UNSET: as the engine says */
	bool setxattr; /* the mark of an overlay's opaque directories */
	bool swap;     /* swapoff and swapon of what the container has */
};

struct settings {
	char *file;    /* where it was read, or NULL: there is none */
	bool locked;   /* nobody but this file has a say */
	bool disabled; /* "value": false */

	enum settings_mode socket_mode;
	GPtrArray *images; /* struct settings_image * */
	bool allow_derived;
	bool ask_registry;    /* digests as the registry has them now */
	unsigned int max_age; /* s that its answer is believed */
	GPtrArray *sockets;   /* char *: further sockets of engines */
	struct sockcommands commands;

	enum settings_mode mounts_mode;
	bool hide;		 /* serve parents of what is restricted, without it */
	GPtrArray *restricted;	 /* char *: further restricted paths, globs */
	GPtrArray *unrestricted; /* char *: of the built-in ones, these are not */

	bool has_shares;
	enum settings_mode shares_mode;
	GPtrArray *shares; /* struct settings_share * */

	struct settings_inside inside;

	GPtrArray *warnings; /* char *: one line each */
};

struct settings *settings_new(void);
struct settings *settings_parse(char *text, const char *name, GError **error);
struct settings *settings_read(const char *path, GError **error);
struct settings *settings_load(const char *other, GError **error);
void settings_free(struct settings *s);
const char *settings_mode_name(enum settings_mode mode);
const char *settings_as_name(const struct settings_share *share);

static inline void settings_cleanup(struct settings **s)
{
	if (*s)
		settings_free(*s);
}
#define autosettings __attribute__((cleanup(settings_cleanup))) struct settings *
