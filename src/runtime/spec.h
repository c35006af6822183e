/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The OCI runtime specification's config.json, as far as Cloister acts on it.
 */
#include "lib/cgroup.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Cloister's own annotations. They ask for nothing that a user could not ask for anyway. */
#define ANNOTATION_ROOTFS "org.cloister.rootfs" /* "tmpfs": root.path is copied into a tmpfs */
#define ANNOTATION_SHIFT                                                                           \
	"org.cloister.shift" /* "optional": read-only system trees may stay unshifted */

struct spec_mount {
	char *destination;
	char *type;   /* "bind", "tmpfs", "proc", … */
	char *source; /* may be NULL */
	bool bind;
	bool recursive;
	bool shift_optional; /* where the kernel cannot map ids: show owners as nobody */
	uint64_t set;	     /* MOUNT_ATTR_* */
	uint64_t clear;	     /* MOUNT_ATTR_* asked for as "rw", "suid", … */
	char *data;	     /* file system options, comma separated, or NULL */
};

struct spec_caps {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

struct spec_process {
	bool terminal;
	bool no_new_privs;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	GArray *groups; /* gid_t */
	char **args;
	char **env;
	char *cwd;
	struct spec_caps caps;
	GArray *rlimits; /* struct spec_rlimit */
	int oom_score_adj;
	bool has_oom_score_adj;
};

struct spec_rlimit {
	int resource;
	uint64_t soft, hard;
};

struct spec {
	json_t *json; /* the whole, owned */
	struct spec_process process;
	char *root_path; /* absolute */
	bool root_readonly;
	bool root_tmpfs; /* ANNOTATION_ROOTFS */
	char *hostname;
	GPtrArray *mounts; /* struct spec_mount * */
	char **masked_paths;
	char **readonly_paths;
	char *cgroups_path; /* may be NULL */
	struct cgroup_limits limits;
	json_t *seccomp; /* borrowed from json; may be NULL */
	json_t *sysctl;	 /* borrowed; may be NULL */
};

struct spec *spec_load(const char *bundle, const char *config, GError **error);
struct spec *spec_from_json(json_t *json, const char *bundle, GError **error);
void spec_free(struct spec *spec);
bool spec_parse_process(json_t *json, struct spec_process *process, GError **error);
void spec_process_clear(struct spec_process *process);

static inline void spec_cleanup(struct spec **spec)
{
	if (*spec)
		spec_free(*spec);
}
#define autospec __attribute__((cleanup(spec_cleanup))) struct spec *
