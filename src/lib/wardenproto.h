/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the launcher and the warden say to each other over their SOCK_SEQPACKET pair. One struct is
 * one message; the two programs are always of one build.
 */
#include "lib/proc.h"
#include "lib/rundir.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WARDEN_CONTROL_FD 3

/*
 * Launcher to warden, first. With it: state root, container directory, alive lock, /dev/fuse, and
 * the server's file system.
 */
enum {
	WARDEN_FD_ROOT,
	WARDEN_FD_DIR,
	WARDEN_FD_ALIVE,
	WARDEN_FD_FUSE,
	WARDEN_FD_VIEWS,
	WARDEN_N_FDS
};

/*
 * In the container's directory. Whoever starts a process there sends one byte and the listener of
 * its filter, and gets 0 or -errno (int) when warden and twin have it.
 */
#define WARDEN_LISTENER_SOCKET "listener"

/* What the administrator lets the warden do for the container's processes. */
enum {
	WARDEN_GRANT_MKNOD = 1 << 0, /* nodes of harmless devices */
	WARDEN_GRANT_FUSE = 1 << 1,  /* among them */
	WARDEN_GRANT_TUN = 1 << 2,
	WARDEN_GRANT_SETXATTR = 1 << 3, /* an overlay's opaque directories */
	WARDEN_GRANT_SWAP = 1 << 4,	/* the container's own swap, off and on */
};

struct warden_hello {
	char id[RUNDIR_ID_MAX + 1];
	char server[512]; /* path of cloister-fs */
	char warden[512]; /* and of cloister-warden, for `cloister reload` */
	struct rundir_record record;
	uid_t uid; /* the container's root on the host */
	gid_t gid;
	unsigned int grants; /* WARDEN_GRANT_* */
	int64_t boot_offset; /* ns of CLOCK_BOOTTIME when the container's clocks began */
};

enum warden_order_type {
	WARDEN_ORDER_INIT =
		1,	     /* PID 1 exists: its pidfd comes along, and a namespace to let go of */
	WARDEN_ORDER_DETACH, /* the launcher leaves and the container stays */
	/* a procfs of its pid namespace and its /proc/net/dev come along; before WARDEN_ORDER_INIT
	 */
	WARDEN_ORDER_PIDS,
	WARDEN_ORDER_CONSOLE, /* a pty nobody reads: its master comes along */
	WARDEN_ORDER_SYSCTLS, /* values were set: look which of them the host shares */
};

struct warden_order {
	enum warden_order_type type;
	struct proc_id init;
};

/* Warden to launcher. */
struct warden_event {
	bool ready; /* the server answers; else `text` says why not */
	char text[256];
};
