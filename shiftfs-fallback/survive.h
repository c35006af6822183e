/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What outlives a killed server: memory and descriptors that are shared with sleeping keepers, who
 * start another.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/fuse.h>

struct process;
struct ring_entry;
struct server;

/* For the header of a WRITE; the kernel wants at least 8 KiB. */
#define IN_SIZE (MAX_IO + 4096)

#define MAX_SLOTS   256
#define MAX_WAITERS 1024

/* A worker's request in hand; in shared memory. */
struct slot {
	char *in;	  /* IN_SIZE bytes. In use as long as the header has a length */
	uint32_t started; /* it may have been carried out, */
	uint32_t done;	  /* or has: with .error */
	int32_t error;
	uint32_t tries;
	int64_t when; /* seconds since 1970, before it was started */
	uint64_t aux; /* the handler's */
};

/* Who waits for a lock (locks.c). */
struct waiter {
	struct fuse_in_header in; /* .unique: 0 if there is none */
	struct fuse_lk_in lk;
	struct ring_entry *entry; /* which the answer goes to; or NULL: the connection */
};

/* Of one mount. */
struct survivor {
	/* what INIT agreed on */
	bool initialized;
	uint32_t minor;
	bool setxattr_ext, passthrough, locks;

	bool over; /* unmounted; its descriptors are closed, or lost */
	uint32_t nodes_top, files_top, owners_top; /* pool.h */
	struct slot slot[MAX_SLOTS];
	struct waiter waiter[MAX_WAITERS];
};

enum { PROC_SERVER, PROC_KEEPER, PROC_SPARE, N_PROCS };

/* Of the processes that serve them all. */
struct keepers {
	bool ready; /* it was said that they can be used */
	int proc_fd;
	int32_t pid[N_PROCS], pidfd[N_PROCS];
	bool ended; /* of its own will: with .status */
	int status;
	uint32_t deaths;
};

int survive_init(struct process *p);
int survive_init_mount(struct server *s);
int survive_run(struct process *p, int (*serve)(struct process *p, bool again));
void survive_end(struct process *p, int status);
