/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The mount plan of a container as data: what the launcher prepares in the workshop, and what PID 1
 * does with it, in the order of the specification.
 */
#include "runtime/overlay.h"
#include "runtime/spec.h"
#include "runtime/vet.h"

#include <glib.h>
#include <stdbool.h>

enum plan_kind {
	PLAN_PART,   /* attach the workshop's part `from` */
	PLAN_NEW,    /* mount a new instance, by the container's own power: tmpfs, devpts, mqueue */
	PLAN_CGROUP, /* the control group tree, as the kernel's own cgroup namespace shows it */
};

/* How the owners in a mount are shifted, and why: for `cloister status`. */
struct plan_shift {
	const char *how; /* "idmapped", "shiftfs", "native", "none" */
	const char *why;
};

/* A FUSE mount that waits for its server: what serve.c starts once everything is mounted. */
struct plan_served {
	int source_fd; /* a detached clone of what is shown */
	int fuse_fd;
	GPtrArray *args; /* char *: the server's options about it but descriptors */
	char *as;	 /* with whose rights; NULL: root's */
	char *what;	 /* for messages */
	bool started;
};

/* An engine's socket, in whose place the container gets that of a cloister-sockproxy. */
struct plan_proxy {
	int dir_fd;	/* O_PATH: the directory it is in */
	char *name;	/* there */
	char *commands; /* the list, as sockcommands_format() has it */
	char *image;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct plan_step {
	enum plan_kind kind;
	char from[16]; /* "proc", "vol/3" */
	const struct spec_mount *mount;
	int tree_fd;	    /* volumes: the detached clone of the source, until it is attached */
	char *path;	    /* volumes: the canonical path of the source on the host */
	bool file;	    /* the source is not a directory */
	const char *device; /* it is one that every container has: its name in /dev, or NULL */
	bool recursive;
	bool own_systemd; /* PLAN_CGROUP: the hierarchy of systemd is writable in any case */
	struct plan_proxy
		*proxy; /* tree_fd is that of the socket until proxylink_start(); or NULL */
	char *as;	/* with whose rights it is served: the server's --as; or NULL */
	struct plan_shift shift;
};

struct plan {
	GArray *steps;		      /* struct plan_step */
	int root_tree;		      /* detached clone of the root file system, -1 for a tmpfs */
	struct overlay *root_overlay; /* its layers if it is on overlay, else NULL */
	GError *root_error;	      /* why they were not found; matters if it has to be rebuilt */
	bool root_rebuilt;	      /* root_tree is an overlay of our own */
	int root_view;		      /* that overlay, to be shown to the engine; or -1 */
	int root_mirror;	      /* the FUSE mount that shows it; or -1 */
	int mountinfo_fd;	      /* the host's mounts, to explain errors with; or -1 */
	int template_fd;	      /* directory whose content a tmpfs root begins with */
	struct plan_shift root_shift;
	GArray *served; /* struct plan_served */
};

bool plan_make(const struct spec *spec, struct vet *vet, struct plan *plan, GError **error);
void plan_proxy_free(struct plan_proxy *proxy);
void plan_clear(struct plan *plan);
