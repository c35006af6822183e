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
#include <stdio.h>
#include <sys/types.h>

/* Cloister's own annotations. They ask for nothing that a user could not ask for anyway. */
#define ANNOTATION_ROOTFS "org.cloister.rootfs" /* "tmpfs": root.path is copied into a tmpfs */
/* "always": root and volumes are served by shiftfs also where the kernel can map ids */
#define ANNOTATION_FALLBACK "org.cloister.fallback"
#define ANNOTATION_SHIFT                                                                           \
	"org.cloister.shift" /* "optional": read-only system trees may stay unshifted */

enum spec_ns {
	SPEC_NS_USER,
	SPEC_NS_MOUNT,
	SPEC_NS_PID,
	SPEC_NS_NETWORK,
	SPEC_NS_IPC,
	SPEC_NS_UTS,
	SPEC_NS_CGROUP,
	SPEC_NS_TIME,
	SPEC_NS_COUNT
};

struct spec_namespace {
	bool present; /* listed; else the caller's is asked for */
	char *path;   /* to join, absolute; NULL: a new one */
};

/* Ids [inside, inside + count) in the container are [outside, outside + count) on the host. */
struct spec_map {
	uint32_t inside, outside, count;
};

enum spec_hook_kind {
	SPEC_HOOK_PRESTART,
	SPEC_HOOK_CREATE_RUNTIME,
	SPEC_HOOK_CREATE_CONTAINER,
	SPEC_HOOK_START_CONTAINER,
	SPEC_HOOK_POSTSTART,
	SPEC_HOOK_POSTSTOP,
	SPEC_HOOK_COUNT
};

struct spec_hook {
	char *path;  /* absolute */
	char **args; /* argv, with argv[0]; never empty */
	char **env;  /* all of it */
	int timeout; /* s; 0: none */
};

/* How a bind is served where, or although, the kernel can map ids: shiftfs-fallback/. */
struct spec_serve {
	bool always;	 /* "shiftfs", or one of the others but cache */
	char *as;	 /* "as=USER[:GROUP]": with this user's rights; or NULL */
	GPtrArray *hide; /* "hide=PATH": char *, or NULL */
	char *cache;	 /* "cache=strict", "auto", "always"; or NULL */
};

struct spec_mount {
	char *destination; /* absolute, without "." and ".."; never "/" */
	char *type;	   /* "bind", "tmpfs", "proc", …; never NULL */
	char *source; /* may be NULL; of a bind absolute (relative ones are below the bundle) */
	bool bind;
	bool recursive;
	bool shift_optional; /* where the kernel cannot map ids: show owners as nobody */
	bool tmpcopyup;	     /* tmpfs: begins with what the root file system has there */
	uint64_t set;	     /* MOUNT_ATTR_* of the mount itself */
	/* MOUNT_ATTR_* asked for as "rw", "suid", …; all of MOUNT_ATTR__ATIME if the access times
	 * are spoken of, as mount_setattr(2) wants it */
	uint64_t clear;
	uint64_t rec_set; /* the same for the whole tree: "rro", "rnosuid", … */
	uint64_t rec_clear;
	unsigned long propagation; /* MS_{PRIVATE,SLAVE,SHARED,UNBINDABLE}, perhaps | MS_REC; 0 */
	bool idmap;		   /* "idmap", "ridmap" or mappings of its own */
	bool idmap_recursive;
	GArray *uid_map; /* struct spec_map; empty: the container's own */
	GArray *gid_map;
	struct spec_serve serve;
	char *data; /* file system options, comma separated, or NULL; of a bind NULL */
};

struct spec_device {
	char *path; /* absolute */
	char type;  /* 'c' ('u' is read as that), 'b', 'p' */
	unsigned int major, minor;
	mode_t mode;  /* permission bits; default 0666 */
	uint32_t uid; /* ids inside */
	uint32_t gid;
};

struct spec_caps {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

struct spec_scheduler {
	bool present;
	int policy; /* SCHED_* */
	int nice;
	int priority;
	uint64_t flags; /* SCHED_FLAG_* */
	uint64_t runtime, deadline, period;
};

struct spec_process {
	bool terminal;
	uint16_t console_width, console_height; /* characters; 0: unset */
	bool no_new_privs;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	GArray *groups; /* gid_t */
	char **args;	/* never NULL */
	char **env;
	char *cwd;
	struct spec_caps caps;
	GArray *rlimits; /* struct spec_rlimit */
	int oom_score_adj;
	bool has_oom_score_adj;
	char *apparmor_profile; /* may be NULL */
	char *selinux_label;	/* may be NULL */
	int ioprio;		/* as ioprio_set(2) takes it; -1: unset */
	struct spec_scheduler scheduler;
	char *cpu_affinity_initial; /* "0-2,5" or NULL; exec only */
	char *cpu_affinity_final;
	GPtrArray *warnings; /* char *: what cannot be given; one line each */
};

struct spec_rlimit {
	int resource;
	uint64_t soft, hard;
};

struct spec {
	json_t *json; /* the whole, owned */
	char *bundle; /* absolute */
	struct spec_process process;
	bool has_process; /* else process.args is empty, and `start` has nothing to run */
	char *root_path;  /* absolute */
	bool root_readonly;
	bool root_tmpfs;		/* ANNOTATION_ROOTFS */
	bool serve_always;		/* ANNOTATION_FALLBACK */
	unsigned long root_propagation; /* MS_* as in spec_mount; 0: unset */
	char *hostname;
	char *domainname;
	GPtrArray *mounts; /* struct spec_mount * */
	struct spec_namespace ns[SPEC_NS_COUNT];
	GArray *uid_map; /* struct spec_map; empty if the specification has none */
	GArray *gid_map;
	GPtrArray *devices;		   /* struct spec_device * */
	GPtrArray *hooks[SPEC_HOOK_COUNT]; /* struct spec_hook * */
	char **masked_paths;
	char **readonly_paths;
	char *cgroups_path; /* may be NULL */
	char *mount_label;  /* SELinux context for the container's own file systems; may be NULL */
	struct cgroup_limits limits;
	unsigned long personality; /* PER_*; PER_LINUX if unset */
	json_t *resources;	   /* borrowed from json; may be NULL */
	json_t *seccomp;
	json_t *sysctl;
	json_t *annotations;
	json_t *time_offsets;
	json_t *net_devices;
	json_t *intel_rdt;
	json_t *memory_policy;
	GPtrArray *warnings; /* char *: of the whole document, those of the process included */
};

json_t *spec_read_json(const char *path, GError **error);
json_t *spec_read_stream(FILE *f, const char *name, GError **error);
json_t *spec_parse_json(const char *text, size_t len, const char *name, GError **error);
struct spec *spec_load(const char *bundle, const char *config, GError **error);
struct spec *spec_from_json(json_t *json, const char *bundle, GError **error);
void spec_free(struct spec *spec);
bool spec_parse_process(json_t *json, struct spec_process *process, GError **error);
void spec_process_order_groups(struct spec_process *p);
void spec_process_clear(struct spec_process *process);

bool spec_check_namespaces(const struct spec *spec, GError **error);
bool spec_check_mappings(const struct spec *spec, GError **error);

char **spec_mount_option_names(void);
const char *spec_ns_name(enum spec_ns ns);
const char *spec_rlimit_name(int resource);
const char *spec_hook_name(enum spec_hook_kind kind);

static inline void spec_cleanup(struct spec **spec)
{
	if (*spec)
		spec_free(*spec);
}
#define autospec __attribute__((cleanup(spec_cleanup))) struct spec *
